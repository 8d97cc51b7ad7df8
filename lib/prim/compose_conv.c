/* Convolution as matrix products over columns, a group of channels and a chunk of images at a time:
 *
 *     cols = im2col(x)                   (C R S, Ho Wo) for each image
 *     y[n] = w cols[n]                   (K, C R S) (C R S, Ho Wo)
 *     dx[n] = col2im(w^T g[n])           g = dy e'(y)
 *     dw = sum over n of g[n] cols[n]^T  one product, the images side by side
 *
 * Chunks keep the columns below a fixed size; their bounds depend on shapes alone, so results do too. */
#include "prim/compose.h"

enum { COLUMN_BYTES = 64 << 20 };

/* One convolution: sizes of a group, and how many images go at once. */
typedef struct plan {
    socle_conv p; /* of one group */
    int groups, r, s, ho, wo;
    int64_t channels, outputs; /* of a group: C / groups, K / groups */
    int64_t taps, pixels;      /* C / groups R S, Ho Wo */
    int64_t images, chunk;
} plan;

/* x (N, C, H, W), w (K, C/groups, R, S), y (N, K, Ho, Wo). blocked: chunks are made of whole blocks of images,
 * so that views of them begin where a block does. */
static plan plan_of(const socle_conv *p, socle_in x, socle_in w, socle_in y, bool blocked)
{
    plan q = { .p = *p,
               .groups = p->groups,
               .r = (int)w->dim[2],
               .s = (int)w->dim[3],
               .ho = (int)y->dim[2],
               .wo = (int)y->dim[3],
               .channels = w->dim[1],
               .outputs = w->dim[0] / p->groups,
               .taps = w->dim[1] * w->dim[2] * w->dim[3],
               .pixels = y->dim[2] * y->dim[3],
               .images = x->dim[0] };
    q.p.groups = 1;
    double each = (double)q.taps * (double)q.pixels * (double)socle_dtype_size(x->dtype), fit = COLUMN_BYTES / each;
    int64_t step = blocked ? SOCLE_LANES : 1;
    q.chunk = fit >= (double)q.images ? q.images : (int64_t)fit / step * step;
    q.chunk = q.chunk > step ? q.chunk : step;
    q.chunk = q.chunk < q.images ? q.chunk : q.images;
    return q;
}

static int64_t chunk_at(const plan *q, int64_t first)
{
    int64_t left = q->images - first;
    return left < q->chunk ? left : q->chunk;
}

/* Images first .. first + n - 1 of group number `group`, which has `channels` of v's. */
static socle_view part_of(socle_in v, int64_t first, int64_t n, int group, int64_t channels)
{
    socle_view images = view_narrow(v, 0, first, n);
    return view_narrow(&images, 1, group * channels, channels);
}

/* A row-major or otherwise strided view of `like`'s memory and type, lanes 1. */
static socle_view matrices(socle_in like, int64_t offset, const int64_t dim[3], const int64_t stride[3])
{
    socle_view v = { .buffer = like->buffer, .offset = like->offset + offset, .dtype = like->dtype, .ndim = 3 };
    v.lanes = 1;
    for (int i = 0; i < 3; i++) {
        v.dim[i] = dim[i];
        v.stride[i] = stride[i];
    }
    return v;
}

/* A group's part of w or dw, dense and row-major, as (n, K, C R S), the same for each of n images. */
static socle_view weights_of(const plan *q, socle_in w, int group, int64_t n)
{
    return matrices(w, group * q->outputs * q->taps, (const int64_t[]){ n, q->outputs, q->taps },
                    (const int64_t[]){ 0, q->taps, 1 });
}

/* Space for the columns of a chunk, seen for n images as (n, rows, Ho Wo), image by image. */
static socle_view columns_of(const plan *q, socle_in space, int64_t n, int64_t rows)
{
    return matrices(space, 0, (const int64_t[]){ n, rows, q->pixels },
                    (const int64_t[]){ rows * q->pixels, q->pixels, 1 });
}

/* The same space with the images side by side: still (n, rows, Ho Wo), but row r of all of them lies together. */
static socle_view side_by_side(const plan *q, socle_in space, int64_t n, int64_t rows)
{
    return matrices(space, 0, (const int64_t[]){ n, rows, q->pixels },
                    (const int64_t[]){ q->pixels, n * q->pixels, 1 });
}

/* ... and as one matrix (1, rows, n Ho Wo). */
static socle_view joined(const plan *q, socle_in space, int64_t n, int64_t rows)
{
    int64_t length = n * q->pixels;
    return matrices(space, 0, (const int64_t[]){ 1, rows, length }, (const int64_t[]){ 0, length, 1 });
}

static socle_status column_space(call *k, const plan *q, socle_dtype t, int64_t rows, socle_view *out)
{
    return call_dense(k, t, socle_shape3(q->chunk, rows, q->pixels), out);
}

