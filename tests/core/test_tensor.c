/* Tensors: memory there and back in every order, views and their limits, references, versions, gradients' places.
 */
#include <criterion/criterion.h>
#include <string.h>
#include "core/alloc.h"
#include "core/device.h"
#include "core/shape.h"
#include "core/tensor.h"
#include "core/thread.h"

static socle_device *d;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = socle_device_open("ref", (socle_device_desc){ .threads = 1 });
    cr_assert_not_null(d, "%s", socle_error());
}

static void tear_down(void)
{
    socle_device_close(d);
    cr_assert_eq(socle_test_live_blocks(), live_before);
}

TestSuite(tensor, .init = set_up, .fini = tear_down);

/* F32 tensor of 0, 1, 2, ... */
static socle_tensor *counting(socle_shape s, int lanes)
{
    socle_tensor *t = socle_tensor_dense(d, SOCLE_F32, s, lanes);
    cr_assert_not_null(t, "%s", socle_error());
    size_t n = (size_t)socle_numel(t);
    float *host = socle_mem_alloc(n * sizeof *host);
    for (size_t i = 0; i < n; i++)
        host[i] = (float)i;
    cr_assert_eq(socle_write(t, host, n * sizeof *host), SOCLE_OK);
    socle_mem_free(host);
    return t;
}

static void assert_counting(const socle_tensor *t)
{
    size_t n = (size_t)socle_numel(t);
    float *host = socle_mem_alloc(n * sizeof *host);
    cr_assert_eq(socle_read(t, host, n * sizeof *host), SOCLE_OK, "%s", socle_error());
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(host[i], (float)i, "element %zu is %g", i, (double)host[i]);
    socle_mem_free(host);
}

/* ---- transfer ---- */

Test(tensor, what_is_written_is_read_in_every_format)
{
    for (int64_t n = 1; n <= 33; n += 8) {
        for (int lanes = 1; lanes <= SOCLE_LANES; lanes += SOCLE_LANES - 1) {
            socle_tensor *t = counting(socle_shape4(n, 3, 5, 2), lanes);
            assert_counting(t);
            socle_release(t);
        }
    }
    socle_tensor *scalar = counting(socle_shape0(), 1);
    assert_counting(scalar);
    socle_release(scalar);
}

Test(tensor, blocks_lie_in_memory_as_the_backend_interface_says)
{
    socle_tensor *t = counting(socle_shape2(20, 3), SOCLE_LANES);
    const float *memory = tensor_host(t);
    cr_assert_not_null(memory);
    for (int n = 0; n < 20; n++)
        for (int j = 0; j < 3; j++)
            cr_assert_eq(memory[n / 16 * (3 * 16) + j * 16 + n % 16], (float)(n * 3 + j));
    cr_assert_eq(t->store->bytes, 2 * 3 * 16 * sizeof(float));
    socle_release(t);
}

/* 20 images: the second block is filled to its end, and what its pad lanes get does not show. */
Test(tensor, an_upload_is_taken_in_the_tensors_own_order)
{
    float host[2 * 3 * 16];
    for (int n = 0; n < 32; n++)
        for (int j = 0; j < 3; j++)
            host[n / 16 * (3 * 16) + j * 16 + n % 16] = n < 20 ? (float)(n * 3 + j) : -1;
    socle_tensor *t = counting(socle_shape2(20, 3), SOCLE_LANES);
    cr_assert_eq(socle_prim_fill(t, 0), SOCLE_OK);
    unsigned long long before = t->store->version;
    cr_assert_eq(tensor_upload_dense(t, host, sizeof host), SOCLE_OK, "%s", socle_error());
    cr_assert_gt(t->store->version, before);
    assert_counting(t);
    cr_assert_eq(tensor_upload_dense(t, host, 20 * 3 * sizeof *host), SOCLE_ERR_ARG);
    socle_view column = t->view;
    column.dim[1] = 2;
    socle_tensor *gaps = socle_tensor_view(t, &column);
    cr_assert_eq(tensor_upload_dense(gaps, host, 2 * 2 * 16 * sizeof *host), SOCLE_ERR_ARG);
    socle_release(gaps);
    socle_release(t);
}

