/* Loops over views: every element once, at the place that the view says, in as few rows as its memory allows. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "cpu/iterate.h"

enum { MOST = 1 << 14 };

/* Where element i of v lies: the definition in sys/backend.h. */
static int64_t place(socle_in v, const int64_t *i)
{
    int64_t at = v->offset;
    for (int d = 0; d < v->ndim; d++)
        at += d == 0 && v->lanes != 1 ? i[0] / 16 * v->stride[0] + i[0] % 16 : i[d] * v->stride[d];
    return at;
}

static bool next(socle_in v, int64_t *i)
{
    for (int d = v->ndim - 1; d >= 0; d--) {
        if (++i[d] < v->dim[d])
            return true;
        i[d] = 0;
    }
    return false;
}

static socle_view dense(int lanes, int ndim, const int64_t *dim)
{
    socle_view v = { .dtype = SOCLE_F32, .ndim = ndim, .lanes = lanes };
    int64_t stride = lanes;
    for (int d = ndim - 1; d >= 0; d--) {
        v.dim[d] = dim[d];
        v.stride[d] = stride;
        stride *= dim[d];
    }
    return v;
}

/* Records, for each place of operand 0, the place of operand 1 beside it, plus one; and counts rows. */
typedef struct record {
    pthread_mutex_t lock;
    int64_t beside[MOST];
    int64_t rows, elements;
} record;

static void record_row(void *arg, int64_t n, const int64_t *at, const int64_t *stride)
{
    record *r = arg;
    pthread_mutex_lock(&r->lock);
    r->rows++;
    r->elements += n;
    for (int64_t i = 0; i < n; i++) {
        int64_t *slot = &r->beside[at[0] + i * stride[0]];
        *slot = *slot == 0 ? at[1] + i * stride[1] + 1 : -1;
    }
    pthread_mutex_unlock(&r->lock);
}

static record *run(const socle_view *y, const socle_view *x, bool pads, int threads, int64_t grain)
{
    record *r = calloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    const socle_view *v[] = { y, x };
    iterate(threads, grain, 2, v, pads, record_row, r);
    return r;
}

static void assert_visits_all(const socle_view *y, const socle_view *x, bool pads, int threads, int64_t grain)
{
    record *r = run(y, x, pads, threads, grain);
    int64_t i[SOCLE_MAX_DIMS] = { 0 }, count = 0;
    do {
        cr_assert_eq(r->beside[place(y, i)], place(x, i) + 1);
        count++;
    } while (next(y, i));
    if (!pads)
        cr_assert_eq(r->elements, count);
    free(r);
}

/* Images about the block size; both formats; permuted, sliced and broadcast operands. */
Test(iterate, every_element_meets_its_partner_once)
{
    for (int64_t images = 1; images <= 50; images += images < 20 ? 1 : 15) {
        int64_t dim[4] = { images, 3, 2, 5 };
        socle_view form[6] = { dense(1, 4, dim), dense(16, 4, dim), dense(1, 4, dim), dense(1, 4, dim),
                               dense(16, 4, dim) };
        form[2].stride[1] = 1; /* channels last */
        form[2].stride[3] = 3;
        form[2].stride[2] = 15;
        for (int d = 0; d < 4; d++) { /* every second element of a larger tensor */
            form[3].stride[d] *= 2;
            form[4].stride[d] *= 2;
        }
        form[3].offset = 3;
        form[4].offset = 32;
        form[5] = dense(1, 4, dim); /* one value a channel, seen as all */
        form[5].stride[0] = form[5].stride[2] = form[5].stride[3] = 0;
        form[5].stride[1] = 1;
        for (int y = 0; y < 5; y++)
            for (int x = 0; x < 6; x++)
                for (int pads = 0; pads < 2; pads++) {
                    assert_visits_all(&form[y], &form[x], pads, 1, 1 << 20);
                    assert_visits_all(&form[y], &form[x], pads, 3, 7);
                }
    }
}

Test(iterate, dense_operands_of_one_format_are_a_single_row)
{
    int64_t dim[4] = { 20, 3, 4, 5 };
    for (int lanes = 1; lanes <= 16; lanes += 15) {
        socle_view v = dense(lanes, 4, dim);
        record *r = run(&v, &v, true, 1, 1 << 20);
        cr_assert_eq(r->rows, 1);
        free(r);
    }
}

Test(iterate, pad_lanes_are_left_alone_unless_allowed)
{
    int64_t dim[2] = { 19, 4 };
    socle_view v = dense(16, 2, dim);
    record *r = run(&v, &v, false, 1, 1 << 20);
    for (int64_t k = 0; k < 4; k++)
        for (int64_t lane = 3; lane < 16; lane++)
            cr_assert_eq(r->beside[v.stride[0] + k * 16 + lane], 0);
    free(r);
}

Test(iterate, a_scalar_is_one_row_of_one)
{
    socle_view v = { .dtype = SOCLE_F32, .lanes = 1, .offset = 5 };
    record *r = run(&v, &v, true, 1, 64);
    cr_assert_eq(r->rows, 1);
    cr_assert_eq(r->beside[5], 6);
    free(r);
}
