/* The slots tune and variants: which way is the fastest for which product on this device, and which ways work.
 *
 * Each shape is timed in two rounds, in which the variants take turns, so that a disturbance hits all of them or shows as a
 * disagreement of the rounds. The choice of the table stays unless another wins both rounds by more than 5 %. */
#include "conv.h"
#include "gemm.h"
#include "slots.h"
#include "temp.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 2, TRIES = 3, MOST = 8 /* variants */ };
#define GAIN     1.05
#define ENOUGH   0.01               /* seconds of work a try should last */
#define HOPELESS 4                  /* times slower than the best: not tried on larger shapes */
#define WORTH    ((int64_t)1 << 24) /* multiply-adds from which that is judged */
#define SMALL    ((int64_t)1 << 22) /* ... up to which the last resort takes part */

typedef struct shape {
    ocl_size size;
    bool a_transposed, b_transposed;
} shape;

/* By the work there is in them. */
static const shape shapes[] = {
    { { 64, 10, 512, 1 }, false, true }, /* linear layers (images, out, in) */
    { { 256, 10, 64, 1 }, false, true },
    { { 64, 64, 64, 1 }, false, false },
    { { 256, 50, 784, 1 }, false, true },
    { { 256, 256, 256, 1 }, false, false },
    { { 256, 512, 512, 1 }, false, true },
    { { 512, 784, 256, 1 }, true, false }, /* ... and the gradient of their weights */
    { { 256, 512, 784, 1 }, false, true },
    { { 512, 512, 512, 1 }, false, false },
    { { 16, 200704, 72, 1 }, false, false }, /* convolutions of 64 images as columns: 8 to 16 channels of 56 x 56 */
    { { 64, 12544, 576, 1 }, false, false },
    { { 64, 576, 12544, 1 }, false, true },
    { { 1024, 1024, 1024, 1 }, false, false },
    { { 512, 3136, 4608, 1 }, false, false },
    { { 2048, 2048, 2048, 1 }, false, false },
};

typedef struct contest {
    ocl_device *d;
    const shape *shape;
    ocl_product product;
    int n;
    ocl_variant variant[MOST];
    bool out[MOST]; /* of the contest: fails, or does not apply */
    double seconds[MOST][ROUNDS];
} contest;

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static socle_status finish(ocl_device *d)
{
    (void)pthread_mutex_lock(&d->lock);
    d->waits++;
    socle_status status =
        d->late != SOCLE_OK ? socle_fail(d->late, "%s", d->late_text) : ocl_late(d, clFinish(d->queue), "tuning");
    (void)pthread_mutex_unlock(&d->lock);
    return status;
}

/* Seconds of one call, of `calls` in a row. */
static socle_status time_calls(const contest *t, int i, int calls, double *seconds)
{
    socle_status status = SOCLE_OK;
    const double start = now();
    for (int c = 0; c < calls && status == SOCLE_OK; c++)
        status = ocl_multiply_by(t->d, t->variant[i], &t->product);
    if (status == SOCLE_OK)
        status = finish(t->d);
    *seconds = (now() - start) / calls;
    return status;
}

/* A first call, which compiles; what fails is out, unless the device itself has failed. */
static socle_status warm_up(contest *t, int i)
{
    double seconds;
    socle_status status = time_calls(t, i, 1, &seconds);
    if (status == SOCLE_OK || t->d->late != SOCLE_OK || status == SOCLE_ERR_NOMEM)
        return status;
    t->out[i] = true;
    if (status != SOCLE_ERR_UNSUPPORTED)
        ocl_put_aside(t->d, t->variant[i], socle_error(), false);
    return SOCLE_OK;
}

static socle_status time_round(contest *t, int i, int round)
{
    double once;
    socle_status status = time_calls(t, i, 1, &once);
    const int calls = once > ENOUGH ? 1 : (int)(ENOUGH / (once + 1e-7)) + 1;
    t->seconds[i][round] = once;
    for (int k = 0; k < TRIES && status == SOCLE_OK; k++) {
        double seconds;
        status = time_calls(t, i, calls, &seconds);
        if (status == SOCLE_OK && seconds < t->seconds[i][round])
            t->seconds[i][round] = seconds;
    }
    return status;
}

