/* Kernels for AArch64 NEON. */
#define VW 4
#include "simd.h"

#include "body_conv.h"
#include "body_dots.h"
#include "body_elementwise.h"
#include "body_gemm.h"
#include "body_norm.h"
#include "body_optim.h"
#include "body_pool.h"
#include "body_random.h"
#include "body_reduce.h"
#include "body_winograd.h"
#include "body_winograd_fives.h"
#include "body_winograd_pairs.h"
#include "body_winograd_strided.h"
#include "body_winograd_weights.h"

#include "../kernels.h"

const struct cpu_kernels socle_cpu_neon = {
    .name = "neon",
    .width = VW,
    .elementwise = &elementwise_kernels,
    .reduce = &reduce_kernels,
    .pool = &pool_kernels,
    .random = &random_kernels,
    .optim = &optim_kernels,
    .gemm = &gemm_kernels,
    .conv = &conv_kernels,
    .dots = &dots_kernels,
    .norm = &norm_kernels,
    .winograd = &winograd_kernels,
    .winograd_fives = &winograd_fives_kernels,
    .winograd_strided = &winograd_strided_kernels,
    .winograd_pairs = &winograd_pairs_kernels,
    .winograd_weights = &winograd_weights_kernels,
};
