/* Constants as results of a ctx, and writes in place. Neither is ever recorded. */
#include "core/ctx.h"
#include "core/device.h"
#include "op.h"

/* Hands a freshly written tensor to c; t is owned by this call, s says whether writing it worked. */
static socle_tensor *own_if(socle_ctx *c, socle_tensor *t, socle_status s)
{
    if (s == SOCLE_OK)
        return ctx_own(c, t);
    socle_release(t);
    socle_ctx_fail(c, s);
    return NULL;
}

socle_tensor *socle_full(socle_ctx *c, socle_dtype t, socle_shape s, double value)
{
    if (socle_ctx_status(c) != SOCLE_OK)
        return NULL;
    socle_tensor *y = socle_tensor_new(c->device, t, s);
    return own_if(c, y, y == NULL ? socle_error_status() : socle_prim_fill(y, value));
}

socle_tensor *socle_rand(socle_ctx *c, socle_shape s)
{
    if (socle_ctx_status(c) != SOCLE_OK)
        return NULL;
    socle_tensor *y = socle_tensor_new(c->device, c->device->caps.real, s);
    if (y == NULL)
        return own_if(c, y, socle_error_status());
    return own_if(c, y, socle_prim_random_uniform(y, socle_ctx_draw(c, socle_numel(y)), 0.0f, 1.0f));
}

socle_tensor *socle_randn(socle_ctx *c, socle_shape s)
{
    if (socle_ctx_status(c) != SOCLE_OK)
        return NULL;
    socle_tensor *y = socle_tensor_new(c->device, c->device->caps.real, s);
    if (y == NULL)
        return own_if(c, y, socle_error_status());
    return own_if(c, y, socle_prim_random_normal(y, socle_ctx_draw(c, socle_numel(y)), 0.0f, 1.0f));
}

/* ---- in place ---- */

/* The status of an in-place call on c that came to s. */
static socle_status stick(socle_ctx *c, socle_status s)
{
    return s == SOCLE_OK ? s : socle_ctx_fail(c, s);
}

static socle_status check_operand(const char *name, const char *what, const socle_ctx *c, const socle_tensor *t)
{
    SOCLE_CHECK(t != NULL, SOCLE_ERR_ARG, "%s: %s is NULL", name, what);
    SOCLE_CHECK(socle_device_of(t) == c->device, SOCLE_ERR_ARG,
                "%s: %s lives on another device (%s) than the ctx (%s)", name, what,
                socle_device_name(socle_device_of(t)), socle_device_name(c->device));
    return SOCLE_OK;
}

socle_status socle_fill(socle_ctx *c, socle_tensor *dst, double value)
{
    if (socle_ctx_status(c) != SOCLE_OK)
        return socle_ctx_status(c);
    socle_status s = check_operand("fill", "the destination", c, dst);
    if (s == SOCLE_OK)
        s = socle_prim_fill(dst, value);
    return stick(c, s);
}

socle_status socle_assign(socle_ctx *c, socle_tensor *dst, socle_tensor *src)
{
    if (socle_ctx_status(c) != SOCLE_OK)
        return socle_ctx_status(c);
    socle_status s = check_operand("assign", "the destination", c, dst);
    if (s == SOCLE_OK)
        s = check_operand("assign", "the source", c, src);
    if (s == SOCLE_OK)
        s = socle_prim_copy(dst, src);
    return stick(c, s);
}

socle_status socle_axpby(socle_ctx *c, socle_tensor *dst, double a, socle_tensor *src, double b)
{
    if (socle_ctx_status(c) != SOCLE_OK)
        return socle_ctx_status(c);
    socle_status s = check_operand("axpby", "the destination", c, dst);
    if (s == SOCLE_OK)
        s = check_operand("axpby", "the source", c, src);
    if (s == SOCLE_OK)
        s = socle_prim_axpby(dst, (float)a, src, (float)b);
    return stick(c, s);
}
