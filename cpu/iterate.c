/* Builds and runs the loops of iterate.h. */
#include "iterate.h"

#include <assert.h>
#include "parallel.h"

/* ---- views to loops ---- */

static bool in_blocks(socle_in v)
{
    return v->lanes == SOCLE_LANES;
}

/* Loop over images from .. from + count - 1 (whole blocks, or part of one) of the views, lanes last. */
static loop blocked_loop(int n, const socle_view *const *v, int64_t from, int64_t blocks, int64_t lanes)
{
    loop l = { .operands = n, .ndim = v[0]->ndim + 1 };
    int last = v[0]->ndim;
    l.dim[0] = blocks;
    l.dim[last] = lanes;
    for (int d = 1; d < last; d++)
        l.dim[d] = v[0]->dim[d];
    for (int k = 0; k < n; k++) {
        int64_t image = in_blocks(v[k]) ? 1 : v[k]->stride[0];
        l.stride[k][0] = in_blocks(v[k]) ? v[k]->stride[0] : v[k]->stride[0] * SOCLE_LANES;
        l.stride[k][last] = image;
        for (int d = 1; d < last; d++)
            l.stride[k][d] = v[k]->stride[d];
        l.start[k] = v[k]->offset + from / SOCLE_LANES * l.stride[k][0];
    }
    return l;
}

static loop plain_loop(int n, const socle_view *const *v)
{
    loop l = { .operands = n, .ndim = v[0]->ndim };
    for (int d = 0; d < l.ndim; d++)
        l.dim[d] = v[0]->dim[d];
    for (int k = 0; k < n; k++) {
        l.start[k] = v[k]->offset;
        for (int d = 0; d < l.ndim; d++)
            l.stride[k][d] = v[k]->stride[d];
    }
    return l;
}

static int raw_loops(loop out[2], int n, const socle_view *const *v, bool pads)
{
    bool any = false;
    for (int k = 0; k < n; k++) {
        any = any || in_blocks(v[k]);
        pads = pads && (in_blocks(v[k]) || v[k]->stride[0] == 0);
    }
    if (!any) {
        out[0] = plain_loop(n, v);
        return 1;
    }
    int64_t images = v[0]->dim[0], whole = images / SOCLE_LANES, rest = images % SOCLE_LANES;
    if (rest == 0 || pads) {
        out[0] = blocked_loop(n, v, 0, whole + (rest > 0), SOCLE_LANES);
        return 1;
    }
    int loops = 0;
    if (whole > 0)
        out[loops++] = blocked_loop(n, v, 0, whole, SOCLE_LANES);
    out[loops++] = blocked_loop(n, v, whole * SOCLE_LANES, 1, rest);
    return loops;
}

static void move_dim(loop *l, int to, const loop *from, int d)
{
    l->dim[to] = from->dim[d];
    for (int k = 0; k < l->operands; k++)
        l->stride[k][to] = from->stride[k][d];
}

static int64_t size_of(int64_t stride)
{
    return stride < 0 ? -stride : stride;
}

/* Does dimension a belong outside of b? By the first operand whose strides differ. */
static bool outer(const loop *l, int a, int b)
{
    for (int k = 0; k < l->operands; k++) {
        int64_t p = size_of(l->stride[k][a]), q = size_of(l->stride[k][b]);
        if (p != q)
            return p > q;
    }
    return false;
}

