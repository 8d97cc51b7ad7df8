/* See conv_pieces.h. */
#include "conv_pieces.h"

/* One piece a tap. */
static socle_status pieces_of_taps(workspace *ws, const conv_geometry *g, grad_w_source *out)
{
    int64_t *x_column = workspace_take(ws, 2 * g->c, sizeof(int64_t));
    if (!x_column)
        return SOCLE_ERR_NOMEM;
    int64_t *dw_column = x_column + g->c;
    for (int64_t c = 0; c < g->c; c++) {
        x_column[c] = c * out->x.channel;
        dw_column[c] = c * g->r * g->s;
    }
    const int *stride = g->p.stride, *pad = g->p.pad, *dilation = g->p.dilation;
    for (int64_t r = 0; r < g->r; r++)
        for (int64_t s = 0; s < g->s; s++) {
            const conv_range rows = conv_tap_range(g, 0, r), columns = conv_tap_range(g, 1, s);
            out->piece[out->n++] = (grad_w_piece){
                .rows = rows,
                .columns = columns,
                .x = (rows.from * stride[0] - pad[0] + r * dilation[0]) * out->x.row +
                     (columns.from * stride[1] - pad[1] + s * dilation[1]) * out->x.column,
                .x_row = stride[0] * out->x.row,
                .x_column_step = stride[1] * out->x.column,
                .dw = r * g->s + s,
                .n = g->c,
                .x_column = x_column,
                .dw_column = dw_column,
            };
        }
    return SOCLE_OK;
}

/* One piece a box. */
static socle_status pieces_of_boxes(workspace *ws, const conv_geometry *g, const conv_plan *plan,
                                    grad_w_source *out)
{
    int64_t columns = 0;
    for (int i = 0; i < plan->boxes; i++)
        columns += plan->box[i].taps * g->c;
    int64_t *x_column = workspace_take(ws, 2 * columns, sizeof(int64_t));
    if (!x_column)
        return SOCLE_ERR_NOMEM;
    int64_t *dw_column = x_column + columns;
    for (int i = 0; i < plan->boxes; i++) {
        const conv_box *b = &plan->box[i];
        out->piece[out->n++] = (grad_w_piece){
            .rows = { b->first_row, b->first_row + b->rows },
            .columns = { b->first_column, b->first_column + b->columns },
            .x_row = b->x_row,
            .x_column_step = b->x_column,
            .n = b->taps * g->c,
            .x_column = x_column,
            .dw_column = dw_column,
        };
        for (int64_t c = 0; c < g->c; c++)
            for (int64_t t = 0; t < b->taps; t++) {
                *x_column++ = c * out->x.channel + b->tap[t].x;
                *dw_column++ = c * g->r * g->s + plan->tap[b->tap[t].w / CONV_PACK];
            }
    }
    return SOCLE_OK;
}

socle_status grad_w_source_of(workspace *ws, const conv_geometry *g, bool taps_together, lane_map x,
                              grad_w_source *out)
{
    conv_plan plan = { .boxes = (int)(g->r * g->s) };
    *out = (grad_w_source){ .x = x };
    if (taps_together) {
        socle_status s = conv_plan_forward(ws, g, x, (lane_map){ 0 }, &plan);
        if (s != SOCLE_OK)
            return s;
    }
    out->piece = workspace_take(ws, plan.boxes, sizeof(grad_w_piece));
    if (!out->piece)
        return SOCLE_ERR_NOMEM;
    return taps_together ? pieces_of_boxes(ws, g, &plan, out) : pieces_of_taps(ws, g, out);
}

bool grad_w_pairs(const grad_w_piece *piece, conv_range of, lane_map x, lane_map dz, int64_t dz_row,
                  conv_range rows, int64_t blocks, conv_pairs *out)
{
    const int64_t end = min64(of.to, piece->n);
    const int64_t from = max64(rows.from, piece->rows.from), to = min64(rows.to, piece->rows.to);
    if (from >= to || piece->columns.from >= piece->columns.to || of.from >= end)
        return false;
    *out = (conv_pairs){
        .count = { blocks, to - from, piece->columns.to - piece->columns.from },
        .x_step = { x.block, piece->x_row, piece->x_column_step },
        .d_step = { dz.block, dz.row, dz.column },
        .x = x.at + piece->x + (from - piece->rows.from) * piece->x_row,
        .d = dz.at + (from - dz_row) * dz.row + piece->columns.from * dz.column,
        .columns = end - of.from,
        .x_column = piece->x_column + of.from,
        .dw_column = piece->dw_column + of.from,
    };
    return true;
}
