/* Weights [output][channel][tap] side by side for tiles of 8 outputs: [channel][tap][8]; see kernels_conv.h.
 *
 * That is a transposition, which squares of 8 x 8 in registers do at the speed of memory. Where one or two taps of a window
 * are wanted, they are picked one by one: each line of memory that is read then gives one or two numbers. */

typedef float pack_row __attribute__((vector_size(CONV_PACK * 4), aligned(4), may_alias));

enum { PACK_AHEAD = 128 };
#define PACK_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* r[i] lane j becomes r[j] lane i: pairs, then fours, then halves, all within what one instruction can do. */
INLINE void transpose_pack(pack_row r[CONV_PACK])
{
    pack_row pair[CONV_PACK], four[CONV_PACK];
#pragma GCC unroll 4
    for (int i = 0; i < CONV_PACK; i += 2) {
        pair[i] = PACK_SHUFFLE(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        pair[i + 1] = PACK_SHUFFLE(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma GCC unroll 2
    for (int i = 0; i < CONV_PACK; i += 4)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            four[i + 2 * j] = PACK_SHUFFLE(pair[i + j], pair[i + 2 + j], 0, 1, 8, 9, 4, 5, 12, 13);
            four[i + 2 * j + 1] = PACK_SHUFFLE(pair[i + j], pair[i + 2 + j], 2, 3, 10, 11, 6, 7, 14, 15);
        }
#pragma GCC unroll 4
    for (int i = 0; i < CONV_PACK / 2; i++) {
        r[i] = PACK_SHUFFLE(four[i], four[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        r[i + 4] = PACK_SHUFFLE(four[i], four[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* to [8] = the element at w of `outputs` outputs, and zeros. */
INLINE void pick_pack(float *to, const float *w, int64_t output_stride, const int outputs)
{
    pack_row v = { 0 };
#pragma GCC unroll 8
    for (int k = 0; k < CONV_PACK; k++)
        if (k < outputs)
            v[k] = w[k * output_stride];
    *(pack_row *)to = v;
}

/* [columns][8] from rows of `columns` elements side by side. */
INLINE void pack_columns(float *to, const float *w, int64_t output_stride, const int outputs, int64_t columns)
{
    int64_t i = 0;
    for (; i + CONV_PACK <= columns; i += CONV_PACK) {
        pack_row r[CONV_PACK];
#pragma GCC unroll 8
        for (int k = 0; k < CONV_PACK; k++)
            __builtin_prefetch(w + k * output_stride + i + PACK_AHEAD);
#pragma GCC unroll 8
        for (int k = 0; k < CONV_PACK; k++)
            r[k] = k < outputs ? *(const pack_row *)(w + k * output_stride + i) : (pack_row){ 0 };
        transpose_pack(r);
#pragma GCC unroll 8
        for (int k = 0; k < CONV_PACK; k++)
            *(pack_row *)(to + (i + k) * CONV_PACK) = r[k];
    }
    for (; i < columns; i++)
        pick_pack(to + i * CONV_PACK, w + i, output_stride, outputs);
}

/* Whether all wanted taps, and enough of them, are among eight neighbours. */
INLINE bool taps_are_near(const conv_windows *p)
{
    enum { FEW = 2 };
    return p->taps > FEW && p->window >= CONV_PACK && p->tap[p->taps - 1] - p->tap[0] < CONV_PACK;
}

/* Those of one channel: the eight are transposed, and the wanted ones kept. */
INLINE void pack_near(float *to, const float *w, const conv_windows *p, const int outputs)
{
    const int64_t last = p->tap[p->taps - 1], first = last < CONV_PACK ? 0 : last - CONV_PACK + 1;
    pack_row r[CONV_PACK];
#pragma GCC unroll 8
    for (int k = 0; k < CONV_PACK; k++)
        r[k] = k < outputs ? *(const pack_row *)(w + k * p->output_stride + first) : (pack_row){ 0 };
    transpose_pack(r);
    float all[CONV_PACK * CONV_PACK];
#pragma GCC unroll 8
    for (int k = 0; k < CONV_PACK; k++)
        *(pack_row *)(all + k * CONV_PACK) = r[k];
    for (int64_t t = 0; t < p->taps; t++)
        *(pack_row *)(to + t * CONV_PACK) = *(const pack_row *)(all + (p->tap[t] - first) * CONV_PACK);
}

/* outputs is a constant, or at least not 8, where it is inlined. */
INLINE void pack_windows(const conv_windows *p, const int outputs)
{
    const int64_t step = p->taps * CONV_PACK;
    const bool near = p->taps < p->window && taps_are_near(p);
    if (p->taps == p->window && p->channel_stride == p->window) {
        pack_columns(p->to, p->w, p->output_stride, outputs, p->channels * p->window);
        return;
    }
    for (int64_t c = 0; c < p->channels; c++) {
        const float *w = p->w + c * p->channel_stride;
        float *to = p->to + c * step;
        if (p->taps == p->window)
            pack_columns(to, w, p->output_stride, outputs, p->window);
        else {
#pragma GCC unroll 8
            for (int k = 0; k < outputs; k++)
                __builtin_prefetch(w + k * p->output_stride + PACK_AHEAD);
            if (near)
                pack_near(to, w, p, outputs);
            for (int64_t t = 0; t < p->taps && !near; t++)
                pick_pack(to + t * CONV_PACK, w + p->tap[t], p->output_stride, outputs);
        }
    }
}

static void conv_pack_windows(const conv_windows *p)
{
    if (p->outputs == CONV_PACK)
        pack_windows(p, CONV_PACK);
    else
        pack_windows(p, p->outputs);
}
