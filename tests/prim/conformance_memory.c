/* Where operands lie: layouts, memory images with guard bands and NaN in every gap, and the check that a call wrote its
 * outputs' elements and nothing else. Values travel as double. */
#include <stdio.h>
#include <string.h>

#include "conformance_trial.h"
#include "support/die.h"
#include "support/support.h"

enum { GUARD = 64, OUTSIDE = 0, ELEMENT = 1, PAD_LANE = 2 };

const char *layout_name(layout l)
{
    static const char *const names[LAYOUT_COUNT] = { "plain", "gapped",       "stepped",       "permuted",
                                                     "block", "block-gapped", "block-permuted" };
    return names[l];
}

static bool is_block(layout l)
{
    return l >= LAYOUT_BLOCK;
}

layout layout_for(const operand *o, layout l)
{
    if (o->row_major)
        return LAYOUT_PLAIN;
    if (is_block(l) && (o->shape.ndim < 2 || (o->repeat & 1)))
        l = (layout)(l - LAYOUT_BLOCK); /* plain, gapped, stepped */
    if (l == LAYOUT_BLOCK_PERMUTED && o->shape.ndim < 3)
        l = LAYOUT_BLOCK_GAPPED;
    if (l == LAYOUT_PERMUTED && o->shape.ndim < 2)
        l = LAYOUT_STEPPED;
    return o->shape.ndim == 0 && l == LAYOUT_STEPPED ? LAYOUT_PLAIN : l;
}

/* Dimensions from the outermost in memory to the innermost. */
static void memory_order(int ndim, layout l, int order[SOCLE_MAX_DIMS])
{
    for (int i = 0; i < ndim; i++)
        order[i] = i;
    if (l != LAYOUT_PERMUTED && l != LAYOUT_BLOCK_PERMUTED)
        return;
    int first = ndim == 2 ? 0 : 1; /* images stay outermost */
    for (int i = first; i + 1 < ndim; i++)
        order[i] = i + 1;
    order[ndim - 1] = first;
}

static bool is_empty(socle_shape s)
{
    return shape_count(s) == 0;
}

/* The view, and how many elements its memory spans from its first. */
static int64_t lay_out(const operand *o, layout l, socle_view *v)
{
    bool block = is_block(l), gapped = l == LAYOUT_GAPPED || l == LAYOUT_BLOCK_GAPPED;
    int64_t unit = block ? SOCLE_LANES : 1, step = l == LAYOUT_STEPPED ? 2 : unit, extent = block ? SOCLE_LANES : 1;
    int order[SOCLE_MAX_DIMS];
    memory_order(o->shape.ndim, l, order);
    v->ndim = o->shape.ndim;
    v->lanes = block ? SOCLE_LANES : 1;
    for (int i = v->ndim - 1; i >= 0; i--) {
        int d = order[i];
        v->dim[d] = o->shape.dim[d];
        bool once = o->repeat >> d & 1;
        int64_t size = once ? 1 : d == 0 && block ? (v->dim[d] + SOCLE_LANES - 1) / SOCLE_LANES : v->dim[d];
        /* The stride of a dimension of one step is never used: nothing may be concluded from it. */
        v->stride[d] = once ? 0 : gapped && size == 1 ? 1000 * unit : step;
        extent += (size - 1) * v->stride[d];
        step = step * (size > 0 ? size : 1) + (gapped ? (3 + 2 * i) * unit : 0);
    }
    return is_empty(o->shape) ? 0 : extent;
}

/* Places of all indices below dim, row-major, dimensions in `once` counted as 1. Returns how many. */
static size_t list_places(const socle_view *v, const int64_t *dim, uint32_t once, int64_t *out)
{
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    size_t n = 0;
    for (;;) {
        int64_t e = v->offset;
        for (int d = 0; d < v->ndim; d++)
            e += d == 0 && v->lanes > 1 ? i[0] / SOCLE_LANES * v->stride[0] + i[0] % SOCLE_LANES
                                        : i[d] * v->stride[d];
        out[n++] = e;
        int d = v->ndim - 1;
        for (; d >= 0; d--) {
            if (++i[d] < ((once >> d & 1) ? 1 : dim[d]))
                break;
            i[d] = 0;
        }
        if (d < 0)
            return n;
    }
}

static void mark_pad_lanes(const operand *o, placed *p)
{
    socle_view v = p->view;
    v.dim[0] = (v.dim[0] + SOCLE_LANES - 1) / SOCLE_LANES * SOCLE_LANES;
    int64_t *at = support_alloc(p->count / (size_t)p->view.dim[0] * (size_t)v.dim[0] * sizeof(*at));
    size_t n = list_places(&v, v.dim, o->repeat, at);
    for (size_t i = 0; i < n; i++)
        p->kind[at[i]] = PAD_LANE;
    free(at);
}

