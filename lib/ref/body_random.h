/* Random numbers and dropout: element i of the logical shape, counted in row-major order, is made from word i %
 * 4 of block counter + i / 4 (sys/philox.h), whatever the memory order. */
#include <socle/sys/philox.h>

static float uniform_at(socle_philox r, int64_t i)
{
    uint32_t words[4];
    socle_philox_block(r.key, r.counter + (uint64_t)i / 4, words);
    return socle_philox_float(words[i % 4]);
}

static socle_status random_uniform(void *self, socle_out y, socle_philox r, float lo, float hi)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 }, count = 0;
    do {
        store(y, i, (real)lo + ((real)hi - (real)lo) * (real)uniform_at(r, count++));
    } while (next(y, i));
    return SOCLE_OK;
}

/* Two words make two numbers: sqrt(-2 log(1 - u)) times cos and sin of 2 pi v. 1 - u is in (0, 1]. */
static double normal_at(socle_philox r, int64_t i)
{
    double u = uniform_at(r, i / 2 * 2), v = uniform_at(r, i / 2 * 2 + 1);
    double radius = sqrt(-2 * log(1 - u)), angle = 6.283185307179586477 * v;
    return radius * (i % 2 == 0 ? cos(angle) : sin(angle));
}

static socle_status random_normal(void *self, socle_out y, socle_philox r, float mean, float std)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 }, count = 0;
    do {
        store(y, i, mean + std * normal_at(r, count++));
    } while (next(y, i));
    return SOCLE_OK;
}

static socle_status dropout(void *self, socle_out y, socle_in x, socle_philox r, float p)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 }, count = 0;
    do {
        store(y, i, uniform_at(r, count++) < p ? 0 : (real)load(x, i) / ((real)1 - (real)p));
    } while (next(y, i));
    return SOCLE_OK;
}
