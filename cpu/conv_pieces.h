/* What fills a tile of the weights' gradient: the channels of one tap, at the pixels where that tap is inside the image; or,
 * where there are too few channels, all taps of all channels, at the pixels where the same taps are inside (the boxes of the
 * forward pass). */
#ifndef CPU_CONV_PIECES_H
#define CPU_CONV_PIECES_H

#include "conv_plan.h"

/* Output pixels of which one list of columns of dw takes the same: x of the pixel (rows.from, columns.from) and of column
 * j lies at x + x_column[j], its sum at dw + dw_column[j]. */
typedef struct grad_w_piece {
    conv_range rows, columns;
    int64_t x, x_row, x_column_step;
    int64_t dw, n;
    const int64_t *x_column, *dw_column;
} grad_w_piece;

/* x, and all pieces of it for one group. */
typedef struct grad_w_source {
    lane_map x;
    int64_t n;
    grad_w_piece *piece;
} grad_w_source;

/* Memory from ws. */
socle_status grad_w_source_of(workspace *ws, const conv_geometry *g, bool taps_together, lane_map x,
                              grad_w_source *out);
/* The pairs of some columns of a piece in rows [from, to) of the output; x and dz start at the group's first channel, dz at
 * row `dz_row`. False where there are none. */
bool grad_w_pairs(const grad_w_piece *piece, conv_range of, lane_map x, lane_map dz, int64_t dz_row,
                  conv_range rows, int64_t blocks, conv_pairs *out);

#endif