Test(tensor, transfers_must_name_the_exact_size)
{
    socle_tensor *t = counting(socle_shape2(2, 3), 1);
    float host[8] = { 0 };
    cr_assert_eq(socle_read(t, host, 5 * sizeof *host), SOCLE_ERR_ARG);
    cr_assert_eq(socle_read(t, host, 7 * sizeof *host), SOCLE_ERR_ARG);
    cr_assert_eq(socle_write(t, host, 7 * sizeof *host), SOCLE_ERR_ARG);
    cr_assert_eq(socle_write(t, NULL, 6 * sizeof *host), SOCLE_ERR_ARG);
    cr_assert_eq(socle_read(NULL, host, 0), SOCLE_ERR_ARG);
    assert_counting(t);
    socle_release(t);
    cr_assert_null(socle_tensor_from(d, SOCLE_F32, socle_shape1(2), NULL));
}

Test(tensor, empty_tensors_move_nothing)
{
    socle_tensor *t = socle_tensor_new(d, SOCLE_F32, socle_shape3(4, 0, 2));
    cr_assert_not_null(t);
    cr_assert_eq(socle_numel(t), 0);
    cr_assert_eq(socle_write(t, NULL, 0), SOCLE_OK);
    cr_assert_eq(socle_read(t, NULL, 0), SOCLE_OK);
    double value;
    cr_assert_eq(socle_item(t, &value), SOCLE_ERR_SHAPE);
    cr_assert_null(tensor_host(t));
    socle_release(t);
    socle_tensor *blocks = socle_tensor_dense(d, SOCLE_F32, socle_shape2(0, 5), SOCLE_LANES);
    cr_assert_eq(socle_read(blocks, NULL, 0), SOCLE_OK);
    socle_release(blocks);
}

Test(tensor, item_reads_every_type)
{
    double value = 0;
    socle_tensor *t = socle_tensor_from(d, SOCLE_U8, socle_shape2(1, 1), (uint8_t[]){ 200 });
    cr_assert_eq(socle_item(t, &value), SOCLE_OK);
    cr_assert_eq(value, 200);
    socle_release(t);
    t = socle_tensor_from(d, SOCLE_I32, socle_shape0(), (int32_t[]){ -7 });
    cr_assert_eq(socle_item(t, &value), SOCLE_OK);
    cr_assert_eq(value, -7);
    socle_release(t);
    t = socle_tensor_from(d, SOCLE_F32, socle_shape1(1), (float[]){ 0.1f });
    cr_assert_eq(socle_item(t, &value), SOCLE_OK);
    cr_assert_eq(value, (double)0.1f);
    socle_release(t);
    socle_device *d64 = socle_device_open("ref64", (socle_device_desc){ .threads = 1 });
    t = socle_tensor_from(d64, SOCLE_F64, socle_shape1(1), (double[]){ 0.1 });
    cr_assert_eq(socle_item(t, &value), SOCLE_OK);
    cr_assert_eq(value, 0.1);
    socle_release(t);
    socle_device_close(d64);
    t = counting(socle_shape1(2), 1);
    cr_assert_eq(socle_item(t, &value), SOCLE_ERR_SHAPE);
    socle_release(t);
}

/* ---- making ---- */

Test(tensor, impossible_tensors_are_refused)
{
    cr_assert_null(socle_tensor_new(d, SOCLE_F64, socle_shape1(1)));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_DTYPE);
    cr_assert_null(socle_tensor_new(d, SOCLE_F16, socle_shape1(1)));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_DTYPE);
    cr_assert_null(socle_tensor_new(d, (socle_dtype)99, socle_shape1(1)));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_DTYPE);
    cr_assert_null(socle_tensor_new(d, SOCLE_F32, socle_shape2(3, -1)));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_SHAPE);
    cr_assert_null(socle_tensor_new(d, SOCLE_F32, (socle_shape){ .ndim = 7 }));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_SHAPE);
    cr_assert_null(socle_tensor_dense(d, SOCLE_F32, socle_shape1(32), SOCLE_LANES));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert_null(socle_tensor_dense(d, SOCLE_F32, socle_shape2(32, 2), 8));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
}

Test(tensor, no_device_makes_no_tensor_and_no_new_message)
{
    (void)socle_fail(SOCLE_ERR_DEVICE, "the cause");
    cr_assert_null(socle_tensor_new(NULL, SOCLE_F32, socle_shape1(1)));
    cr_assert_null(socle_tensor_from(NULL, SOCLE_F32, socle_shape1(1), NULL));
    cr_assert_str_eq(socle_error(), "the cause");
}

