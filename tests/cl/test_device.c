/* What an OpenCL device does when things go wrong: one sentence, a status, and everything else goes on. And its memory. */
#include <criterion/criterion.h>
#include <socle/sys/test.h>
#include <stdio.h>
#include <string.h>
#include "cl/device.h"
#include "cl/program.h"
#include "support/support.h"

static socle_device *d;
static ocl_device *self;
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    d = open_device("cl", 0);
    self = socle_device_self(d);
}

static void tear_down(void)
{
    socle_device_close(d);
    assert_no_leak(live_before);
}

TestSuite(device, .init = set_up, .fini = tear_down);

static socle_tensor *ones(socle_device *on, int64_t n)
{
    socle_tensor *t = socle_tensor_new(on, SOCLE_F32, socle_shape1(n));
    cr_assert_not_null(t, "%s", socle_error());
    assert_ok(socle_prim_fill(t, 1));
    return t;
}

static void assert_says(const char *part)
{
    cr_assert_not_null(strstr(socle_error(), part), "\"%s\" does not say \"%s\"", socle_error(), part);
}

/* ---- lost ---- */

Test(device, what_was_lost_in_mid_run_stays_lost_and_says_so)
{
    socle_tensor *t = ones(d, 5);
    float host[5];
    (void)ocl_late(self, CL_OUT_OF_RESOURCES, "reading");
    cr_assert_eq(socle_read(t, host, sizeof host), SOCLE_ERR_DEVICE);
    assert_says(self->name);
    assert_says("CL_OUT_OF_RESOURCES");
    assert_says("fill"); /* the kernel it got last */
    cr_assert_eq(socle_prim_fill(t, 2), SOCLE_ERR_DEVICE);
    cr_assert_eq(socle_write(t, host, sizeof host), SOCLE_ERR_DEVICE);
    cr_assert_eq(socle_device_sync(d), SOCLE_ERR_DEVICE);
    assert_says("CL_OUT_OF_RESOURCES");
    socle_release(t);

    socle_device *others[] = { open_device("cl", 0), open_device("cpu", 1) };
    for (int i = 0; i < 2; i++) {
        socle_tensor *u = ones(others[i], 5);
        assert_close(u, ((double[]){ 1, 1, 1, 1, 1 }), 5, budget_exact);
        socle_release(u);
        socle_device_close(others[i]);
    }
}

Test(device, that_is_not_there_is_no_device)
{
    cr_assert_null(socle_device_open("cl:999", (socle_device_desc){ 0 }));
    assert_says("999");
    cr_assert_null(socle_device_open("cl:no such name", (socle_device_desc){ 0 }));
}

/* ---- kernels that do not build ---- */

static cl_kernel ask(const char *file, const char *function, const char *options)
{
    (void)pthread_mutex_lock(&self->lock);
    cl_kernel k = ocl_kernel(self, file, function, options);
    (void)pthread_mutex_unlock(&self->lock);
    return k;
}

Test(device, reports_what_the_compiler_said_and_builds_others)
{
    for (int i = 0; i < 2; i++) { /* the second answer is the first one, remembered */
        cr_assert_null(ask("elementwise.cl", "unary",
                           "-DINDEX=int -DFLAT -DKERNEL_unary -DEACH_UNARY(F)=F(no_such_function)"));
        cr_assert_eq(socle_error_status(), SOCLE_ERR_DEVICE);
        assert_says("elementwise.cl");
        assert_says("no_such_function");
        assert_says("error");
    }
    cr_assert_null(ask("elementwise.cl", "no_such_kernel", "-DINDEX=int -DFLAT -DKERNEL_fill"));
    assert_says("no_such_kernel");
    cr_assert_null(ask("no_such_file.cl", "unary", ""));
    assert_says("no_such_file.cl");
    socle_tensor *t = ones(d, 3);
    assert_close(t, ((double[]){ 1, 1, 1 }), 3, budget_exact);
    socle_release(t);
}

/* ---- memory ---- */

Test(device, says_how_much_memory_was_asked_for_and_how_much_there_is)
{
    char asked[32], has[32];
    int64_t n = INT64_C(1) << 50;
    snprintf(asked, sizeof asked, "%lld", (long long)n * 4);
    snprintf(has, sizeof has, "%llu", (unsigned long long)self->memory);
    cr_assert_null(socle_tensor_new(d, SOCLE_F32, socle_shape1(n)));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_NOMEM);
    assert_says(asked);
    assert_says(has);
    socle_release(ones(d, 3));
}

/* Tensors of 32 MiB, each with memory of its own: where it begins tells one from another. */
Test(device, keeps_no_more_idle_memory_than_was_asked)
{
    enum { N = 8 << 20 };
    socle_device *tight = socle_device_open("cl", (socle_device_desc){ .cache_bytes = (size_t)N * 4 + 1 });
    cr_assert_not_null(tight, "%s", socle_error());
    socle_tensor *a = ones(tight, N), *b = ones(tight, N), *c = ones(tight, N);
    socle_release(a);
    socle_release(b); /* one too many: both go */
    socle_tensor *again = ones(tight, N);
    double *values = values_of(again);
    cr_assert_eq(values[N - 1], 1);
    free(values);
    socle_release(again);
    socle_release(c);
    assert_ok(socle_device_sync(tight));
    socle_device_close(tight);
}

Test(device, gives_the_memory_freed_last_to_whoever_asks_next)
{
    socle_tensor *a = ones(d, 1000);
    const void *buffer = socle_view_of(a).buffer;
    socle_release(a);
    socle_tensor *b = ones(d, 990);
    cr_assert_eq(socle_view_of(b).buffer, buffer);
    socle_release(b);
}

/* More than the staging ring holds at once, in one write and in many; the host's memory may change at once. */
Test(device, takes_what_the_host_had_when_it_was_written)
{
    enum { N = 6 << 20, ROUNDS = 40 };
    float *host = malloc(N * sizeof *host);
    for (int i = 0; i < N; i++)
        host[i] = (float)(i % 4099);
    socle_tensor *t = socle_tensor_from(d, SOCLE_F32, socle_shape1(N), host);
    cr_assert_not_null(t, "%s", socle_error());
    memset(host, 0, N * sizeof *host);
    assert_ok(socle_read(t, host, N * sizeof *host));
    for (int i = 0; i < N; i++)
        cr_assert_eq(host[i], (float)(i % 4099), "element %d", i);
    socle_release(t);

    socle_tensor *many[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < 1 << 18; i++)
            host[i] = (float)(r + i);
        many[r] = socle_tensor_from(d, SOCLE_F32, socle_shape1(1 << 18), host);
    }
    for (int r = 0; r < ROUNDS; r++) {
        assert_ok(socle_read(many[r], host, sizeof *host << 18));
        for (int i = 0; i < 1 << 18; i += 511)
            cr_assert_eq(host[i], (float)(r + i), "round %d, element %d", r, i);
        socle_release(many[r]);
    }
    free(host);
}
