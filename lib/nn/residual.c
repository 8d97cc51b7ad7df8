/* Residual layers: the sum of two ways through the network, and fast.ai's block made of it. */
#include <socle/models.h>
#include <stdio.h>
#include "act.h"

typedef struct residual {
    socle_module *body, *skip; /* skip NULL: x itself */
    socle_act_desc act;
} residual;

static socle_tensor *forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    const residual *r = socle_module_state(m);
    /* First, so that backward comes to it last: the pooling's gradient is then added to the body's in one pass. */
    socle_tensor *skip = r->skip != NULL ? socle_forward(r->skip, c, x) : x;
    return act_apply_sum(c, socle_forward(r->body, c, x), skip, &r->act);
}

static void describe(const socle_module *m, char *buf, size_t cap)
{
    act_describe(&((const residual *)socle_module_state(m))->act, buf, cap);
}

static const socle_module_type type = {
    .name = "Residual", .size = sizeof(residual), .forward = forward, .describe = describe
};

/* Children, even those of a parent that was not made, are consumed. */
static socle_module *residual_of(socle_device *d, socle_module *body, bool has_skip, socle_module *skip,
                                 socle_act_desc act)
{
    socle_module *m = act_check("Residual", &act) == SOCLE_OK ? socle_module_new(&type, d) : NULL;
    residual r = { .act = act };
    r.body = socle_module_child(m, "body", body);
    if (has_skip)
        r.skip = socle_module_child(m, "skip", skip);
    m = socle_module_ready(m);
    if (m == NULL)
        return NULL;
    residual *state = socle_module_state(m);
    *state = r;
    act_attach(m, &state->act);
    return m;
}

socle_module *socle_residual_new(socle_device *d, socle_module *body, socle_module *skip, socle_act_desc act)
{
    return residual_of(d, body, skip != NULL, skip, act);
}

/* ---- fast.ai's block ---- */

static socle_module *block_conv(socle_device *d, const socle_res_block_desc *o, int in, int stride, bool last)
{
    socle_conv_desc conv = { .in = in, .out = o->out, .size = o->size, .stride = stride, .bias = SOCLE_BIAS_ON };
    conv.norm = o->norm;
    conv.norm_desc = o->norm_desc;
    conv.norm_desc.zero_weight = last && o->zero_last;
    if (!last) {
        conv.act = o->act.kind;
        conv.leak = o->act.leak;
        conv.sub = o->act.sub;
        conv.max_value = o->act.max_value;
    }
    return socle_conv_new(d, conv);
}

static socle_module *block_skip(socle_device *d, const socle_res_block_desc *o)
{
    socle_module *skip = socle_sequential_new(d);
    if (o->stride == 2)
        socle_append(skip, socle_avg_pool_new(d, (socle_pool2d_opts){ .size = 2, .ceil = true }));
    if (o->in != o->out)
        socle_append(skip, socle_conv_new(d, (socle_conv_desc){ .in = o->in, .out = o->out, .size = 1 }));
    return skip;
}

socle_module *socle_res_block_new(socle_device *d, socle_res_block_desc o)
{
    o.stride = o.stride == 0 ? 1 : o.stride;
    if (o.stride != 1 && o.stride != 2) {
        socle_fail(SOCLE_ERR_ARG, "ResBlock: a stride of %d, 1 and 2 are possible", o.stride);
        return NULL;
    }
    socle_module *body = socle_sequential_new(d);
    socle_append(body, block_conv(d, &o, o.in, 1, false));
    socle_append(body, block_conv(d, &o, o.out, o.stride, true));
    bool straight = o.stride == 1 && o.in == o.out;
    return residual_of(d, body, !straight, straight ? NULL : block_skip(d, &o), o.act);
}
