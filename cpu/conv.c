/* The convolution slots: which route, and operands in its format.
 *
 * Batches run in the lane format (conv_forward.c, conv_grad.c); an operand in another format is copied first, or last.
 * Fewer images than make blocks worth while, kept row-major, run as matrix products (conv_rows.c). */
#include "conv_plan.h"
#include "conv_rows.h"

static bool wants_lanes(socle_in y)
{
    return y->lanes == SOCLE_LANES || y->dim[0] >= SOCLE_BATCH_MIN;
}

/* v as a dense vector; NULL for NULL. */
static socle_status vector_of(workspace *ws, socle_in v, const float **out)
{
    socle_view dense;
    *out = NULL;
    if (!v)
        return SOCLE_OK;
    socle_status s = workspace_dense(ws, v, &dense);
    if (s == SOCLE_OK)
        *out = view_floats(&dense);
    return s;
}

/* Where a slot writes v: v itself if it has the format (and, for dense, no gaps), else memory that is copied at the end. */
typedef struct target {
    socle_out to;
    socle_view view;
    bool copied;
} target;

static socle_status target_of(workspace *ws, socle_out v, bool direct, int32_t lanes, target *out)
{
    *out = (target){ .to = v };
    if (!v)
        return SOCLE_OK;
    out->view = *v;
    out->copied = !direct;
    return direct ? SOCLE_OK : workspace_like(ws, v, lanes, &out->view);
}

static socle_status target_finish(cpu_device *d, const target *t)
{
    return t->to && t->copied ? cpu_copy(d, t->to, &t->view) : SOCLE_OK;
}

static bool row_major(socle_in v)
{
    int64_t expected = 1;
    for (int32_t i = v->ndim - 1; i >= 0; expected *= v->dim[i--])
        if (v->dim[i] != 1 && v->stride[i] != expected)
            return false;
    return v->lanes == 1;
}

static socle_status forward(workspace *ws, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x,
                            socle_in w, const float *bias)
{
    const int32_t lanes = wants_lanes(y) ? SOCLE_LANES : 1;
    socle_view vx;
    target ty;
    socle_status s = workspace_format(ws, x, lanes, &vx);
    if (s == SOCLE_OK)
        s = target_of(ws, y, y->lanes == lanes, lanes, &ty);
    if (s != SOCLE_OK)
        return s;
    if (lanes == 1)
        return conv_rows_forward(ws->device, p, e, y, &vx, w, bias);
    const conv_geometry g = conv_geometry_of(p, x, w, y);
    s = conv_lanes_forward(ws->device, &g, e, lane_map_of(&ty.view), lane_map_of(&vx), view_floats(w), bias);
    return s == SOCLE_OK ? target_finish(ws->device, &ty) : s;
}

socle_status cpu_conv(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                      socle_in bias)
{
    workspace ws = workspace_on(self);
    socle_view dense;
    const float *b;
    socle_status s = workspace_dense(&ws, w, &dense);
    if (s == SOCLE_OK)
        s = vector_of(&ws, bias, &b);
    if (s == SOCLE_OK)
        s = forward(&ws, p, e, y, x, &dense, b);
    return workspace_end(&ws, s);
}

/* ---- gradients ---- */

typedef struct grads {
    target dx, dw, db; /* dw and db dense */
    socle_view dy, x, y, w;
} grads;

static lane_map lane_map_or_none(socle_in v)
{
    return v ? lane_map_of(v) : (lane_map){ 0 };
}

static float *floats_or_none(const target *t)
{
    return t->to ? view_floats(&t->view) : NULL;
}

static socle_status grad_lanes(workspace *ws, const socle_conv *p, socle_epilogue e, grads *v)
{
    const conv_geometry g = conv_geometry_of(p, &v->x, &v->w, &v->dy);
    return conv_lanes_grad(ws->device, &g, e, lane_map_or_none(v->dx.to ? &v->dx.view : NULL),
                           floats_or_none(&v->dw), floats_or_none(&v->db), lane_map_of(&v->dy), lane_map_of(&v->x),
                           view_floats(&v->w), e == SOCLE_EPILOGUE_NONE ? (lane_map){ 0 } : lane_map_of(&v->y),
                           NULL);
}

static socle_status grad_rows(workspace *ws, const socle_conv *p, socle_epilogue e, grads *v)
{
    socle_view dz;
    socle_status s;
    if (e == SOCLE_EPILOGUE_RELU) {
        s = workspace_like(ws, &v->dy, 1, &dz);
        if (s == SOCLE_OK)
            s = cpu_unary_grad(ws->device, SOCLE_UNARY_relu, &dz, &v->dy, NULL, &v->y, 0, 0, 0);
    } else {
        s = workspace_dense(ws, &v->dy, &dz);
    }
    if (s != SOCLE_OK)
        return s;
    if (v->db.to) {
        socle_view db = { .buffer = v->db.view.buffer,
                          .offset = v->db.view.offset,
                          .dtype = SOCLE_F32,
                          .ndim = 4,
                          .dim = { 1, dz.dim[1], 1, 1 },
                          .stride = { dz.dim[1], 1, 1, 1 },
                          .lanes = 1 };
        s = cpu_reduce(ws->device, SOCLE_REDUCE_SUM, &db, &dz, 1u << 0 | 1u << 2 | 1u << 3);
    }
    if (s != SOCLE_OK || (!v->dx.to && !v->dw.to))
        return s;
    return conv_rows_grad(ws->device, p, v->dx.to ? &v->dx.view : NULL, floats_or_none(&v->dw), &dz, &v->x, &v->w);
}

static socle_status gradients(workspace *ws, const socle_conv *p, socle_epilogue e, grads *v,
                              const socle_view *const *in)
{
    const int32_t lanes = wants_lanes(in[0]) ? SOCLE_LANES : 1;
    socle_view *const to[] = { &v->dy, &v->x, &v->y };
    socle_status s = workspace_dense(ws, in[3], &v->w);
    for (int i = 0; i < 3 && s == SOCLE_OK; i++)
        if (in[i])
            s = workspace_format(ws, in[i], lanes, to[i]);
    if (s == SOCLE_OK)
        s = target_of(ws, v->dx.to, !v->dx.to || v->dx.to->lanes == lanes, lanes, &v->dx);
    if (s == SOCLE_OK)
        s = target_of(ws, v->dw.to, !v->dw.to || row_major(v->dw.to), 1, &v->dw);
    if (s == SOCLE_OK)
        s = target_of(ws, v->db.to, !v->db.to || row_major(v->db.to), 1, &v->db);
    if (s != SOCLE_OK)
        return s;
    return lanes == 1 ? grad_rows(ws, p, e, v) : grad_lanes(ws, p, e, v);
}

socle_status cpu_conv_grad(void *self, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                           socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y)
{
    workspace ws = workspace_on(self);
    grads v = { .dx.to = dx, .dw.to = dw, .db.to = db };
    socle_status s = gradients(&ws, p, e, &v, (const socle_view *const[]){ dy, x, y, w });
    if (s == SOCLE_OK)
        s = target_finish(self, &v.dx);
    if (s == SOCLE_OK)
        s = target_finish(self, &v.dw);
    if (s == SOCLE_OK)
        s = target_finish(self, &v.db);
    return workspace_end(&ws, s);
}
