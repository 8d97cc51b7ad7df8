/* The gradients of a convolution and of the batch norm behind it, together. Two primitives where the device does not know
 * better: then the gradient between them is a temporary. */
#include "prim/call.h"
#include "prim/validate.h"

static socle_status validate(const socle_conv *conv, socle_epilogue e, const socle_norm *p,
                             const socle_conv_norm_tensors *v)
{
    SOCLE_CHECK(v->y, SOCLE_ERR_ARG, "conv2d: the result is missing");
    SOCLE_CHECK(p && p->batch, SOCLE_ERR_ARG, "conv2d: the norm behind it is not one over images");
    if (v->dx || v->dw || v->db)
        SOCLE_TRY(validate_conv_grad(conv, e, v->dx, v->dw, v->db, v->y, v->x, v->w, v->y));
    return validate_normalize_grad(p, v->y, v->dgamma, v->dbeta, v->dz, v->y, v->mean, v->var, v->gamma, v->beta);
}

static socle_status in_two(const socle_conv *conv, socle_epilogue e, const socle_norm *p,
                           const socle_conv_norm_tensors *v)
{
    const socle_view *y = &v->y->view;
    socle_tensor *dy = NULL;
    bool wanted = v->dx || v->dw || v->db;
    if (wanted && !(dy = socle_tensor_dense(v->y->store->device, y->dtype, view_shape(y), y->lanes)))
        return socle_error_status();
    socle_status s = SOCLE_OK;
    if (dy || v->dgamma || v->dbeta)
        s = socle_prim_normalize_grad(p, dy, v->dgamma, v->dbeta, v->dz, v->y, v->mean, v->var, v->gamma, v->beta);
    if (s == SOCLE_OK && wanted)
        s = socle_prim_conv_grad(conv, e, v->dx, v->dw, v->db, dy, v->x, v->w, v->y);
    socle_release(dy);
    return s;
}

/* A vector of n, or NULL. */
static bool vector(const socle_tensor *t, int64_t n, socle_in *out)
{
    *out = t ? &t->view : NULL;
    return !t || (view_is_row_major(&t->view) && shape_numel(view_shape(&t->view)) == n);
}

/* The operands as the slot wants them. False where they are not: then two primitives sort that out. */
static bool operands(const socle_conv_norm_tensors *t, socle_conv_norm *v)
{
    if (!t->dx && !t->dw && !t->db)
        return false;
    int64_t k = t->w->view.dim[0];
    socle_in dgamma, dbeta, db;
    *v = (socle_conv_norm){ .dx = t->dx ? &t->dx->view : NULL,
                            .dw = t->dw ? &t->dw->view : NULL,
                            .dz = &t->dz->view,
                            .x = &t->x->view,
                            .w = &t->w->view,
                            .y = &t->y->view };
    bool dense = vector(t->db, k, &db) && vector(t->dgamma, k, &dgamma) && vector(t->dbeta, k, &dbeta) &&
                 vector(t->mean, k, &v->mean) && vector(t->var, k, &v->var) && vector(t->gamma, k, &v->gamma) &&
                 vector(t->beta, k, &v->beta);
    v->db = t->db ? &t->db->view : NULL;
    v->dgamma = t->dgamma ? &t->dgamma->view : NULL;
    v->dbeta = t->dbeta ? &t->dbeta->view : NULL;
    return dense && !tensor_is_empty(t->y) && view_is_row_major(v->w) && (!v->dw || view_is_row_major(v->dw));
}

socle_status socle_prim_conv_norm_grad(const socle_conv *conv, socle_epilogue e, const socle_norm *p,
                                       const socle_conv_norm_tensors *v)
{
    SOCLE_CHECK(v, SOCLE_ERR_ARG, "conv2d: the operands are missing");
    SOCLE_TRY(validate(conv, e, p, v));
    call k = call_on(v->y);
    const socle_backend *slots = optional_slots(k.device, offsetof(socle_backend, conv_norm_grad));
    socle_conv_norm views;
    socle_status s = SOCLE_ERR_UNSUPPORTED;
    if (slots && slots->conv_norm_grad && operands(v, &views))
        s = slots->conv_norm_grad(k.device->self, conv, e, p, &views);
    if (call_count(&k, PRIM_conv_norm_grad, s) == SOCLE_ERR_UNSUPPORTED)
        return call_end(&k, in_two(conv, e, p, v), NULL);
    socle_tensor *const written[] = { v->dx, v->dw, v->db, v->dgamma, v->dbeta };
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        if (written[i])
            tensor_touch(written[i]);
    return call_end(&k, s, NULL);
}
