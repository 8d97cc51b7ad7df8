/* A shift of images as two selections, first of rows, then of columns, from x with one more row and column of padding.
 * The places are computed in real numbers, exact wherever they can lie inside. */
#include "prim/compose.h"

/* out (n) real = 0, 1, 2, ...: each doubling copies what there is, moved on. */
static socle_status ramp(call *k, int64_t n, socle_view *out)
{
    SOCLE_TRY(call_dense(k, k->device->caps.real, socle_shape1(n), out));
    socle_view first = view_narrow(out, 0, 0, 1);
    SOCLE_TRY(call_fill(k, &first, 0));
    for (int64_t made = 1; made < n; made *= 2) {
        int64_t more = made < n - made ? made : n - made;
        socle_view from = view_narrow(out, 0, 0, more), to = view_narrow(out, 0, made, more);
        SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, &to, &from, 1, (float)made, 0));
    }
    return SOCLE_OK;
}

/* out (N, n) = the place along one axis of each pixel of y: start (N, 1) further, counted backwards in the images of
 * mirrored (N, 1) U8, and size, where the padding is, for those outside x. */
static socle_status places(call *k, socle_in start, socle_in mirrored, int64_t size, socle_out out)
{
    socle_shape s = view_shape(out);
    int64_t n = s.dim[1];
    socle_view forwards, backwards, step, back, at, inside, zero, padding, wide;
    SOCLE_TRY(ramp(k, n, &forwards));
    SOCLE_TRY(call_dense(k, forwards.dtype, socle_shape1(n), &backwards));
    SOCLE_TRY(call_unary(k, SOCLE_UNARY_affine, &backwards, &forwards, -1, (float)(n - 1), 0));
    SOCLE_TRY(call_dense(k, forwards.dtype, s, &at));
    SOCLE_TRY(call_dense(k, SOCLE_U8, s, &inside));
    SOCLE_TRY(call_scalar(k, 0, s, &zero));
    SOCLE_TRY(call_scalar(k, (double)size, s, &padding));
    SOCLE_TRY(call_expand(k, &forwards, s, &step));
    SOCLE_TRY(call_expand(k, &backwards, s, &back));
    SOCLE_TRY(call_expand(k, mirrored, s, &wide));
    SOCLE_TRY(call_where(k, &at, &wide, &back, &step));
    SOCLE_TRY(call_expand(k, start, s, &wide));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_add, &at, &at, &wide));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_lt, &inside, &at, &padding));
    SOCLE_TRY(call_where(k, &at, &inside, &at, &padding));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_ge, &inside, &at, &zero));
    SOCLE_TRY(call_where(k, &at, &inside, &at, &padding));
    return call_copy(k, out, &at);
}

/* y = x at the places along axis 2 or 3. */
static socle_status pick(call *k, socle_out y, socle_in x, socle_in start, socle_in mirrored, int axis)
{
    int64_t n = y->dim[axis];
    socle_view index, wide;
    SOCLE_TRY(call_dense(k, SOCLE_I32, socle_shape2(x->dim[0], n), &index));
    call own = { .device = k->device };
    SOCLE_TRY(call_end(&own, places(&own, start, mirrored, x->dim[axis] - 1, &index), NULL));
    socle_view lifted;
    (void)view_lift(&index, 4, axis == 2 ? 1u << 1 | 1u << 3 : 1u << 1 | 1u << 2, &lifted);
    SOCLE_TRY(call_expand(k, &lifted, view_shape(y), &wide));
    return call_gather(k, y, x, &wide, axis);
}

/* x with a row and a column of padding at the end. */
static socle_status padded(call *k, socle_in x, float pad, socle_view *out)
{
    socle_shape s = view_shape(x);
    s.dim[2]++;
    s.dim[3]++;
    SOCLE_TRY(call_dense(k, x->dtype, s, out));
    SOCLE_TRY(call_fill(k, out, (double)pad));
    socle_view rows = view_narrow(out, 2, 0, x->dim[2]), inside = view_narrow(&rows, 3, 0, x->dim[3]);
    return call_copy(k, &inside, x);
}

socle_status compose_shift_images(call *k, socle_out y, socle_in x, socle_in place, float pad)
{
    socle_shape rows = view_shape(y);
    rows.dim[3] = x->dim[3] + 1;
    socle_view source, moved, table, flags, zero, never;
    SOCLE_TRY(padded(k, x, pad, &source));
    SOCLE_TRY(call_dense(k, x->dtype, view_shape(place), &table));
    SOCLE_TRY(call_copy(k, &table, place));
    socle_view top = view_narrow(&table, 1, 0, 1), left = view_narrow(&table, 1, 1, 1),
               mirror = view_narrow(&table, 1, 2, 1);
    SOCLE_TRY(call_dense(k, SOCLE_U8, view_shape(&mirror), &flags));
    SOCLE_TRY(call_scalar(k, 0, view_shape(&mirror), &zero));
    SOCLE_TRY(call_binary(k, SOCLE_BINARY_ne, &flags, &mirror, &zero));
    SOCLE_TRY(call_dense(k, SOCLE_U8, view_shape(&mirror), &never));
    SOCLE_TRY(call_fill(k, &never, 0));
    SOCLE_TRY(call_dense(k, x->dtype, rows, &moved));
    SOCLE_TRY(pick(k, &moved, &source, &top, &never, 2));
    return pick(k, y, &moved, &left, &flags, 3);
}