static socle_status hold(contest *t)
{
    socle_status status = SOCLE_OK;
    for (int i = 0; i < t->n && status == SOCLE_OK; i++)
        status = warm_up(t, i);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < t->n && status == SOCLE_OK; i++)
            if (!t->out[i])
                status = time_round(t, i, round);
    return status;
}

static double best_of(const contest *t, int i)
{
    return t->seconds[i][0] < t->seconds[i][1] ? t->seconds[i][0] : t->seconds[i][1];
}

/* Who beats variant number `first` in every round by GAIN, and best so; `first` if nobody does. */
static int winner(const contest *t, int first)
{
    int best = first;
    for (int i = 0; i < t->n; i++) {
        bool wins = !t->out[i];
        for (int r = 0; r < ROUNDS && wins; r++)
            wins = t->seconds[i][r] * GAIN < t->seconds[first][r];
        if (wins && (best == first || best_of(t, i) < best_of(t, best)))
            best = i;
    }
    return best;
}

static int index_of(const contest *t, ocl_variant v)
{
    for (int i = 0; i < t->n; i++)
        if (t->variant[i] == v && !t->out[i])
            return i;
    return -1;
}

static void report(const contest *t, int was, int is, socle_tune_report fn, void *user)
{
    char text[64];
    const ocl_size s = t->shape->size;
    (void)snprintf(text, sizeof text, "%lldx%lld of %lld", (long long)s.m, (long long)s.n, (long long)s.k);
    for (int i = 0; i < t->n && fn; i++) {
        if (t->out[i])
            continue;
        const double seconds = best_of(t, i);
        fn(user, &(socle_tune_result){ .family = ocl_variant_family(t->variant[i]),
                                       .variant = ocl_variant_name(t->variant[i]),
                                       .shape = text,
                                       .seconds = seconds,
                                       .rate = 2 * (double)s.m * (double)s.n * (double)s.k / seconds,
                                       .was = i == was,
                                       .is = i == is });
    }
}

/* The judgement on one shape; variants without hope leave the larger ones. */
static void judge(contest *t, uint32_t *hopeless, socle_tune_report fn, void *user)
{
    const ocl_size s = t->shape->size;
    const int was = index_of(t, ocl_choose_gemm(t->d, s, 0));
    ocl_choice_set_gemm(t->d, s, OCL_VARIANTS);
    const int table = index_of(t, ocl_choose_gemm(t->d, s, 0));
    if (table < 0) /* what the table wants has not run: nothing was learnt */
        return;
    const int is = winner(t, table);
    if (is != table)
        ocl_choice_set_gemm(t->d, s, t->variant[is]);
    for (int i = 0; i < t->n; i++)
        if (!t->out[i] && i != table && s.m * s.n * s.k >= WORTH && best_of(t, i) > HOPELESS * best_of(t, is))
            *hopeless |= 1u << t->variant[i];
    report(t, was, is, fn, user);
}

static void enter_one(contest *t, ocl_variant v, uint32_t hopeless)
{
    if (t->n < MOST && !(hopeless >> v & 1u) && !ocl_is_aside(t->d, v, NULL, 0))
        t->variant[t->n++] = v;
}

/* The device's own candidates, the last resort where there is little to do, and the library everywhere. */
static void enter(contest *t, uint32_t hopeless)
{
    const ocl_size s = t->shape->size;
    bool library = false;
    ocl_variant v;
    for (int i = 0; (v = ocl_gemm_candidate(t->d, i)) != OCL_VARIANTS; i++) {
        library |= v == OCL_gemm_clblast;
        if (v != OCL_gemm_any || s.m * s.n * s.k <= SMALL)
            enter_one(t, v, hopeless);
    }
    if (!library)
        enter_one(t, OCL_gemm_clblast, hopeless);
}

