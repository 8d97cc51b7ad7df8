/* Histogram of a chunk with its mean and variance.
 *
 * One pass over the numbers makes a byte of each, its bin, and the sums; the bytes, in no order, stay in the L1
 * cache. Then each bin is counted by comparing all bytes with it, up to the highest bin that occurs: activations
 * rarely reach half of the range that is shown, so this is less work than adding to a table, which waits for
 * memory at every zero that a ReLU made. Where the mean is so large beside the deviation that the squares
 * cancel, a second pass takes the sums around it. */

enum { CODES = 4 * VW }; /* numbers of a round */
/* In a register of bytes: with 64, each comparison would cost a way through a mask register. */
enum { BYTES = VW == 4 ? 16 : 32 };
enum { COUNT_ROUNDS = 255 }; /* what a byte can count */
enum { SPREAD = 16 };        /* of mean^2 to variance: beyond, four bits and more would be lost */

typedef uint8_t vb __attribute__((vector_size(BYTES), may_alias));
typedef uint64_t vw __attribute__((vector_size(BYTES), may_alias));

INLINE vb vb_set(int s)
{
    return (uint8_t)s - (vb){ 0 };
}

/* In words of 64 bits: bytes taken one by one would keep v in memory, also where it is added to. */
INLINE uint32_t vb_sum(vb v)
{
#if VW >= 8
    vw sums = (vw)_mm256_sad_epu8((__m256i)v, _mm256_setzero_si256());
    return (uint32_t)(sums[0] + sums[1] + sums[2] + sums[3]);
#else
    const uint64_t even = 0x00ff00ff00ff00ffu, each = 0x0001000100010001u;
    vw pairs = ((vw)v & even) + ((vw)v >> 8 & even);
    return (uint32_t)((pairs[0] * each >> 48) + (pairs[1] * each >> 48));
#endif
}

/* What is none of b's bins gets the code b->n. */
INLINE uint8_t code1(const socle_bins *b, float v)
{
    float t = ((b->absolute ? __builtin_fabsf(v) : v) - b->low) * b->scale;
    return (uint8_t)(t >= 0.0f && t < (float)b->n ? (int)t : b->n);
}

/* plain: sizes from 0 on, which no t is below. */
INLINE vi code(const socle_bins *b, bool plain, vf v)
{
    vf n = vf_set((float)b->n), u = plain || b->absolute ? (vf)((vi)v & vi_set(0x7fffffff)) : v;
    if (!plain)
        u = u - vf_set(b->low);
    vf t = vf_min(u * vf_set(b->scale), n);
    if (!plain)
        t = vf_select(t >= vf_set(0.0f), t, n);
    return __builtin_convertvector(t, vi);
}

/* count[first .. first + 3] of the bytes in n vectors. */
INLINE void count_four(int64_t n, const vb *codes, int first, uint32_t *count)
{
    vb v[4], acc[4];
    for (int k = 0; k < 4; k++) {
        v[k] = vb_set(first + k);
        count[first + k] = 0;
    }
    for (int64_t from = 0; from < n; from += COUNT_ROUNDS) {
        int64_t end = n - from < COUNT_ROUNDS ? n : from + COUNT_ROUNDS;
        for (int k = 0; k < 4; k++)
            acc[k] = (vb){ 0 };
        for (int64_t i = from; i < end; i++)
            for (int k = 0; k < 4; k++)
                acc[k] -= (vb)(codes[i] == v[k]); /* -1 where equal */
        for (int k = 0; k < 4; k++)
            count[first + k] += vb_sum(acc[k]);
    }
}

static void count_codes(const socle_bins *b, int64_t n, uint8_t *codes, uint32_t *count)
{
    int64_t vectors = (n + BYTES - 1) / BYTES;
    uint8_t highest = 0;
    for (int64_t i = 0; i < n; i++)
        highest = codes[i] > highest ? codes[i] : highest;
    for (int64_t i = n; i < vectors * BYTES; i++)
        codes[i] = HISTOGRAM_ROOM - 1; /* beyond every bin */
    int first = 0;
    for (; first < b->n && first <= highest; first += 4)
        count_four(vectors, (const vb *)codes, first, count);
    for (; first < b->n; first += 4)
        memset(count + first, 0, 4 * sizeof *count);
}

/* Four registers side by side as one sum, in double, lane after lane. */
INLINE double sum_of(const vf *acc)
{
    float lanes[VW];
    double sum = 0;
    vf_store(lanes, (acc[0] + acc[1]) + (acc[2] + acc[3]));
    for (int i = 0; i < VW; i++)
        sum += (double)lanes[i];
    return sum;
}

/* The codes, and the sums of the numbers and of their squares. */
INLINE void scan(const socle_bins *b, bool plain, int64_t n, const float *x, uint8_t *codes, double sums[2])
{
    vf sum[4] = { 0 }, square[4] = { 0 };
    int64_t i = 0;
    for (; i + CODES <= n; i += CODES) {
        vi c[4];
        for (int k = 0; k < 4; k++) {
            vf v = vf_load(x + i + k * VW);
            sum[k] += v;
            square[k] += v * v;
            c[k] = code(b, plain, v);
        }
        *(vi *)(codes + i) = (c[0] | c[1] << 8) | (c[2] << 16 | c[3] << 24);
    }
    sums[0] = sum_of(sum);
    sums[1] = sum_of(square);
    for (; i < n; i++) {
        sums[0] += (double)x[i];
        sums[1] += (double)x[i] * (double)x[i];
        codes[i] = code1(b, x[i]);
    }
}

/* Sums of the differences from pivot, and of their squares. */
static void scan_around(float pivot, int64_t n, const float *x, double sums[2])
{
    vf sum[4] = { 0 }, square[4] = { 0 };
    int64_t i = 0;
    for (; i + CODES <= n; i += CODES)
        for (int k = 0; k < 4; k++) {
            vf d = vf_load(x + i + k * VW) - vf_set(pivot);
            sum[k] += d;
            square[k] += d * d;
        }
    sums[0] = sum_of(sum);
    sums[1] = sum_of(square);
    for (; i < n; i++) {
        double d = (double)x[i] - (double)pivot;
        sums[0] += d;
        sums[1] += d * d;
    }
}

static void histogram(const socle_bins *b, int64_t n, const float *x, uint32_t *count, double moments[2])
{
    _Alignas(64) uint8_t codes[HISTOGRAM_CHUNK];
    const socle_bins bins = *b;
    double sums[2], size = (double)n, pivot = 0;
    if (bins.absolute && bins.low == 0.0f)
        scan(&bins, true, n, x, codes, sums);
    else
        scan(&bins, false, n, x, codes, sums);
    if (sums[0] * sums[0] > SPREAD * size * (sums[1] - sums[0] * sums[0] / size)) {
        float mean = (float)(sums[0] / size);
        scan_around(mean, n, x, sums);
        pivot = (double)mean;
    }
    count_codes(&bins, n, codes, count);
    double squares = sums[1] - sums[0] * sums[0] / size;
    moments[0] = pivot + sums[0] / size;
    moments[1] = squares < 0 ? 0 : squares; /* NaN stays */
}
