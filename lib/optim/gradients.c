/* What is done to all gradients at once, whatever the rule. */
#include <float.h>
#include <socle/sys/memory.h>
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

/* What limits of the length need: a place for it, and for the list of all gradients. */
static socle_status make_length(socle_optimizer *o)
{
    const socle_tensor *like = any_parameter(o);
    if (like == NULL || o->norm != NULL)
        return SOCLE_OK;
    size_t n = 0;
    for (size_t i = 0; i < o->n_groups; i++)
        n += o->groups[i].n;
    if (o->grads == NULL)
        o->grads = socle_mem_zeroed(n, sizeof(socle_tensor *));
    if (o->grads == NULL)
        return SOCLE_ERR_NOMEM;
    o->norm = socle_tensor_new(socle_device_of(like), socle_dtype_of(like), socle_shape0());
    return o->norm == NULL ? socle_error_status() : SOCLE_OK;
}

socle_status socle_optimizer_set_clip(socle_optimizer *o, socle_clip clip)
{
    if (o == NULL)
        return socle_fail(SOCLE_ERR_ARG, "clip: there is no optimizer");
    if (!(clip.value >= 0.0 && clip.value <= (double)FLT_MAX) ||
        !(clip.norm >= 0.0 && clip.norm <= (double)FLT_MAX))
        return socle_fail(SOCLE_ERR_ARG, "clip: a limit of %g for each number and of %g for their length",
                          clip.value, clip.norm);
    socle_status status = clip.norm > 0.0 ? make_length(o) : SOCLE_OK;
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

static socle_status limit_values(const socle_optimizer *o)
{
    const float most = (float)o->clip.value;
    socle_status status = SOCLE_OK;
    for (size_t i = 0; i < o->n_groups; i++)
        for (size_t k = 0; k < o->groups[i].n_now && status == SOCLE_OK; k++) {
            socle_tensor *g = o->groups[i].now[k].g;
            status = socle_prim_unary(SOCLE_UNARY_clamp, g, g, -most, most, 0);
        }
    return status;
}

/* Of all groups together. */
static socle_status limit_length(const socle_optimizer *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_groups; i++)
        for (size_t k = 0; k < o->groups[i].n_now; k++)
            o->grads[n++] = o->groups[i].now[k].g;
    return socle_prim_clip_many(n, o->grads, o->norm, (float)o->clip.norm);
}

socle_status optim_clip(socle_optimizer *o)
{
    socle_status status = o->clip.value > 0.0 ? limit_values(o) : SOCLE_OK;
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
