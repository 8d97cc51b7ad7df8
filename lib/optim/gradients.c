/* What is done to all gradients at once, whatever the rule. */
#include <float.h>
#include <socle/sys/prim.h>
#include "optimizer.h"

/* ---- limits ---- */

/* The first parameter, or NULL. */
static const socle_tensor *any_parameter(const socle_optimizer *o)
{
    for (size_t i = 0; i < o->n_groups; i++)
        if (o->groups[i].n > 0)
            return o->groups[i].all[0].p;
    return NULL;
}

static socle_status make_scalar(socle_tensor **scalar, const socle_tensor *like)
{
    if (*scalar == NULL)
        *scalar = socle_tensor_new(socle_device_of(like), socle_dtype_of(like), socle_shape0());
    return *scalar == NULL ? socle_error_status() : SOCLE_OK;
}

socle_status socle_optimizer_set_clip(socle_optimizer *o, socle_clip clip)
{
    if (o == NULL)
        return socle_fail(SOCLE_ERR_ARG, "clip: there is no optimizer");
    if (!(clip.value >= 0.0 && clip.value <= (double)FLT_MAX) ||
        !(clip.norm >= 0.0 && clip.norm <= (double)FLT_MAX))
        return socle_fail(SOCLE_ERR_ARG, "clip: a limit of %g for each number and of %g for their length",
                          clip.value, clip.norm);
    const socle_tensor *like = any_parameter(o);
    socle_status status = SOCLE_OK;
    if (clip.norm > 0.0 && like != NULL) {
        status = make_scalar(&o->norm, like);
        if (status == SOCLE_OK)
            status = make_scalar(&o->part, like);
    }
    if (status == SOCLE_OK)
        o->clip = clip;
    return status;
}

socle_clip socle_optimizer_clip(const socle_optimizer *o)
{
    return o != NULL ? o->clip : (socle_clip){ 0 };
}

const socle_tensor *socle_optimizer_grad_norm(const socle_optimizer *o)
{
    return o != NULL && o->clip.norm > 0.0 ? o->norm : NULL;
}

typedef socle_status (*grad_fn)(const socle_optimizer *o, socle_tensor *g);

static socle_status each_gathered(const socle_optimizer *o, grad_fn f)
{
    socle_status status = SOCLE_OK;
    for (size_t i = 0; i < o->n_groups; i++)
        for (size_t k = 0; k < o->groups[i].n_now && status == SOCLE_OK; k++)
            status = f(o, o->groups[i].now[k].g);
    return status;
}

static socle_status limit_values(const socle_optimizer *o, socle_tensor *g)
{
    float most = (float)o->clip.value;
    return socle_prim_unary(SOCLE_UNARY_clamp, g, g, -most, most, 0);
}

static socle_status add_square(const socle_optimizer *o, socle_tensor *g)
{
    socle_status status = socle_prim_reduce(SOCLE_REDUCE_SUMSQ, o->part, g, 0);
    return status != SOCLE_OK ? status : socle_prim_axpby(o->norm, 1.0f, o->part, 1.0f);
}

static socle_status divide(const socle_optimizer *o, socle_tensor *g)
{
    return socle_prim_binary(SOCLE_BINARY_div, g, g, o->part);
}

/* Gradients are divided by max(1, (length + 1e-6) / limit). */
static socle_status limit_length(const socle_optimizer *o)
{
    const float limit = (float)o->clip.norm;
    socle_status status = socle_prim_fill(o->norm, 0.0);
    if (status == SOCLE_OK)
        status = each_gathered(o, add_square);
    if (status == SOCLE_OK)
        status = socle_prim_unary(SOCLE_UNARY_sqrt, o->norm, o->norm, 0, 0, 0);
    if (status == SOCLE_OK)
        status = socle_prim_unary(SOCLE_UNARY_affine, o->part, o->norm, 1.0f / limit, 1e-6f / limit, 0);
    if (status == SOCLE_OK)
        status = socle_prim_unary(SOCLE_UNARY_clamp, o->part, o->part, 1.0f, FLT_MAX, 0);
    return status == SOCLE_OK ? each_gathered(o, divide) : status;
}

socle_status optim_clip(socle_optimizer *o)
{
    socle_status status = o->clip.value > 0.0 ? each_gathered(o, limit_values) : SOCLE_OK;
    return status == SOCLE_OK && o->clip.norm > 0.0 && o->norm != NULL ? limit_length(o) : status;
}

/* ---- factors ---- */

socle_status socle_optimizer_scale_grads(socle_optimizer *o, double factor)
{
    if (o == NULL)
        return socle_fail(SOCLE_ERR_ARG, "scale_grads: there is no optimizer");
    socle_status status = SOCLE_OK;
    for (size_t i = 0; i < o->n_groups; i++)
        for (size_t k = 0; k < o->groups[i].n && status == SOCLE_OK; k++) {
            socle_tensor *g = socle_grad(o->groups[i].all[k].p);
            if (g != NULL)
                status = socle_prim_unary(SOCLE_UNARY_affine, g, g, (float)factor, 0.0f, 0);
        }
    return status;
}

uint64_t socle_optimizer_steps(const socle_optimizer *o)
{
    return o != NULL ? o->steps : 0;
}
