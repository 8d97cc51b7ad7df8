/* socle_rng: a stream of random numbers for the host, word i of it being word i % 4 of Philox block i / 4.
 * Shuffles, augmentation and initial weights draw from it; the devices' own draws follow sys/philox.h directly. */
#include <math.h>
#include <socle/init.h>
#include <socle/sys/philox.h>

uint32_t socle_rng_word(socle_rng *r)
{
    uint32_t words[4];
    uint64_t i = r->counter++;
    socle_philox_block(r->key, i / 4, words);
    return words[i % 4];
}

double socle_rng_uniform(socle_rng *r)
{
    return socle_philox_float(socle_rng_word(r));
}

/* Box-Muller, the cosine half: two words a number, so that a number's place in the stream does not depend on what
 * was drawn before it. */
double socle_rng_normal(socle_rng *r)
{
    static const double two_pi = 6.283185307179586;
    double u = 1.0 - socle_rng_uniform(r); /* (0, 1] */
    double v = socle_rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(two_pi * v);
}

/* Lemire, "Fast random integer generation in an interval" (2019): the high half of word * n is uniform once the
 * words whose low half falls into the first 2^32 mod n are drawn again. Larger n: 64 bits, rejecting the unfair
 * tail. */
uint64_t socle_rng_below(socle_rng *r, uint64_t n)
{
    if (n <= UINT32_MAX) {
        uint32_t size = (uint32_t)n;
        uint64_t product = (uint64_t)socle_rng_word(r) * size;
        if ((uint32_t)product < size) {
            uint32_t unfair = (0u - size) % size;
            while ((uint32_t)product < unfair)
                product = (uint64_t)socle_rng_word(r) * size;
        }
        return product >> 32;
    }
    for (;;) {
        uint64_t low = socle_rng_word(r);
        uint64_t x = (uint64_t)socle_rng_word(r) << 32 | low;
        if (x >= (0u - n) % n)
            return x % n;
    }
}
