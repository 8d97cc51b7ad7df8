/* Products on processors: how kernels/gemm_cpu.cl cuts one into work-items and steps.
 *
 * Only k's steps and slices decide how an element is summed, and they follow from the shape alone; how C is cut follows from
 * the device too, and changes no bit. */
#include "gemm.h"
#include "temp.h"

#include <stdio.h>

enum {
    OPTIONS = 128,
    STEP = 256,         /* of k: MR x 256 of A stay in the L1 cache */
    PACKED = 64 * 1024, /* floats of B: a quarter of a common L2 cache */
    WORK = 1 << 18,     /* multiply-adds worth a work-item of their own: some 10 us */
    ITEMS_PER_UNIT = 4  /* so that a unit that is late leaves its share to others */
};

typedef struct cut {
    int64_t rows, columns; /* of a tile: MR and NV */
    int64_t mc, nc, kc;    /* of a work-item */
    int64_t slices, slice_k;
    size_t local; /* bytes */
} cut;

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t round_up(int64_t a, int64_t b)
{
    return divide_up(a, b) * b;
}

/* The height of tiles: one that divides m, because tiles at an edge are stored element by element; else one that cuts it
 * evenly. */
static int64_t tile_rows(int64_t m, int64_t most)
{
    for (int64_t rows = most; 2 * rows > most; rows--)
        if (m % rows == 0)
            return rows;
    return divide_up(m, divide_up(m, most));
}

/* Local memory but for the packed B, in floats: a tile, and a panel of A with room for a vector that overhangs. */
static int64_t floats_but_b(const cut *c)
{
    return c->rows * 16 * c->columns + round_up(c->rows * c->kc + 16, 16);
}

static int64_t local_floats(const ocl_device *d)
{
    return (int64_t)(d->local_bytes / sizeof(float));
}

/* Steps of k: even, and no longer than local memory has room for with one panel of B. */
static void cut_k(const ocl_device *d, cut *c)
{
    for (int64_t step = STEP; step >= 16; step /= 2) {
        c->kc = round_up(divide_up(c->slice_k, divide_up(c->slice_k, step)), 16);
        if (floats_but_b(c) + c->kc * 16 * c->columns <= local_floats(d))
            return;
    }
}

/* As many blocks as are wanted, but not finer than that, and not fewer than there are. */
static int64_t more_blocks(int64_t blocks, int64_t wanted, int64_t finest)
{
    const int64_t more = wanted < finest ? wanted : finest;
    return more > blocks ? more : blocks;
}

/* What a work-item takes: all rows and as many columns as the packed B has room for, less where there would be too few items. */
static void cut_c(const ocl_device *d, const ocl_product *p, cut *c)
{
    const int64_t width = 16 * c->columns, room = local_floats(d) - floats_but_b(c);
    int64_t most = (room < PACKED ? room : PACKED) / c->kc / width * width;
    if (most < width)
        most = width;
    const int64_t others = p->batches * c->slices, work = p->m * p->n * p->k * p->batches;
    int64_t want = ITEMS_PER_UNIT * (int64_t)d->units, column_blocks = divide_up(p->n, most), row_blocks = 1;
    if (want > work / WORK)
        want = work / WORK;
    column_blocks = more_blocks(column_blocks, divide_up(want, others), divide_up(p->n, 4 * width));
    row_blocks = more_blocks(row_blocks, divide_up(want, column_blocks * others), divide_up(p->m, 4 * c->rows));
    if (column_blocks > (int64_t)d->units) /* so that all units have as much */
        column_blocks = round_up(column_blocks, d->units);
    c->nc = round_up(divide_up(p->n, column_blocks), width);
    c->mc = round_up(divide_up(p->m, row_blocks), c->rows);
    c->local = sizeof(float) * (size_t)(floats_but_b(c) + c->kc * c->nc);
}

static int64_t width_of(const ocl_product *p, ocl_tile tile)
{
    return p->n <= 16 ? 1 : tile.columns;
}

/* About what p takes as it stands, in sums of a register: tiles are computed whole, and a C whose columns are not
 * neighbours is stored element by element. */
static int64_t cost_of(const ocl_product *p, ocl_tile tile)
{
    enum { SCATTERED = 64 };
    const int64_t rows = round_up(p->m, tile_rows(p->m, tile.rows)),
                  columns = round_up(p->n, 16 * width_of(p, tile));
    return rows * columns * (p->k + (p->c.column.unit == 1 ? 0 : SCATTERED));
}

static cut cut_of(const ocl_device *d, const ocl_product *p, ocl_tile tile)
{
    cut c = { .rows = tile_rows(p->m, tile.rows), .columns = width_of(p, tile) };
    c.slices = ocl_product_slices(p, &c.slice_k);
    cut_k(d, &c);
    cut_c(d, p, &c);
    return c;
}

static socle_status run(ocl_device *d, const ocl_product *p, const cut *c)
{
    char options[OPTIONS];
    bool wide = ocl_product_wide(p) || c->slices * p->m * p->n > INT32_MAX / 2;
    (void)snprintf(options, sizeof options, "-DINDEX=%s -DMR=%d -DNV=%d", wide ? "long" : "int", (int)c->rows,
                   (int)c->columns);
    ocl_call k = ocl_begin(d, "gemm_cpu.cl", "gemm_cpu", options);
    ocl_arg_product(&k, wide, p);
    ocl_arg_buffer(&k, p->c.buffer);
    ocl_arg_buffer(&k, p->a.buffer);
    ocl_arg_buffer(&k, p->b.buffer);
    ocl_arg_buffer(&k, p->bias ? p->bias : p->c.buffer);
    const int64_t numbers[] = { c->mc, c->nc, c->kc, c->slices, c->slice_k, p->m * p->n };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        ocl_arg_index(&k, wide, numbers[i]);
    ocl_arg_float(&k, p->alpha);
    ocl_arg_float(&k, p->beta);
    ocl_arg_local(&k, c->local);
    const size_t groups[3] = { (size_t)divide_up(p->n, c->nc), (size_t)divide_up(p->m, c->mc),
                               (size_t)(p->batches * c->slices) };
    return ocl_run(&k, 3, groups, (size_t[]){ 1, 1, 1 });
}

socle_status ocl_multiply_cpu(ocl_device *d, const ocl_product *given, ocl_tile tile)
{
    const ocl_product turned = ocl_product_swapped(given);
    const ocl_product *p = cost_of(&turned, tile) < cost_of(given, tile) ? &turned : given;
    const cut c = cut_of(d, p, tile);
    if (c.slices == 1)
        return run(d, p, &c);
    ocl_temp partial;
    socle_status status = ocl_temp_new(d, SOCLE_F32, 1, (int64_t[]){ c.slices * p->m * p->n }, 1, &partial);
    if (status != SOCLE_OK)
        return status;
    const ocl_product part = ocl_product_partial(p, &partial.view);
    status = run(d, &part, &c);
    if (status == SOCLE_OK)
        status = ocl_product_combine(d, p, &partial.view, c.slices);
    ocl_temp_free(d, &partial);
    return status;
}
