/* Lines along one axis, and how up to 16 of them come side by side, which is what the kernels for columns want:
 * the images of a block are so already, lines of any other kind are brought there. */
#ifndef CPU_LINES_H
#define CPU_LINES_H

#include "device.h"

/* Lines longer than this go one by one: 16 of them would not stay in the L1 cache. */
enum { LINES_SHORT = 256 };

/* Neighbouring elements of a line lie at one distance: not so along the images of a view in blocks. */
bool lines_are_straight(socle_in v, int axis);

/* columns[k * 16 + i] = element k of line i, i < n <= 16; line i starts at x + i * step and runs along v's axis. */
void lines_gather(const cpu_device *d, float *columns, socle_in v, int axis, const float *x, int64_t step,
                  int64_t n);
/* The way back. */
void lines_scatter(const cpu_device *d, const float *columns, socle_in v, int axis, float *y, int64_t step,
                   int64_t n);

#endif