Test(tensor, the_device_chooses_the_format_of_batches)
{
    d->caps.lanes = SOCLE_LANES;
    socle_tensor *batch = socle_tensor_dense(d, SOCLE_F32, socle_shape2(SOCLE_BATCH_MIN, 3), 0);
    socle_tensor *few = socle_tensor_dense(d, SOCLE_F32, socle_shape2(SOCLE_BATCH_MIN - 1, 3), 0);
    socle_tensor *flat = socle_tensor_dense(d, SOCLE_F32, socle_shape1(100), 0);
    cr_assert_eq(socle_view_of(batch).lanes, SOCLE_LANES);
    cr_assert_eq(socle_view_of(few).lanes, 1);
    cr_assert_eq(socle_view_of(flat).lanes, 1);
    socle_release(batch);
    socle_release(few);
    socle_release(flat);
}

Test(tensor, every_failing_allocation_is_reported_and_leaves_nothing)
{
    int64_t live = socle_test_live_blocks();
    int k = 0;
    for (;; k++) {
        socle_test_fail_alloc(k);
        socle_tensor *t = socle_tensor_new(d, SOCLE_F32, socle_shape1(5));
        if (!socle_test_alloc_failed()) {
            cr_assert_not_null(t);
            socle_release(t);
            break;
        }
        cr_assert_null(t);
        cr_assert_eq(socle_error_status(), SOCLE_ERR_NOMEM);
        cr_assert_eq(socle_test_live_blocks(), live);
    }
    socle_test_fail_alloc(-1);
    cr_assert_geq(k, 3); /* storage, device memory, handle */
}

/* ---- views ---- */

static socle_tensor *view_like(const socle_tensor *t, int64_t offset, socle_shape s, const int64_t *stride)
{
    socle_view v = { .offset = offset, .dtype = socle_dtype_of(t), .ndim = s.ndim, .lanes = 1 };
    for (int i = 0; i < s.ndim; i++) {
        v.dim[i] = s.dim[i];
        v.stride[i] = stride[i];
    }
    return socle_tensor_view(t, &v);
}

Test(tensor, a_view_reads_and_writes_its_own_elements_only)
{
    socle_tensor *t = counting(socle_shape2(3, 4), 1);
    socle_tensor *v = view_like(t, 1, socle_shape2(2, 3), (int64_t[]){ 2, 4 }); /* columns 1 and 3, as rows */
    float host[6];
    cr_assert_eq(socle_read(v, host, sizeof host), SOCLE_OK);
    cr_assert_arr_eq(host, ((float[]){ 1, 5, 9, 3, 7, 11 }), sizeof host);
    cr_assert_eq(socle_write(v, (float[]){ -1, -2, -3, -4, -5, -6 }, sizeof host), SOCLE_OK);
    float all[12];
    cr_assert_eq(socle_read(t, all, sizeof all), SOCLE_OK);
    cr_assert_arr_eq(all, ((float[]){ 0, -1, 2, -4, 4, -2, 6, -5, 8, -3, 10, -6 }), sizeof all);
    socle_release(t);
    cr_assert_eq(socle_read(v, host, sizeof host), SOCLE_OK); /* the view holds the memory */
    cr_assert_eq(host[5], -6);
    socle_release(v);
}

Test(tensor, a_row_of_a_matrix_is_read_at_its_offset)
{
    socle_tensor *t = counting(socle_shape2(3, 4), 1);
    socle_tensor *row = view_like(t, 8, socle_shape1(4), (int64_t[]){ 1 });
    float host[4];
    cr_assert_eq(socle_read(row, host, sizeof host), SOCLE_OK);
    cr_assert_arr_eq(host, ((float[]){ 8, 9, 10, 11 }), sizeof host);
    cr_assert_eq((char *)tensor_host(row) - (char *)tensor_host(t), 32);
    socle_release(row);
    socle_release(t);
}

Test(tensor, a_broadcast_view_is_read_and_not_written)
{
    socle_tensor *t = counting(socle_shape1(2), 1);
    socle_tensor *v = view_like(t, 0, socle_shape2(3, 2), (int64_t[]){ 0, 1 });
    float host[6];
    cr_assert_eq(socle_read(v, host, sizeof host), SOCLE_OK);
    cr_assert_arr_eq(host, ((float[]){ 0, 1, 0, 1, 0, 1 }), sizeof host);
    cr_assert_eq(socle_write(v, host, sizeof host), SOCLE_ERR_ARG);
    socle_release(v);
    socle_release(t);
}