/* A quiet NaN that no computation makes; integers that are neither a valid index nor a small number. */
static void fill_bytes(socle_dtype t, unsigned char *out, size_t n)
{
    const uint32_t f32 = 0x7FC5A5A5u, i32 = 0x7A7A7A7Au;
    const uint64_t f64 = UINT64_C(0x7FF8A5A5A5A5A5A5);
    size_t size = socle_dtype_size(t);
    const void *filling = t == SOCLE_F32   ? (const void *)&f32
                          : t == SOCLE_F64 ? (const void *)&f64
                                           : (const void *)&i32;
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * size, filling, size);
}

placed *place(const operand *o, layout l, socle_dtype real)
{
    placed *p = support_alloc(sizeof(*p));
    *p = (placed){ .dtype = o->dtype == TRIAL_REAL ? real : o->dtype };
    p->view.dtype = p->dtype;
    int64_t extent = lay_out(o, l, &p->view);
    /* Gapped row-major views start at an odd place: nothing may rely on alignment there. */
    p->view.offset = l == LAYOUT_GAPPED ? GUARD + 3 : GUARD;
    p->elements = (size_t)(p->view.offset + extent + GUARD);
    p->size = socle_dtype_size(p->dtype);
    p->count = operand_count(o);
    p->at = support_alloc(p->count * sizeof(*p->at));
    p->kind = support_alloc(p->elements);
    memset(p->kind, OUTSIDE, p->elements);
    p->before = support_alloc(p->elements * p->size);
    p->after = support_alloc(p->elements * p->size);
    fill_bytes(p->dtype, p->before, p->elements);
    if (p->count == 0)
        return p;
    list_places(&p->view, p->view.dim, o->repeat, p->at);
    if (p->view.lanes > 1)
        mark_pad_lanes(o, p);
    for (size_t i = 0; i < p->count; i++)
        p->kind[p->at[i]] = ELEMENT;
    if (o->values != NULL && o->role != TRIAL_OUT)
        for (size_t i = 0; i < p->count; i++)
            doubles_to(p->dtype, p->before + (size_t)p->at[i] * p->size, &o->values[i], 1);
    return p;
}

void placed_free(placed *p)
{
    if (p == NULL)
        return;
    free(p->at);
    free(p->kind);
    free(p->before);
    free(p->after);
    free(p);
}

bool placed_intact(const placed *p, const char *name, bool strict, char *text, size_t cap)
{
    if (memcmp(p->before, p->after, p->elements * p->size) == 0)
        return true;
    int64_t first = p->view.offset, last = (int64_t)p->elements - GUARD;
    for (size_t i = 0; i < p->elements; i++) {
        if ((!strict && p->kind[i] != OUTSIDE) ||
            memcmp(p->before + i * p->size, p->after + i * p->size, p->size) == 0)
            continue;
        int64_t e = (int64_t)i;
        if (e < first)
            snprintf(text, cap, "%s: %lld elements before its first were written", name, (long long)(first - e));
        else if (e >= last)
            snprintf(text, cap, "%s: element %lld past its end was written", name, (long long)(e - last));
        else
            snprintf(text, cap, "%s: %s at place %lld was written", name,
                     p->kind[i] == OUTSIDE    ? "a gap"
                     : p->kind[i] == PAD_LANE ? "a lane past the last image"
                                              : "an element",
                     (long long)(e - first));
        return false;
    }
    return true;
}

void placed_values(const placed *p, double *out)
{
    for (size_t i = 0; i < p->count; i++)
        doubles_from(p->dtype, &out[i], p->after + (size_t)p->at[i] * p->size, 1);
}

bool placed_unwritten(const placed *p, size_t i)
{
    unsigned char filling[8];
    fill_bytes(p->dtype, filling, 1);
    return memcmp(p->after + (size_t)p->at[i] * p->size, filling, p->size) == 0;
}

char *element_words(const operand *o, size_t i, char text[80])
{
    size_t index[SOCLE_MAX_DIMS] = { 0 };
    for (int d = o->shape.ndim - 1; d >= 0; d--) {
        size_t size = (o->repeat >> d & 1) ? 1 : (size_t)o->shape.dim[d];
        index[d] = i % size;
        i /= size;
    }
    int used = snprintf(text, 80, "[");
    for (int d = 0; d < o->shape.ndim && used < 70; d++)
        used += snprintf(text + used, (size_t)(80 - used), d ? ", %zu" : "%zu", index[d]);
    snprintf(text + used, (size_t)(80 - used), "]");
    return text;
}
