/* The loop over operands of equal sizes in any mixture of strides and formats: what lets every slot accept every
 * view.
 *
 * Views become plain strided loops: blocks of 16 images are one dimension over blocks and one over the lanes,
 * dimensions are sorted by the first operand's strides, and neighbours that follow each other in all operands
 * become one. What is left is a few nested loops around rows, and a kernel for one row does the work. Dense
 * operands of one format are a single row. */
#ifndef CPU_ITERATE_H
#define CPU_ITERATE_H

#include <socle/sys/backend.h>

enum { LOOP_OPERANDS = 4, LOOP_DIMS = SOCLE_MAX_DIMS + 2 /* the lanes, and one to cut rows */ };

/* Elements in one chunk of cpu_for: 2 to 3 us of work in the L2 cache, twice what starting a parallel region costs.
 * LOOP_GRAIN_HEAVY where an element costs an exponential. */
enum { LOOP_GRAIN = 32768, LOOP_GRAIN_HEAVY = 8192 };

typedef struct loop {
    int operands, ndim; /* ndim >= 1 */
    int64_t dim[LOOP_DIMS];
    int64_t stride[LOOP_OPERANDS][LOOP_DIMS]; /* elements */
    int64_t start[LOOP_OPERANDS];             /* of the first element, in elements of the buffer */
} loop;

/* n elements of every operand; element i of operand k is at[k] + i * stride[k]. May run in any thread. */
typedef void (*loop_row)(void *arg, int64_t n, const int64_t *at, const int64_t *stride);

/* v[0] to v[n - 1] have equal dims. Fills one loop, or two where images do not fill their last block; returns
 * how many. pads: lanes past the last image may be read and written as well, where that saves the second loop.
 * Rows then run along the operand whose memory is v[0]. */
int loop_build(loop out[2], int n, const socle_view *const *v, bool pads);
int64_t loop_count(const loop *l); /* elements */

/* Runs row over all of l in chunks of about `grain` elements, in any order. */
void loop_run(const loop *l, int threads, int64_t grain, loop_row row, void *arg);
/* loop_build and loop_run. */
void iterate(int threads, int64_t grain, int n, const socle_view *const *v, bool pads, loop_row row, void *arg);

/* Where a walk through a loop's outer dimensions (all but the last `inner`) stands. */
typedef struct walk {
    const loop *l;
    int ndim; /* the outer dimensions */
    int64_t i[LOOP_DIMS], at[LOOP_OPERANDS];
} walk;
walk walk_from(const loop *l, int inner, int64_t position);
void walk_next(walk *w);
void walk_skip(walk *w, int64_t steps); /* within the innermost of the outer dimensions */

/* Element i along axis (0 .. dim - 1) as a distance from element 0. */
int64_t view_along(socle_in v, int axis, int64_t i);
/* v without the dimensions in axes: those of element 0 along them. */
socle_view view_drop(socle_in v, uint32_t axes);
/* v with only the dimensions in axes, from element 0 of the others; offset 0: distances, not places. */
socle_view view_only(socle_in v, uint32_t axes);

#endif
