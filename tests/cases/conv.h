/* Convolutions, forward and both gradients: first the layers that networks have, then the awkward ones. */
#ifndef CASES_CONV_H
#define CASES_CONV_H

#include "case.h"

/* x (n, c, h, w), w (k, c / groups, r, s). */
typedef struct conv_row {
    const char *name;
    int n, c, h, w, k, r, s;
    socle_conv p; /* stride, pad, dilation, groups */
    unsigned flags;
    double budget;
} conv_row;

#define CONV(stride, pad)                                                                                          \
    {                                                                                                              \
        { stride, stride }, { pad, pad }, { 1, 1 }, 1                                                              \
    }

/* clang-format off */
static const conv_row conv_rows[] = {
    { "1-4 3x3 s2 28",        256, 1, 28, 28, 4, 3, 3,    CONV(2, 1), CASE_BENCH | CASE_LARGE, 0 },
    { "4-8 3x3 s2 14",        256, 4, 14, 14, 8, 3, 3,    CONV(2, 1), CASE_BENCH | CASE_LARGE, 0 },
    { "8-16 3x3 s2 7",        256, 8, 7, 7, 16, 3, 3,     CONV(2, 1), CASE_BENCH | CASE_LARGE, 0 },
    { "16-16 3x3 s2 4",       256, 16, 4, 4, 16, 3, 3,    CONV(2, 1), CASE_BENCH | CASE_LARGE, 0 },
    { "16-10 2x2 s1 2",       256, 16, 2, 2, 10, 2, 2,    CONV(1, 0), CASE_BENCH | CASE_LARGE, 0 },
    { "1-8 5x5 s2 28",        256, 1, 28, 28, 8, 5, 5,    CONV(2, 2), CASE_BENCH | CASE_LARGE, 0 },
    { "64-64 3x3 s1 28",      256, 64, 28, 28, 64, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "16-32 3x3 s1 28",      256, 16, 28, 28, 32, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "16-16 5x5 s1 28",      256, 16, 28, 28, 16, 5, 5,  CONV(1, 2), CASE_BENCH | CASE_HUGE, 12 },
    { "32-64 3x3 s1 14",      256, 32, 14, 14, 64, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "64-128 3x3 s1 7",      256, 64, 7, 7, 128, 3, 3,   CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "128-256 3x3 s1 4",     256, 128, 4, 4, 256, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "512-512 3x3 s1 4",     256, 512, 4, 4, 512, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },

    /* layers of wide residual networks */
    { "16-16 3x3 s1 28",      256, 16, 28, 28, 16, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "32-32 3x3 s1 28",      256, 32, 28, 28, 32, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "64-64 3x3 s1 14",      256, 64, 14, 14, 64, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "128-128 3x3 s1 14",    256, 128, 14, 14, 128, 3, 3, CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "128-128 3x3 s1 7",     256, 128, 7, 7, 128, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "256-256 3x3 s1 7",     256, 256, 7, 7, 256, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "256-256 3x3 s1 4",     256, 256, 4, 4, 256, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "256-512 3x3 s1 2",     256, 256, 2, 2, 512, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "32-32 3x3 s2 28",      256, 32, 28, 28, 32, 3, 3,  CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "64-64 3x3 s2 14",      256, 64, 14, 14, 64, 3, 3,  CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "128-128 3x3 s2 7",     256, 128, 7, 7, 128, 3, 3,  CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "256-256 3x3 s2 4",     256, 256, 4, 4, 256, 3, 3,  CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "512-512 3x3 s2 2",     256, 512, 2, 2, 512, 3, 3,  CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },

    /* layers of ResNet-18 on 28x28 pixels, few images: large weights and small maps */
    { "64-128 s2 7, 64",      64, 64, 7, 7, 128, 3, 3,    CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "128-128 s1 4, 64",     64, 128, 4, 4, 128, 3, 3,   CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "128-256 s2 4, 64",     64, 128, 4, 4, 256, 3, 3,   CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "256-256 s1 2, 64",     64, 256, 2, 2, 256, 3, 3,   CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "256-512 s2 2, 64",     64, 256, 2, 2, 512, 3, 3,   CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "512-512 s1 1, 64",     64, 512, 1, 1, 512, 3, 3,   CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    /* layers of networks for larger images and of examples/batchnorm.c */
    { "3-16 3x3 s1 128",      64, 3, 128, 128, 16, 3, 3,  CONV(1, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "16-32 3x3 s2 128",     64, 16, 128, 128, 32, 3, 3, CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "32-64 3x3 s2 64",      64, 32, 64, 64, 64, 3, 3,   CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "64-64 3x3 s2 32",      64, 64, 32, 32, 64, 3, 3,   CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "64-64 3x3 s2 16",      64, 64, 16, 16, 64, 3, 3,   CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "64-128 3x3 s2 8",      64, 64, 8, 8, 128, 3, 3,    CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "128-256 3x3 s2 4",     64, 128, 4, 4, 256, 3, 3,   CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "8-16 3x3 s2 14",       512, 8, 14, 14, 16, 3, 3,   CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "16-32 3x3 s2 7",       512, 16, 7, 7, 32, 3, 3,    CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "32-64 3x3 s2 4",       512, 32, 4, 4, 64, 3, 3,    CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },
    { "64-64 3x3 s2 2",       512, 64, 2, 2, 64, 3, 3,    CONV(2, 1), CASE_BENCH | CASE_HUGE, 0 },

    { "16-32 3x3 s1 9",       48, 16, 9, 9, 32, 3, 3,     CONV(1, 1), CASE_LARGE, 6 },
    { "3-13 3x3 s1 20",       17, 3, 20, 20, 13, 3, 3,    CONV(1, 1), CASE_LARGE, 0 }, /* pixels for several strips */
    { "3-16 3x3 s1 9x96",     17, 3, 9, 96, 16, 3, 3,     CONV(1, 1), CASE_LARGE, 0 }, /* rows for two strips of weights */
    { "40-24 3x3 s1 4",       33, 40, 4, 4, 24, 3, 3,     CONV(1, 1), CASE_LARGE, 0 },
    { "16-20 1x1 s1 10",      32, 16, 10, 10, 20, 1, 1,   CONV(1, 0), CASE_LARGE, 0 },

    /* channels enough for other ways than the direct one: windows of 3x3, of one pixel, with strides */
    { "72-64 3x3 s1 7x6",     33, 72, 7, 6, 64, 3, 3,     CONV(1, 1), CASE_LARGE, 0 },
    { "64-72 1x1 s1 5",       33, 64, 5, 5, 72, 1, 1,     CONV(1, 0), CASE_LARGE, 0 },
    { "20-48 3x3 s1 9x5",     19, 20, 9, 5, 48, 3, 3,     { { 1, 1 }, { 0, 2 }, { 1, 1 }, 1 }, CASE_LARGE, 0 },
    { "180-200 3x3 s1 4",     20, 180, 4, 4, 200, 3, 3,   CONV(1, 1), CASE_LARGE, 0 }, /* weights beyond the caches */
    { "56-28 3x3 s2 4",       44, 56, 4, 4, 28, 3, 3,     CONV(2, 1), CASE_LARGE, 0 }, /* channels of weights shared out */
    { "56-28 3x3 2 groups",   35, 112, 4, 4, 56, 3, 3,    { { 2, 2 }, { 1, 1 }, { 1, 1 }, 2 }, CASE_LARGE, 0 },
    { "152-190 3x3 s2 16x10", 17, 152, 16, 10, 190, 3, 3, CONV(2, 1), CASE_LARGE, 0 }, /* weights in parts, by tiles */
    { "64-64 3x3 s2 7",       17, 64, 7, 7, 64, 3, 3,     CONV(2, 1), CASE_LARGE, 0 },

    /* Tiles of 4x4 results (tests/cpu/test_winograd.c), cut at both ends, by any padding. Their transforms round what
     * belongs to all of a tile, beside which some results are small: 5 of the default 4 were seen, and 8 at the corner of
     * a gradient without padding, which has one tap of nine; 11 at the corner of one with stride 2, whose only tap
     * meets few dz that the ReLU left. All others of stride 2 are below 3. Windows of 5x5 take powers of eight points
     * instead of six up to 2^3 along both axes, and are allowed twice as much. */
    { "tiles of 8x8",         17, 16, 8, 8, 16, 3, 3,     CONV(1, 1), 0, 6 },
    { "tiles of 6x7",         17, 14, 6, 7, 15, 3, 3,     CONV(1, 1), 0, 6 },
    { "tiles without pad",    9, 17, 12, 12, 16, 3, 3,   CONV(1, 0), 0, 12 },
    { "tiles of pad 2 by 1",  16, 16, 6, 8, 12, 3, 3,     { { 1, 1 }, { 2, 1 }, { 1, 1 }, 1 }, 0, 6 },
    { "tiles beyond",         16, 14, 5, 7, 16, 3, 3,     CONV(1, 3), 0, 6 },
    { "tiles of 3x3",         65, 64, 3, 3, 64, 3, 3,     CONV(1, 1), CASE_LARGE, 6 },
    { "tiles 5x5 of 9x10",    17, 16, 9, 10, 16, 5, 5,    CONV(1, 2), 0, 12 },
    { "tiles 5x5 of 5x7",     17, 24, 5, 7, 24, 5, 5,     CONV(1, 2), 0, 24 },
    { "tiles 5x5 pad 1",      9, 16, 12, 12, 13, 5, 5,    CONV(1, 1), 0, 24 },
    { "tiles, map of 2x2",    65, 21, 2, 2, 27, 3, 3,     CONV(1, 1), 0, 0 },
    { "tiles, 2x2, parts",    17, 150, 2, 2, 140, 3, 3,   CONV(1, 1), CASE_LARGE, 0 },
    { "tiles s2 of 16x16",    17, 16, 16, 16, 16, 3, 3,   CONV(2, 1), 0, 12 },
    { "tiles s2 of 15x16",    9, 24, 15, 16, 24, 3, 3,    CONV(2, 1), 0, 6 },
    { "tiles s2, odd counts", 17, 31, 15, 31, 30, 3, 3,   CONV(2, 1), CASE_LARGE, 6 },
    { "tiles s2 without pad", 16, 40, 16, 32, 39, 3, 3,   CONV(2, 0), CASE_LARGE, 12 },
    { "tiles s2 pad 2 by 1",  16, 32, 14, 16, 31, 3, 3,   { { 2, 2 }, { 2, 1 }, { 1, 1 }, 1 }, 0, 6 },
    { "tiles s2 pad 1 by 0",  9, 32, 16, 16, 32, 3, 3,    { { 2, 2 }, { 1, 0 }, { 1, 1 }, 1 }, 0, 12 },
    { "tiles s2 of 13x7",     33, 64, 13, 7, 64, 3, 3,    CONV(2, 1), CASE_LARGE, 6 },
    { "tiles s2 of 7x13",     17, 64, 7, 13, 61, 3, 3,    { { 2, 2 }, { 0, 1 }, { 1, 1 }, 1 }, CASE_LARGE, 12 },
    { "tiles, parts",         33, 70, 7, 7, 150, 3, 3,    CONV(1, 1), CASE_LARGE, 6 },

    /* more channels than are summed in one go, and more weights than stay in cache */
    { "150-70 3x3 s1 2",      17, 150, 2, 2, 70, 3, 3,    CONV(1, 1), CASE_LARGE, 0 },
    { "12-150 3x3 s2 3",      17, 12, 3, 3, 150, 3, 3,    CONV(2, 1), CASE_LARGE, 0 },
    { "220-61 1x1 s1 2x3",    17, 220, 2, 3, 61, 1, 1,    CONV(1, 0), CASE_LARGE, 0 }, /* long sums of one tap */

    /* small maps, which do not meet all taps */
    { "37-45 3x3 s1 1",       33, 37, 1, 1, 45, 3, 3,     CONV(1, 1), CASE_LARGE, 0 },
    { "45-37 3x3 s2 2",       65, 45, 2, 2, 37, 3, 3,     CONV(2, 1), CASE_LARGE, 0 },
    { "21-27 5x3 s1 1x2",     33, 21, 1, 2, 27, 5, 3,     { { 1, 1 }, { 2, 1 }, { 1, 1 }, 1 }, CASE_LARGE, 0 },
    { "2 groups of 90-85",    17, 180, 1, 2, 170, 3, 3,   { { 1, 1 }, { 1, 1 }, { 1, 1 }, 2 }, CASE_LARGE, 0 },
    { "2 groups, one pixel",  33, 66, 1, 1, 50, 3, 3,     { { 1, 1 }, { 1, 1 }, { 1, 1 }, 2 }, CASE_LARGE, 0 },

    /* batch sizes about the block and the smallest batch that is kept in blocks */
    { "no images",            0, 2, 5, 5, 3, 3, 3,        CONV(1, 1), 0, 0 },
    { "one image",            1, 3, 7, 5, 4, 3, 3,        CONV(1, 1), 0, 0 },
    { "7 images",             7, 2, 6, 6, 5, 3, 3,        CONV(2, 1), 0, 0 },
    { "8 images",             8, 3, 5, 5, 4, 3, 3,        CONV(1, 1), 0, 0 },
    { "15 images",            15, 2, 5, 7, 3, 3, 3,       CONV(1, 1), 0, 0 },
    { "16 images",            16, 3, 6, 5, 8, 3, 3,       CONV(2, 1), 0, 0 },
    { "3 images, 2 groups",   3, 4, 6, 5, 6, 3, 3,        { { 2, 1 }, { 1, 0 }, { 1, 2 }, 2 }, 0, 0 },
    { "2 images, large",      2, 16, 16, 16, 32, 3, 3,    CONV(1, 1), CASE_LARGE, 0 }, /* beyond what is small */
    { "17 images",            17, 4, 5, 5, 6, 3, 3,       CONV(1, 1), 0, 0 },
    { "33 images",            33, 2, 4, 6, 5, 3, 3,       CONV(2, 1), 0, 0 },

    /* channels that are not multiples of a register tile */
    { "1 to 1",               17, 1, 5, 5, 1, 3, 3,       CONV(1, 1), 0, 0 },
    { "5 to 7",               16, 5, 4, 5, 7, 3, 3,       CONV(1, 1), 0, 0 },
    { "17 to 9",              9, 17, 3, 3, 9, 3, 3,       CONV(1, 1), 0, 0 },
    { "3 to 33",              16, 3, 4, 4, 33, 2, 2,      CONV(2, 0), 0, 0 },
    { "31 to 2",              8, 31, 2, 3, 2, 1, 1,       CONV(1, 0), 0, 0 },

    /* widths about a tile of pixels */
    { "1x13 image",           16, 2, 1, 13, 4, 1, 3,      { { 1, 1 }, { 0, 1 }, { 1, 1 }, 1 }, 0, 0 },
    { "13x1 image",           16, 2, 13, 1, 4, 3, 1,      { { 1, 1 }, { 1, 0 }, { 1, 1 }, 1 }, 0, 0 },
    { "width 6",              16, 2, 2, 6, 4, 3, 3,       CONV(1, 1), 0, 0 },
    { "width 12",             16, 1, 2, 12, 5, 3, 3,      CONV(1, 1), 0, 0 },
    { "width 19",             9, 1, 3, 19, 4, 3, 3,       CONV(1, 1), 0, 0 },

    /* windows */
    { "1x1",                  17, 5, 3, 4, 6, 1, 1,       CONV(1, 0), 0, 0 },
    { "1x1 s2",               16, 4, 5, 5, 3, 1, 1,       CONV(2, 0), 0, 0 },
    { "2x2 even",             16, 3, 5, 5, 4, 2, 2,       CONV(1, 1), 0, 0 },
    { "4x4 even s2",          16, 2, 8, 7, 4, 4, 4,       CONV(2, 1), 0, 0 },
    { "5x3",                  8, 2, 7, 6, 3, 5, 3,        { { 1, 1 }, { 2, 1 }, { 1, 1 }, 1 }, 0, 0 },
    { "7x7 s2",               16, 3, 9, 9, 4, 7, 7,       CONV(2, 3), 0, 0 },
    { "stride 3",             16, 2, 10, 8, 4, 3, 3,      CONV(3, 1), 0, 0 },
    { "stride 3 over 2x2",    16, 2, 8, 8, 3, 2, 2,       CONV(3, 0), 0, 0 },
    { "stride 2, rows only",  16, 2, 7, 6, 4, 3, 3,       { { 2, 1 }, { 1, 1 }, { 1, 1 }, 1 }, 0, 0 },
    { "stride 1 by 3",        9, 2, 6, 9, 4, 3, 3,        { { 1, 3 }, { 1, 1 }, { 1, 1 }, 1 }, 0, 0 },
    { "pad 0 by 2",           16, 2, 5, 5, 3, 3, 3,       { { 1, 1 }, { 0, 2 }, { 1, 1 }, 1 }, 0, 0 },
    { "pad 2 by 0",           7, 2, 5, 5, 3, 3, 3,        { { 2, 1 }, { 2, 0 }, { 1, 1 }, 1 }, 0, 0 },
    { "pad of a whole window", 16, 2, 3, 3, 3, 2, 2,      CONV(1, 2), 0, 0 },
    { "image below window",   16, 3, 2, 2, 4, 5, 5,       CONV(1, 2), 0, 0 },
    { "2 of it",              17, 2, 2, 2, 3, 5, 5,       CONV(1, 2), 0, 0 },
    { "16 of it",             17, 2, 2, 2, 16, 7, 7,      CONV(1, 3), 0, 0 },
    { "one pixel",            17, 4, 1, 1, 5, 3, 3,       CONV(1, 1), 0, 0 },
    { "one pixel s2",         16, 3, 1, 1, 4, 3, 3,       CONV(2, 1), 0, 0 },
    { "window is the image",  16, 3, 4, 5, 6, 4, 5,       CONV(1, 0), 0, 0 },
    { "last pixels unused",   16, 2, 8, 8, 3, 3, 3,       CONV(3, 0), 0, 0 },

    { "dilation 2",           16, 2, 7, 7, 4, 3, 3,       { { 1, 1 }, { 2, 2 }, { 2, 2 }, 1 }, 0, 0 },
    { "dilation 1 by 3 s2",   9, 3, 6, 9, 4, 3, 3,        { { 2, 2 }, { 1, 3 }, { 1, 3 }, 1 }, 0, 0 },
    { "dilation 2 one image", 1, 2, 7, 7, 3, 3, 3,        { { 1, 1 }, { 0, 0 }, { 2, 2 }, 1 }, 0, 0 },
    { "2 groups",             16, 4, 5, 5, 6, 3, 3,       { { 1, 1 }, { 1, 1 }, { 1, 1 }, 2 }, 0, 0 },
    { "3 groups s2",          7, 6, 5, 5, 3, 3, 3,        { { 2, 2 }, { 1, 1 }, { 1, 1 }, 3 }, 0, 0 },
    { "2 groups of 16",       17, 8, 5, 4, 32, 3, 3,      { { 1, 1 }, { 1, 1 }, { 1, 1 }, 2 }, 0, 0 },
    { "2 groups of 20",       33, 6, 3, 3, 40, 2, 2,      { { 2, 2 }, { 1, 1 }, { 1, 1 }, 2 }, 0, 0 },
    { "2 wide groups",        17, 64, 2, 2, 26, 3, 3,     { { 1, 1 }, { 1, 1 }, { 1, 1 }, 2 }, CASE_LARGE, 0 },
    { "depthwise",            17, 5, 6, 6, 5, 3, 3,       { { 1, 1 }, { 1, 1 }, { 1, 1 }, 5 }, 0, 0 },
    { "depthwise times 2",    16, 3, 5, 5, 6, 3, 3,       { { 2, 2 }, { 1, 1 }, { 1, 1 }, 3 }, 0, 0 },
    { "groups and dilation",  9, 4, 6, 6, 4, 2, 2,        { { 1, 1 }, { 1, 1 }, { 2, 2 }, 2 }, 0, 0 },
};
/* clang-format on */

/* Output size along rows (i = 0) or columns (i = 1). */
static inline int conv_row_out(const conv_row *row, int i)
{
    int size = i ? row->w : row->h, window = i ? row->s : row->r;
    return (size + 2 * row->p.pad[i] - row->p.dilation[i] * (window - 1) - 1) / row->p.stride[i] + 1;
}

#endif