static void assert_outside(const socle_tensor *t, const socle_view *v, socle_status s)
{
    cr_assert_null(socle_tensor_view(t, v));
    cr_assert_eq(socle_error_status(), s, "%s", socle_error());
}

Test(tensor, a_view_may_not_leave_its_storage)
{
    socle_tensor *t = counting(socle_shape2(3, 4), 1);
    cr_assert_null(view_like(t, 1, socle_shape2(3, 4), (int64_t[]){ 4, 1 }));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert_null(view_like(t, -1, socle_shape1(2), (int64_t[]){ 1 }));
    cr_assert_null(view_like(t, 11, socle_shape1(2), (int64_t[]){ -1 }));
    cr_assert_null(view_like(t, 0, socle_shape1(13), (int64_t[]){ 1 }));
    cr_assert_null(view_like(t, 0, socle_shape2(2, 2), (int64_t[]){ INT64_MAX / 2 + 1, INT64_MAX / 2 + 1 }));
    cr_assert_null(view_like(t, INT64_MAX, socle_shape1(2), (int64_t[]){ 1 }));
    socle_tensor *last = view_like(t, 11, socle_shape1(1), (int64_t[]){ 1000 });
    cr_assert_not_null(last); /* one element: the stride is never used */
    socle_release(last);
    socle_view v = socle_view_of(t);
    v.ndim = 7;
    assert_outside(t, &v, SOCLE_ERR_SHAPE);
    v.ndim = -1;
    assert_outside(t, &v, SOCLE_ERR_SHAPE);
    v = socle_view_of(t);
    v.dtype = SOCLE_F64;
    assert_outside(t, &v, SOCLE_ERR_DTYPE);
    cr_assert_null(socle_tensor_view(NULL, &v));
    socle_release(t);
}

Test(tensor, a_view_in_blocks_includes_its_pad_lanes)
{
    socle_tensor *t = counting(socle_shape2(20, 3), SOCLE_LANES);
    socle_view v = socle_view_of(t);
    v.offset = 16;
    v.dim[1] = 2; /* features 1 and 2 */
    socle_tensor *part = socle_tensor_view(t, &v);
    cr_assert_not_null(part, "%s", socle_error());
    float host[40];
    cr_assert_eq(socle_read(part, host, sizeof host), SOCLE_OK);
    for (int n = 0; n < 20; n++)
        cr_assert(host[2 * n] == (float)(3 * n + 1) && host[2 * n + 1] == (float)(3 * n + 2));
    socle_release(part);

    v.offset = 17; /* the last pad lane would lie outside */
    assert_outside(t, &v, SOCLE_ERR_ARG);
    v.offset = 0;
    v.stride[1] = 8;
    assert_outside(t, &v, SOCLE_ERR_ARG);
    v.lanes = 8;
    assert_outside(t, &v, SOCLE_ERR_ARG);
    v = (socle_view){ .dtype = SOCLE_F32, .ndim = 1, .dim = { 16 }, .stride = { 1 }, .lanes = SOCLE_LANES };
    assert_outside(t, &v, SOCLE_ERR_ARG);
    socle_release(t);
}

/* ---- references, versions ---- */

Test(tensor, the_last_reference_gives_the_memory_back)
{
    int64_t live = socle_test_live_blocks();
    socle_tensor *t = counting(socle_shape1(3), 1);
    cr_assert_geq(socle_test_live_blocks(), live + 3); /* handle, storage, device memory */
    cr_assert(tensor_is_sole_owner(t));
    cr_assert_eq(socle_retain(t), t);
    cr_assert(!tensor_is_sole_owner(t));
    socle_release(t);
    socle_view v = socle_view_of(t);
    socle_tensor *view = socle_tensor_view(t, &v);
    cr_assert(!tensor_is_sole_owner(t));
    socle_release(t);
    cr_assert(tensor_is_sole_owner(view));
    socle_release(view);
    cr_assert_eq(socle_test_live_blocks(), live);
    cr_assert_null(socle_retain(NULL));
    socle_release(NULL);
}

Test(tensor, a_write_through_any_view_advances_the_version_of_all)
{
    socle_tensor *t = counting(socle_shape2(2, 3), 1);
    socle_tensor *column = view_like(t, 0, socle_shape1(2), (int64_t[]){ 3 });
    unsigned long long before = atomic_load(&t->store->version);
    float host[6];
    cr_assert_eq(socle_read(t, host, sizeof host), SOCLE_OK);
    cr_assert_eq(atomic_load(&t->store->version), before);
    cr_assert_eq(socle_write(column, host, 2 * sizeof *host), SOCLE_OK);
    cr_assert_gt(atomic_load(&t->store->version), before);
    socle_release(column);
    socle_release(t);
}

