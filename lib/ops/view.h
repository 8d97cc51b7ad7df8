/* Owned handles on a tensor seen otherwise; for forward and backward of several ops. NULL on failure. Where
 * memory order forbids a view they make a copy, so write through them only where the comment says that it is a
 * view. */
#ifndef OPS_VIEW_H
#define OPS_VIEW_H

#include <socle/sys/prim.h>

/* Same elements in row-major order, shape s. A view if t's memory is in that order. */
socle_tensor *view_reshaped(socle_tensor *t, socle_shape s);
/* Dimension i is t's axes[i]. A view, unless t is in blocks of images and axes[0] != 0. */
socle_tensor *view_permuted(socle_tensor *t, const int *axes);
/* Elements start to stop - 1 of an axis >= 0; legal ones. A view, unless t is in blocks of images, axis is 0
 * and start no multiple of 16. */
socle_tensor *view_sliced(socle_tensor *t, int axis, int64_t start, int64_t stop);

#endif
