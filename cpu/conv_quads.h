/* The gradient of a convolution's input where it has few channels and the stride is 2: networks' first layers. A tile of the
 * general way would hold few outputs, and load as often as it multiplies; here it holds four neighbouring pixels of dx
 * instead, which share what they need of dz (isa/kernels_conv.h: conv_quad_box). */
#ifndef CPU_CONV_QUADS_H
#define CPU_CONV_QUADS_H

#include "conv_plan.h"

typedef struct conv_quads {
    int boxes;
    conv_quad_box *box;
    const float *packed; /* [group][c][tap][k][4] */
    int64_t packed_size; /* floats of one input channel */
} conv_quads;

bool conv_quads_suit(const conv_geometry *g);
socle_status conv_quads_prepare(workspace *ws, const conv_geometry *g, lane_map dz, lane_map dx, const float *w,
                                conv_quads *out);
/* dx of `blocks` blocks, from the first of dz and dx on, of all groups. */
void conv_quads_run(const struct cpu_conv_kernels *kernels, const conv_geometry *g, const conv_quads *q,
                    lane_map dz, lane_map dx, int64_t blocks);

#endif
