/* Runs an op: collects the operands, asks infer, chooses the memory format, allocates, runs forward, records.
 *
 * This is the one way into every op, so the rules that hold for all of them live here: sticky status, NULL
 * operands, one device, the format of results, and when something is recorded. */
#include <string.h>
#include "core/ctx.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/tensor.h"
#include "tape.h"

static socle_spec spec_of(const socle_tensor *t)
{
    return (socle_spec){ t->view.dtype, t->view.lanes, view_shape(&t->view) };
}

/* A missing operand is worded with what went wrong before it, which is most often why it is missing. */
static socle_status missing(const socle_op *op, int i)
{
    if (socle_error_status() == SOCLE_OK)
        return socle_fail(SOCLE_ERR_ARG, "%s: input %d is NULL", op->name, i);
    char before[512];
    size_t n = strlen(socle_error());
    if (n >= sizeof before)
        n = sizeof before - 1;
    memcpy(before, socle_error(), n);
    before[n] = '\0';
    return socle_fail(SOCLE_ERR_ARG, "%s: input %d is NULL (before that: %s)", op->name, i, before);
}

static socle_status collect(socle_call *k, const socle_op *op, int n_in, int n_required, socle_tensor *const *in)
{
    SOCLE_CHECK(n_in >= 0 && n_in <= SOCLE_OP_MAX_IN, SOCLE_ERR_ARG, "%s: %d inputs, at most %d are possible",
                op->name, n_in, (int)SOCLE_OP_MAX_IN);
    k->n_in = n_in;
    for (int i = 0; i < n_in; i++) {
        if (in[i] == NULL) {
            if (i < n_required)
                return missing(op, i);
            continue;
        }
        SOCLE_CHECK(socle_device_of(in[i]) == k->ctx->device, SOCLE_ERR_ARG,
                    "%s: input %d lives on another device (%s) than the ctx (%s)", op->name, i,
                    socle_device_name(socle_device_of(in[i])), socle_device_name(k->ctx->device));
        k->in[i] = in[i];
        k->spec[i] = spec_of(in[i]);
    }
    return SOCLE_OK;
}

static bool is_real(socle_dtype t)
{
    return t == SOCLE_F32 || t == SOCLE_F64;
}

/* Is this call recorded: gradients are on, the op has one, and it leads to something that wants it? */
static bool is_recorded(const socle_call *k, const socle_op *op)
{
    if (!k->ctx->grad || op->backward == NULL || !is_real(k->out_spec[0].dtype))
        return false;
    for (int i = 0; i < k->n_in; i++)
        if (tape_wants(k->ctx, k->in[i]))
            return true;
    return false;
}

/* The format of a result of shape s. One dimension or none: always row-major. */
static int32_t lanes_for(const socle_call *k, socle_layout layout, socle_shape s)
{
    if (s.ndim < 2 || layout == SOCLE_LAYOUT_ROW_MAJOR)
        return 1;
    if (layout == SOCLE_LAYOUT_BATCH)
        return s.dim[0] >= SOCLE_BATCH_MIN ? k->ctx->device->caps.lanes : 1;
    for (int i = 0; i < k->n_in; i++)
        if (k->in[i] != NULL && k->spec[i].lanes != 1 && k->spec[i].shape.ndim == s.ndim &&
            k->spec[i].shape.dim[0] == s.dim[0])
            return k->spec[i].lanes;
    return 1;
}

static socle_status infer(socle_call *k, const socle_op *op)
{
    SOCLE_TRY(op->infer(k, k->out_spec));
    for (int i = 0; i < op->n_out; i++) {
        int64_t numel;
        SOCLE_TRY(shape_check(op->name, k->out_spec[i].shape, &numel));
        k->out_spec[i].lanes = lanes_for(k, op->layout, k->out_spec[i].shape);
    }
    return SOCLE_OK;
}

/* Fills k->out with owned tensors; out[1] only where backward will ask for it. */
static socle_status forward(socle_call *k, const socle_op *op, bool record)
{
    for (int i = 0; i < (record ? op->n_out : 1) && !op->view; i++) {
        const socle_spec *s = &k->out_spec[i];
        k->out[i] = socle_tensor_dense(k->ctx->device, s->dtype, s->shape, s->lanes);
        if (k->out[i] == NULL)
            return socle_error_status();
    }
    SOCLE_TRY(op->forward(k));
    k->out_spec[0] = spec_of(k->out[0]); /* a view brings its own format */
    return SOCLE_OK;
}

socle_tensor *socle_apply(socle_ctx *c, const socle_op *op, const void *attr, int n_in, int n_required,
                          socle_tensor *const *in)
{
    if (socle_ctx_status(c) != SOCLE_OK)
        return NULL;
    socle_call k = { .ctx = c, .attr = attr, .n_out = op->n_out };
    bool record = false;
    socle_status s = SOCLE_OK;
    if (op->attr_size > SOCLE_OP_ATTR_MAX || op->n_out < 1 || op->n_out > SOCLE_OP_MAX_OUT)
        s = socle_fail(SOCLE_ERR_ARG, "%s: the op's table has %zu bytes of attributes and %d outputs", op->name,
                       op->attr_size, op->n_out);
    if (s == SOCLE_OK)
        s = collect(&k, op, n_in, n_required, in);
    if (s == SOCLE_OK)
        s = infer(&k, op);
    if (s == SOCLE_OK) {
        record = is_recorded(&k, op);
        s = forward(&k, op, record);
    }
    if (s == SOCLE_OK && record)
        s = tape_record(op, &k);
    for (int i = 1; i < op->n_out && i < SOCLE_OP_MAX_OUT; i++)
        socle_release(k.out[i]);
    if (s == SOCLE_OK)
        return ctx_own(c, k.out[0]);
    socle_release(k.out[0]);
    socle_ctx_fail(c, s);
    return NULL;
}
