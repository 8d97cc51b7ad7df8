/* How the reference sees memory: one address function that knows strides, broadcasting and blocks of images, one
 * load and one store that know every type. All bodies use these and nothing else, so that any mixture of
 * formats, strides and types works everywhere. Elements travel as double, which holds every value of every type
 * here. */
#ifndef REF_VIEW_H
#define REF_VIEW_H

#include <socle/sys/backend.h>

/* Where element i[0], i[1], ... of v lies in its buffer, in elements. */
static inline int64_t at(socle_in v, const int64_t *i)
{
    int64_t e = v->offset;
    int32_t d = 0;
    if (v->lanes == SOCLE_LANES) {
        e += i[0] / SOCLE_LANES * v->stride[0] + i[0] % SOCLE_LANES;
        d = 1;
    }
    for (; d < v->ndim; d++)
        e += i[d] * v->stride[d];
    return e;
}

static inline double load(socle_in v, const int64_t *i)
{
    int64_t e = at(v, i);
    switch (v->dtype) {
    case SOCLE_F32:
        return ((const float *)v->buffer)[e];
    case SOCLE_F64:
        return ((const double *)v->buffer)[e];
    case SOCLE_I32:
        return ((const int32_t *)v->buffer)[e];
    case SOCLE_U8:
        return ((const uint8_t *)v->buffer)[e];
    case SOCLE_F16:
        break;
    }
    return 0;
}

/* Into an integer type: towards 0, saturating; NaN gives 0. */
static inline double saturate(double value, double low, double high)
{
    return value != value ? 0 : value < low ? low : value > high ? high : value;
}

static inline void store(socle_out v, const int64_t *i, double value)
{
    int64_t e = at(v, i);
    switch (v->dtype) {
    case SOCLE_F32:
        ((float *)v->buffer)[e] = (float)value;
        break;
    case SOCLE_F64:
        ((double *)v->buffer)[e] = value;
        break;
    case SOCLE_I32:
        ((int32_t *)v->buffer)[e] = (int32_t)saturate(value, INT32_MIN, INT32_MAX);
        break;
    case SOCLE_U8:
        ((uint8_t *)v->buffer)[e] = (uint8_t)saturate(value, 0, UINT8_MAX);
        break;
    case SOCLE_F16:
        break;
    }
}

static inline double load1(socle_in v, int64_t i)
{
    return load(v, (const int64_t[]){ i });
}

static inline double load2(socle_in v, int64_t i, int64_t j)
{
    return load(v, (const int64_t[]){ i, j });
}

static inline double load3(socle_in v, int64_t i, int64_t j, int64_t k)
{
    return load(v, (const int64_t[]){ i, j, k });
}

static inline double load4(socle_in v, int64_t i, int64_t j, int64_t k, int64_t l)
{
    return load(v, (const int64_t[]){ i, j, k, l });
}

static inline void store1(socle_out v, int64_t i, double value)
{
    store(v, (const int64_t[]){ i }, value);
}

static inline void store2(socle_out v, int64_t i, int64_t j, double value)
{
    store(v, (const int64_t[]){ i, j }, value);
}

static inline void store3(socle_out v, int64_t i, int64_t j, int64_t k, double value)
{
    store(v, (const int64_t[]){ i, j, k }, value);
}

static inline void store4(socle_out v, int64_t i, int64_t j, int64_t k, int64_t l, double value)
{
    store(v, (const int64_t[]){ i, j, k, l }, value);
}

/* Steps i to the next index of v in row-major order, through the dimensions named in axes only; false, with
 * those at 0 again, after the last. */
static inline bool next_along(socle_in v, uint32_t axes, int64_t *i)
{
    for (int32_t d = v->ndim - 1; d >= 0; d--) {
        if (!(axes >> d & 1))
            continue;
        if (++i[d] < v->dim[d])
            return true;
        i[d] = 0;
    }
    return false;
}

static inline bool next(socle_in v, int64_t *i)
{
    return next_along(v, UINT32_MAX, i);
}

#endif
