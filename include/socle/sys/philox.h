/* Philox 4x32-10, the counter-based generator behind every random number of the library (Salmon et al., "Parallel
 * random numbers: as easy as 1, 2, 3", SC11). This is the definition: every backend draws the same words.
 *
 * A stream is a key; block i of it is four words that depend on (key, i) alone, so any element of any draw can be made
 * without the ones before it, by any thread, in any order. Keys come from socle_philox_key(seed, purpose, ...). */
#ifndef SOCLE_SYS_PHILOX_H
#define SOCLE_SYS_PHILOX_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a stream is for. Streams of one seed and different purposes are unrelated. */
typedef enum socle_purpose {
    SOCLE_PURPOSE_CTX,     /* dropout and random ops of a ctx */
    SOCLE_PURPOSE_INIT,    /* initial weights; index = the parameter's place in the walk */
    SOCLE_PURPOSE_SHUFFLE, /* index = epoch */
    SOCLE_PURPOSE_SAMPLE   /* augmentation; index = epoch, second index = sample */
} socle_purpose;

/* words = Philox 4x32-10 of counter (block, 0) under key. */
static inline void socle_philox_block(uint64_t key, uint64_t block, uint32_t words[4])
{
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32), c2 = 0, c3 = 0;
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

/* A key from a seed, a purpose and two indices: two Philox blocks, so that near seeds give unrelated keys. */
static inline uint64_t socle_philox_key(uint64_t seed, socle_purpose purpose, uint64_t index, uint64_t second)
{
    uint32_t w[4];
    socle_philox_block(seed, ((uint64_t)purpose << 56) ^ index, w);
    socle_philox_block((uint64_t)w[1] << 32 | w[0], second, w);
    return (uint64_t)w[1] << 32 | w[0];
}

/* [0, 1) with 24 bits: exact in float. */
static inline float socle_philox_float(uint32_t word)
{
    return (float)(word >> 8) * (1.0f / 16777216.0f);
}

#ifdef __cplusplus
}
#endif
#endif