/* Operands of some values; what they are changes no time. */
static socle_status make_operand(ocl_device *d, int64_t rows, int64_t columns, bool transposed, ocl_temp *memory,
                                 socle_view *v)
{
    socle_status status = ocl_temp_new(d, SOCLE_F32, 2, (int64_t[]){ rows, columns }, 1, memory);
    if (status != SOCLE_OK)
        return status;
    *v = memory->view;
    if (transposed) {
        v->stride[0] = 1;
        v->stride[1] = rows;
    }
    return ocl_random_uniform(d, &memory->view, (socle_philox){ 1, 0 }, -1, 1);
}

static socle_status tune_shape(ocl_device *d, const shape *z, uint32_t *hopeless, socle_tune_report fn, void *user)
{
    const ocl_size s = z->size;
    ocl_temp memory[3] = { { .owned = NULL } };
    socle_view a, b, c;
    contest t = { .d = d, .shape = z };
    socle_status status = make_operand(d, s.m, s.k, z->a_transposed, &memory[0], &a);
    if (status == SOCLE_OK)
        status = make_operand(d, s.k, s.n, z->b_transposed, &memory[1], &b);
    if (status == SOCLE_OK)
        status = make_operand(d, s.m, s.n, false, &memory[2], &c);
    if (status == SOCLE_OK) {
        t.product = ocl_product_of(&c, &a, &b, 1, 0);
        enter(&t, *hopeless);
        status = hold(&t);
    }
    if (status == SOCLE_OK)
        judge(&t, hopeless, fn, user);
    for (int i = 0; i < 3; i++)
        ocl_temp_free(d, &memory[i]);
    return status;
}

socle_status ocl_tune(void *self, socle_tune_report fn, void *user)
{
    ocl_device *d = self;
    uint32_t hopeless = 0;
    socle_status status = SOCLE_OK;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && status == SOCLE_OK; i++) {
        status = tune_shape(d, &shapes[i], &hopeless, fn, user);
        if (status == SOCLE_ERR_NOMEM) /* a small device: what fits has been tuned */
            break;
    }
    if (status == SOCLE_OK || status == SOCLE_ERR_NOMEM)
        ocl_choice_store(d);
    return status == SOCLE_ERR_NOMEM ? SOCLE_OK : status;
}

static void report_variant(ocl_device *d, ocl_variant v, socle_variant_report fn, void *user)
{
    socle_variant out = { .family = ocl_variant_family(v), .name = ocl_variant_name(v) };
    out.aside = ocl_is_aside(d, v, out.reason, sizeof out.reason);
    fn(user, &out);
}

static socle_status check_all(ocl_device *d)
{
    socle_status status = SOCLE_OK;
    ocl_variant v;
    for (int i = 0; status == SOCLE_OK && (v = ocl_gemm_candidate(d, i)) != OCL_VARIANTS; i++)
        status = ocl_gemm_check(d, v);
    for (int i = OCL_conv_winograd; status == SOCLE_OK && i < OCL_conv_direct; i++)
        status = ocl_conv_check(d, (ocl_variant)i);
    if (status == SOCLE_OK)
        ocl_choice_store(d);
    return status;
}

/* Matrix products and convolutions are checked here; other families stand behind one slot each, which conformance checks. */
socle_status ocl_variants(void *self, bool check, socle_variant_report fn, void *user)
{
    ocl_device *d = self;
    ocl_variant v;
    socle_status status = check ? check_all(d) : SOCLE_OK;
    if (status != SOCLE_OK)
        return status;
    for (int i = 0; (v = ocl_gemm_candidate(d, i)) != OCL_VARIANTS; i++)
        report_variant(d, v, fn, user);
    for (int i = OCL_gemm_any + 1; i < OCL_VARIANTS; i++)
        report_variant(d, (ocl_variant)i, fn, user);
    return SOCLE_OK;
}