Test(tensor, questions_about_nothing_have_harmless_answers)
{
    cr_assert_eq(socle_numel(NULL), 0);
    cr_assert_eq(socle_dim(NULL, 1), 0);
    cr_assert_eq(socle_shape_of(NULL).ndim, 1);
    cr_assert_null(socle_device_of(NULL));
    cr_assert_null(socle_grad(NULL));
    cr_assert(!socle_requires_grad(NULL));
    socle_zero_grad(NULL);
    socle_tensor *t = counting(socle_shape2(2, 3), 1);
    cr_assert_eq(socle_dim(t, -1), 3);
    cr_assert_eq(socle_dim(t, 0), 2);
    cr_assert_eq(socle_dim(t, 2), 0);
    cr_assert_eq(socle_dim(t, -3), 0);
    socle_release(t);
}

/* ---- gradients ---- */

Test(tensor, only_real_leaves_require_gradients)
{
    socle_tensor *t = counting(socle_shape1(3), 1);
    cr_assert_eq(socle_set_requires_grad(t, true), SOCLE_OK);
    cr_assert(socle_requires_grad(t));
    cr_assert_eq(socle_set_requires_grad(t, false), SOCLE_OK);
    cr_assert(!socle_requires_grad(t));
    t->generation = 3; /* as a recorded op leaves it */
    cr_assert_eq(socle_set_requires_grad(t, true), SOCLE_ERR_STATE);
    cr_assert(!socle_requires_grad(t));
    cr_assert_eq(socle_set_requires_grad(t, false), SOCLE_OK);
    socle_release(t);
    socle_tensor *labels = socle_tensor_new(d, SOCLE_I32, socle_shape1(3));
    cr_assert_eq(socle_set_requires_grad(labels, true), SOCLE_ERR_DTYPE);
    socle_release(labels);
    cr_assert_eq(socle_set_requires_grad(NULL, true), SOCLE_ERR_ARG);
}

Test(tensor, a_gradient_belongs_to_its_tensor)
{
    int64_t none = socle_test_live_blocks();
    socle_tensor *t = counting(socle_shape1(3), 1);
    int64_t one = socle_test_live_blocks();
    cr_assert_null(socle_grad(t));
    tensor_set_grad(t, counting(socle_shape1(3), 1));
    socle_tensor *second = counting(socle_shape1(3), 1);
    tensor_set_grad(t, second);
    cr_assert_eq(socle_grad(t), second);
    cr_assert_eq(socle_test_live_blocks() - one, one - none);
    socle_zero_grad(t);
    cr_assert_null(socle_grad(t));
    cr_assert_eq(socle_test_live_blocks(), one);
    tensor_set_grad(t, counting(socle_shape1(3), 1));
    socle_release(t);
    cr_assert_eq(socle_test_live_blocks(), none);
}

/* ---- threads ---- */

/* Hands a shared tensor around and makes some of its own, as two ctxs on one device would. */
static void *share(void *arg)
{
    socle_tensor *shared = arg;
    for (int i = 0; i < 200; i++) {
        socle_tensor *again = socle_retain(shared);
        socle_view v = socle_view_of(shared);
        socle_tensor *view = socle_tensor_view(shared, &v);
        float host[3] = { 0, 1, 2 };
        socle_tensor *own = socle_tensor_from(d, SOCLE_F32, socle_shape1(3), host);
        bool same = socle_read(view, host, sizeof host) == SOCLE_OK && host[2] == 2;
        socle_release(again);
        socle_release(view);
        socle_release(own);
        if (!same)
            return "a shared tensor changed";
    }
    return NULL;
}

Test(tensor, threads_may_share_a_tensor_and_its_device)
{
    socle_tensor *shared = counting(socle_shape1(3), 1);
    int64_t live = socle_test_live_blocks();
    thread t[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(thread_start(&t[i], share, shared), SOCLE_OK);
    for (int i = 0; i < 4; i++) {
        void *complaint = NULL;
        cr_assert_eq(pthread_join(t[i].id, &complaint), 0);
        cr_assert_null(complaint);
    }
    cr_assert_eq(socle_test_live_blocks(), live);
    cr_assert(tensor_is_sole_owner(shared));
    socle_release(shared);
}
