/* The register tile of matrix products: rows x two registers, kept over all of k; per step two loads, a broadcast a row, and
 * a multiply-add a register. Whoever cuts C shares its rows out evenly, so a tile has any height up to GEMM_ROWS; where half of
 * its columns do not exist, one register is left out.
 *
 * A tile that reads B where it lies writes the packed panel for others beside its arithmetic, and asks for what the next
 * panel has of the same step: steps lie so far apart in memory that no hardware prefetcher follows, and so few of them fit
 * the L1 cache that lines go to the L2 (98 GFLOP/s on 16x200704x72, 56 with lines of the same panel some steps ahead).
 *
 * Order of summation: k, one accumulator. Alignment: none needed. Aliasing: none. */
#include "kernels_gemm.h"

#include "body_gemm_pack.h"

/* 28 + 2 + 1 of 32 registers, 12 + 2 + 1 of 16, 8 + 2 + 2 of 16 where a product needs its own, 24 + 2 + 1 of 32. */
#if VW == 16
enum { GEMM_ROWS = 14 };
#elif VW == 8
enum { GEMM_ROWS = 6 };
#elif defined(__aarch64__)
enum { GEMM_ROWS = 12 };
#else
enum { GEMM_ROWS = 4 };
#endif
/* Steps of k between one pass over C and the next. Panels of A come from the L2 cache anyway, and so may those of B where a step
 * has 28 multiply-adds for its two lines; with 12 a panel should stay in the L1. */
enum { GEMM_STEPS = VW == 16 ? 512 : 256 };
enum { GEMM_COLUMNS = 2 * VW, GEMM_PITCH = (GEMM_ROWS + VW - 1) / VW * VW };

/* C is read or written at the end: asked for at the beginning. */
INLINE void fetch_c(const gemm_tile *t, const int rows, const int vectors)
{
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        __builtin_prefetch(t->c + i * t->c_row, 1, 2);
        __builtin_prefetch(t->c + i * t->c_row + vectors * VW - 1, 1, 2);
    }
}

INLINE void fetch_next(const float *b)
{
    __builtin_prefetch(b + GEMM_COLUMNS, 0, 2);
    __builtin_prefetch(b + 2 * GEMM_COLUMNS - 1, 0, 2);
}

/* Loops have bounds of their own, not those of a tile, which not every compiler unrolls in time to keep sums in registers. */
INLINE void gemm_sums(const gemm_tile *t, const int rows, const int vectors)
{
    vf acc[GEMM_ROWS][2];
#pragma GCC unroll 16
    for (int i = 0; i < GEMM_ROWS; i++)
        acc[i][0] = acc[i][1] = vf_set(0);
    fetch_c(t, rows, vectors);
    const float *a = t->a, *b = t->b;
    const int64_t b_row = t->b_row;
    float *packed = t->packed;
    for (int64_t k = t->k; k > 0; k--, a += GEMM_PITCH, b += b_row) {
        vf b0 = vf_load(b), b1 = vectors == 2 ? vf_load(b + VW) : vf_set(0);
        if (t->far) {
            fetch_next(b);
            if (packed) {
                vf_store(packed, b0);
                vf_store(packed + VW, b1);
                packed += GEMM_COLUMNS;
            }
        }
#pragma GCC unroll 16
        for (int i = 0; i < GEMM_ROWS; i++)
            if (i < rows) {
                vf s = vf_set(a[i]);
                acc[i][0] += s * b0;
                if (vectors == 2)
                    acc[i][1] += s * b1;
            }
    }
    const vf va = vf_set(t->alpha), vb = vf_set(t->beta);
#pragma GCC unroll 16
    for (int i = 0; i < GEMM_ROWS; i++)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++)
            if (i < rows && j < vectors) {
                float *at = t->c + i * t->c_row + j * VW;
                vf_store(at, t->beta == 0 ? va * acc[i][j] : va * acc[i][j] + vb * vf_load(at));
            }
}

INLINE void gemm_rows_of(const gemm_tile *t, const int vectors)
{
    /* clang-format off */
    switch (t->rows) {
    case 1: gemm_sums(t, 1, vectors); break;
    case 2: gemm_sums(t, 2, vectors); break;
    case 3: gemm_sums(t, 3, vectors); break;
    case 4: gemm_sums(t, 4, vectors); break;
    case 5: if (GEMM_ROWS >= 5) gemm_sums(t, 5, vectors); break;
    case 6: if (GEMM_ROWS >= 6) gemm_sums(t, 6, vectors); break;
    case 7: if (GEMM_ROWS >= 7) gemm_sums(t, 7, vectors); break;
    case 8: if (GEMM_ROWS >= 8) gemm_sums(t, 8, vectors); break;
    case 9: if (GEMM_ROWS >= 9) gemm_sums(t, 9, vectors); break;
    case 10: if (GEMM_ROWS >= 10) gemm_sums(t, 10, vectors); break;
    case 11: if (GEMM_ROWS >= 11) gemm_sums(t, 11, vectors); break;
    case 12: if (GEMM_ROWS >= 12) gemm_sums(t, 12, vectors); break;
    case 13: if (GEMM_ROWS >= 13) gemm_sums(t, 13, vectors); break;
    default: gemm_sums(t, GEMM_ROWS, vectors); break;
    }
    /* clang-format on */
}

static void gemm_narrow(const gemm_tile *t)
{
    gemm_rows_of(t, 1);
}

static void gemm_wide(const gemm_tile *t)
{
    gemm_rows_of(t, 2);
}

/* c = v + beta c, of one row of a tile. */
INLINE void add_row(const gemm_tile *t, float *c, const float *v)
{
    const vf vb = vf_set(t->beta);
    for (int64_t j = 0; j < t->columns; j += VW) {
        const int64_t there = t->columns - j < VW ? t->columns - j : VW;
        vf sum = vf_load(v + j);
        if (t->beta != 0)
            sum += vb * load_first(c + j, there);
        store_first(c + j, sum, there);
    }
}

INLINE void add_strided(const gemm_tile *t, float *c, const float *v)
{
    for (int64_t j = 0; j < t->columns; j++) {
        float *at = c + j * t->c_column;
        *at = t->beta == 0 ? v[j] : v[j] + t->beta * *at;
    }
}

/* Whole registers of a C whose columns are neighbours go there at once, everything else through memory of our own. */
static void gemm_product(const gemm_tile *t)
{
    void (*const sums)(const gemm_tile *) = t->columns > VW ? gemm_wide : gemm_narrow;
    if (t->columns % VW == 0 && t->c_column == 1) {
        sums(t);
        return;
    }
    float own[GEMM_ROWS * GEMM_COLUMNS];
    gemm_tile apart = *t;
    apart.c = own;
    apart.c_row = GEMM_COLUMNS;
    apart.beta = 0;
    sums(&apart);
    for (int i = 0; i < t->rows; i++)
        if (t->c_column == 1)
            add_row(t, t->c + i * t->c_row, own + i * GEMM_COLUMNS);
        else
            add_strided(t, t->c + i * t->c_row, own + i * GEMM_COLUMNS);
}

static const struct cpu_gemm_kernels gemm_kernels = {
    .rows = GEMM_ROWS,
    .columns = GEMM_COLUMNS,
    .pitch = GEMM_PITCH,
    .steps = GEMM_STEPS,
    .tile = gemm_product,
    .pack = gemm_pack,
};