/* v (N, K, Ho, Wo) as (N, K, Ho Wo). Where its strides forbid that: a temporary, filled with v if `fill`. */
static socle_status flattened(call *k, socle_in v, bool fill, socle_view *out)
{
    if (view_merge(v, 2, out))
        return SOCLE_OK;
    socle_view own;
    SOCLE_TRY(call_dense(k, v->dtype, view_shape(v), &own));
    if (fill)
        SOCLE_TRY(call_copy(k, &own, v));
    bool done = view_merge(&own, 2, out);
    (void)done;
    return SOCLE_OK;
}

/* (N, K, Ho Wo) of flattened() as v's shape again. */
static socle_status unflatten(call *k, socle_in flat, socle_out v)
{
    if (flat->buffer == v->buffer)
        return SOCLE_OK;
    socle_view own = view_dense(v->dtype, view_shape(v), 1);
    own.buffer = flat->buffer;
    own.offset = flat->offset;
    return call_copy(k, v, &own);
}

socle_status compose_conv(call *k, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                          socle_in bias)
{
    plan q = plan_of(p, x, w, y, x->lanes != 1 || y->lanes != 1);
    socle_view flat, space;
    SOCLE_TRY(flattened(k, y, false, &flat));
    SOCLE_TRY(column_space(k, &q, y->dtype, q.taps, &space));
    for (int64_t first = 0; first < q.images; first += q.chunk)
        for (int group = 0; group < q.groups; group++) {
            int64_t n = chunk_at(&q, first);
            socle_view xs = part_of(x, first, n, group, q.channels);
            socle_view ys = part_of(&flat, first, n, group, q.outputs);
            socle_view ws = weights_of(&q, w, group, n), cols = columns_of(&q, &space, n, q.taps);
            SOCLE_TRY(call_im2col(k, &q.p, &cols, &xs, q.r, q.s, q.ho, q.wo));
            SOCLE_TRY(call_gemm(k, &ys, &ws, &cols, 1, 0));
        }
    SOCLE_TRY(unflatten(k, &flat, y));
    return compose_epilogue(k, e, y, bias);
}

/* dx from g (N, K, Ho Wo) */
static socle_status grad_x(call *k, const plan *q, socle_out dx, socle_in g, socle_in w)
{
    socle_view space;
    SOCLE_TRY(column_space(k, q, dx->dtype, q->taps, &space));
    for (int64_t first = 0; first < q->images; first += q->chunk)
        for (int group = 0; group < q->groups; group++) {
            int64_t n = chunk_at(q, first);
            socle_view dxs = part_of(dx, first, n, group, q->channels);
            socle_view gs = part_of(g, first, n, group, q->outputs);
            socle_view ws = weights_of(q, w, group, n), cols = columns_of(q, &space, n, q->taps);
            socle_view wt = view_transposed(&ws);
            SOCLE_TRY(call_gemm(k, &cols, &wt, &gs, 1, 0));
            SOCLE_TRY(call_col2im(k, &q->p, &dxs, &cols, q->r, q->s, q->ho, q->wo));
        }
    return SOCLE_OK;
}

/* dw from g (N, K, Ho Wo), added up chunk by chunk */
static socle_status grad_w(call *k, const plan *q, socle_out dw, socle_in g, socle_in x)
{
    socle_view col_space, g_space;
    SOCLE_TRY(column_space(k, q, dw->dtype, q->taps, &col_space));
    SOCLE_TRY(column_space(k, q, dw->dtype, q->outputs, &g_space));
    for (int64_t first = 0; first < q->images; first += q->chunk)
        for (int group = 0; group < q->groups; group++) {
            int64_t n = chunk_at(q, first);
            socle_view xs = part_of(x, first, n, group, q->channels), gs = part_of(g, first, n, group, q->outputs);
            socle_view cols = side_by_side(q, &col_space, n, q->taps);
            socle_view rows = side_by_side(q, &g_space, n, q->outputs);
            SOCLE_TRY(call_im2col(k, &q->p, &cols, &xs, q->r, q->s, q->ho, q->wo));
            SOCLE_TRY(call_copy(k, &rows, &gs));
            socle_view a = joined(q, &g_space, n, q->outputs), b = joined(q, &col_space, n, q->taps);
            socle_view bt = view_transposed(&b), dws = weights_of(q, dw, group, 1);
            SOCLE_TRY(call_gemm(k, &dws, &a, &bt, 1, first == 0 ? 0.0f : 1.0f));
        }
    return SOCLE_OK;
}

socle_status compose_conv_grad(call *k, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                               socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y)
{
    bool blocked = x->lanes != 1 || dy->lanes != 1 || (dx && dx->lanes != 1);
    plan q = plan_of(p, x, w, dy, blocked);
    socle_view passed, g;
    SOCLE_TRY(compose_passed(k, e, dy, y, &passed));
    SOCLE_TRY(flattened(k, &passed, true, &g));
    if (dx)
        SOCLE_TRY(grad_x(k, &q, dx, &g, w));
    if (dw)
        SOCLE_TRY(grad_w(k, &q, dw, &g, x));
    return db ? compose_bias_grad(k, db, &g) : SOCLE_OK;
}
