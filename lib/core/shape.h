/* Shapes as values: sizes, broadcasting, text. */
#ifndef CORE_SHAPE_H
#define CORE_SHAPE_H

#include <socle/sys/backend.h>

/* Checks 0 <= ndim <= SOCLE_MAX_DIMS, dim >= 0, and that elements, their bytes and their blocks can be counted;
 * raises ERR_SHAPE naming `what`. */
socle_status shape_check(const char *what, socle_shape s, int64_t *numel) SOCLE_MUST_USE;
int64_t shape_numel(socle_shape s); /* of a checked shape; 1 for ndim 0 */
/* NumPy: right-aligned, 1 stretches. ERR_SHAPE names `what` and both shapes. */
socle_status shape_broadcast(const char *what, socle_shape a, socle_shape b, socle_shape *out) SOCLE_MUST_USE;
/* Axis -ndim .. ndim - 1 made non-negative; ERR_ARG otherwise. */
socle_status shape_axis(const char *what, socle_shape s, int axis, int *out) SOCLE_MUST_USE;

/* "(64, 3, 28, 28)", for messages: shape_text(s).text lives as long as the expression. */
typedef struct shape_string {
    char text[160];
} shape_string;
shape_string shape_text(socle_shape s);

/* Row-major, or in blocks of 16 (lanes = SOCLE_LANES, s.ndim >= 2): dims, strides, offset 0, no buffer. */
socle_view view_dense(socle_dtype t, socle_shape s, int lanes);
/* In the header because every primitive asks for it a dozen times. */
static inline socle_shape view_shape(const socle_view *v)
{
    socle_shape s = { .ndim = v->ndim };
    for (int i = 0; i < v->ndim; i++)
        s.dim[i] = v->dim[i];
    return s;
}
int64_t view_extent(const socle_view *v); /* elements from offset to the last one reachable, pad lanes included */
bool view_is_dense(const socle_view *v);  /* strides are those of view_dense for its format; size-1 dims are free */
/* v seen with shape s by stride 0, NumPy rules. False if the format forbids it: lanes = 16 and v's images are not
 * s's images. v must be broadcastable to s. */
bool view_expand(const socle_view *v, socle_shape s, socle_view *out);

#endif
