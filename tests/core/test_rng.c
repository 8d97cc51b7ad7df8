/* Streams of random numbers on the host: the words are Philox's, and what is made of them has the right
 * distribution. */
#include <criterion/criterion.h>
#include <math.h>
#include <socle/init.h>
#include <socle/sys/philox.h>

Test(rng, words_are_those_of_the_philox_blocks_in_order)
{
    socle_rng r = { .key = 0x123456789abcdefu };
    for (uint64_t block = 0; block < 5; block++) {
        uint32_t words[4];
        socle_philox_block(r.key, block, words);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(socle_rng_word(&r), words[i], "block %d word %d", (int)block, i);
    }
    cr_assert_eq(r.counter, 20u);
}

/* Random123's known answers for Philox 4x32-10: key and counter of zeros, and of ones. */
Test(rng, philox_gives_the_published_words)
{
    uint32_t words[4];
    socle_philox_block(0, 0, words);
    cr_assert_eq(words[0], 0x6627e8d5u);
    cr_assert_eq(words[1], 0xe169c58du);
    cr_assert_eq(words[2], 0xbc57ac4cu);
    cr_assert_eq(words[3], 0x9b00dbd8u);
}

Test(rng, below_is_uniform_and_inside)
{
    enum { N = 10, DRAWS = 100000 };
    socle_rng r = { .key = 7 };
    int count[N] = { 0 };
    for (int i = 0; i < DRAWS; i++) {
        uint64_t v = socle_rng_below(&r, N);
        cr_assert_lt(v, (uint64_t)N);
        count[v]++;
    }
    double chi2 = 0;
    for (int i = 0; i < N; i++)
        chi2 += pow(count[i] - DRAWS / (double)N, 2) / (DRAWS / (double)N);
    cr_assert_lt(chi2, 27.9, "chi2 %g: beyond the 99.9 %% quantile for 9 degrees of freedom", chi2);
}

/* 3 * 2^30 possible values of a 32-bit word: taking the word modulo n would hit the lower third twice as often. */
Test(rng, below_is_fair_where_a_modulo_would_not_be)
{
    const uint64_t n = 3ull << 30;
    socle_rng r = { .key = 9 };
    int low = 0;
    for (int i = 0; i < 30000; i++)
        low += socle_rng_below(&r, n) < n / 3;
    cr_assert_float_eq(low / 30000.0, 1 / 3.0, 5 * sqrt(2.0 / 9 / 30000));
}

Test(rng, below_reaches_beyond_32_bits)
{
    const uint64_t n = 5ull << 40;
    socle_rng r = { .key = 11 };
    uint64_t most = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t v = socle_rng_below(&r, n);
        cr_assert_lt(v, n);
        most = v > most ? v : most;
    }
    cr_assert_gt(most, n / 100 * 98);
}

Test(rng, normal_numbers_have_mean_0_variance_1_and_tails)
{
    enum { N = 100000 };
    socle_rng r = { .key = 3 };
    double sum = 0, square = 0, fourth = 0;
    for (int i = 0; i < N; i++) {
        double v = socle_rng_normal(&r);
        cr_assert(isfinite(v));
        sum += v;
        square += v * v;
        fourth += v * v * v * v;
    }
    /* Five standard errors: of the mean 1, of the second moment sqrt(2), of the fourth sqrt(96). */
    cr_assert_float_eq(sum / N, 0, 5 / sqrt(N));
    cr_assert_float_eq(square / N, 1, 5 * sqrt(2.0 / N));
    cr_assert_float_eq(fourth / N, 3, 5 * sqrt(96.0 / N));
}

Test(rng, a_copy_repeats_the_stream)
{
    socle_rng r = { .key = 5, .counter = 17 }, copy = r;
    for (int i = 0; i < 9; i++)
        cr_assert_eq(socle_rng_uniform(&r), socle_rng_uniform(&copy));
}