/* Insertion sort, largest strides first; equal ones stay in order. */
static void sort_dims(loop *l)
{
    int order[LOOP_DIMS];
    for (int d = 0; d < l->ndim; d++) {
        int at = d;
        for (; at > 0 && outer(l, d, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
    loop old = *l;
    for (int d = 0; d < l->ndim; d++)
        move_dim(l, d, &old, order[d]);
}

static bool follows(const loop *l, int outer_dim, const loop *from, int d)
{
    for (int k = 0; k < l->operands; k++)
        if (l->stride[k][outer_dim] != from->stride[k][d] * from->dim[d])
            return false;
    return true;
}

/* Joins neighbouring dimensions that follow each other in all operands. */
static void coalesce(loop *l)
{
    loop old = *l;
    int ndim = 0;
    for (int d = 0; d < old.ndim; d++) {
        if (ndim > 0 && follows(l, ndim - 1, &old, d)) {
            int64_t outer_size = l->dim[ndim - 1];
            move_dim(l, ndim - 1, &old, d);
            l->dim[ndim - 1] *= outer_size;
        } else {
            move_dim(l, ndim++, &old, d);
        }
    }
    if (ndim == 0) {
        l->dim[0] = 1;
        for (int k = 0; k < l->operands; k++)
            l->stride[k][0] = 1;
        ndim = 1;
    }
    l->ndim = ndim;
}

/* Strides of dimensions of size 1 mean nothing, and must not decide the order. */
static void drop_single(loop *l)
{
    loop old = *l;
    int ndim = 0;
    for (int d = 0; d < old.ndim; d++)
        if (old.dim[d] != 1)
            move_dim(l, ndim++, &old, d);
    l->ndim = ndim;
}

int loop_build(loop out[2], int n, const socle_view *const *v, bool pads)
{
    assert(n <= LOOP_OPERANDS);
    int loops = raw_loops(out, n, v, pads);
    for (int i = 0; i < loops; i++) {
        drop_single(&out[i]);
        sort_dims(&out[i]);
        coalesce(&out[i]);
    }
    return loops;
}

int64_t loop_count(const loop *l)
{
    int64_t n = 1;
    for (int d = 0; d < l->ndim; d++)
        n *= l->dim[d];
    return n;
}

/* ---- walking ---- */

walk walk_from(const loop *l, int inner, int64_t position)
{
    walk w = { .l = l, .ndim = l->ndim - inner };
    for (int k = 0; k < l->operands; k++)
        w.at[k] = l->start[k];
    for (int d = w.ndim - 1; d >= 0; d--) {
        w.i[d] = position % l->dim[d];
        position /= l->dim[d];
        for (int k = 0; k < l->operands; k++)
            w.at[k] += w.i[d] * l->stride[k][d];
    }
    return w;
}

void walk_next(walk *w)
{
    const loop *l = w->l;
    for (int d = w->ndim - 1; d >= 0; d--) {
        for (int k = 0; k < l->operands; k++)
            w->at[k] += l->stride[k][d];
        if (++w->i[d] < l->dim[d])
            return;
        for (int k = 0; k < l->operands; k++)
            w->at[k] -= l->dim[d] * l->stride[k][d];
        w->i[d] = 0;
    }
}

void walk_skip(walk *w, int64_t steps)
{
    int d = w->ndim - 1;
    if (steps <= 0 || d < 0)
        return;
    w->i[d] += steps - 1;
    for (int k = 0; k < w->l->operands; k++)
        w->at[k] += (steps - 1) * w->l->stride[k][d];
    walk_next(w);
}

/* ---- running ---- */

/* Units of work: row after row, each in `pieces` of `piece` elements. */
typedef struct run {
    const loop *l;
    loop_row row;
    void *arg;
    int64_t piece, pieces;
} run;

static void run_units(void *arg, int64_t first, int64_t last)
{
    const run *r = arg;
    const loop *l = r->l;
    int inner = l->ndim - 1;
    int64_t stride[LOOP_OPERANDS], at[LOOP_OPERANDS], part = first % r->pieces;
    for (int k = 0; k < l->operands; k++)
        stride[k] = l->stride[k][inner];
    walk w = walk_from(l, 1, first / r->pieces);
    for (int64_t unit = first; unit < last; unit++) {
        int64_t from = part * r->piece, rest = l->dim[inner] - from;
        for (int k = 0; k < l->operands; k++)
            at[k] = w.at[k] + from * stride[k];
        r->row(r->arg, rest < r->piece ? rest : r->piece, at, stride);
        if (++part == r->pieces) {
            part = 0;
            walk_next(&w);
        }
    }
}

void loop_run(const loop *l, int threads, int64_t grain, loop_row row, void *arg)
{
    int64_t n = l->dim[l->ndim - 1], rows = loop_count(l) / n;
    run r = { .l = l, .row = row, .arg = arg, .piece = n < grain ? n : grain };
    r.pieces = (n - 1) / r.piece + 1;
    cpu_for(threads, rows * r.pieces, grain / r.piece, run_units, &r);
}

void iterate(int threads, int64_t grain, int n, const socle_view *const *v, bool pads, loop_row row, void *arg)
{
    loop l[2];
    int loops = loop_build(l, n, v, pads);
    for (int i = 0; i < loops; i++)
        loop_run(&l[i], threads, grain, row, arg);
}

/* ---- views ---- */

int64_t view_along(socle_in v, int axis, int64_t i)
{
    if (axis == 0 && in_blocks(v))
        return i / SOCLE_LANES * v->stride[0] + i % SOCLE_LANES;
    return i * v->stride[axis];
}

socle_view view_drop(socle_in v, uint32_t axes)
{
    socle_view out = *v;
    out.ndim = 0;
    if (axes & 1)
        out.lanes = 1;
    for (int d = 0; d < v->ndim; d++)
        if (!(axes >> d & 1)) {
            out.dim[out.ndim] = v->dim[d];
            out.stride[out.ndim++] = v->stride[d];
        }
    return out;
}

socle_view view_only(socle_in v, uint32_t axes)
{
    socle_view out = view_drop(v, ~axes);
    out.offset = 0;
    return out;
}
