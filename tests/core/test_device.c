/* Specs, the registry, and who keeps a device alive. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <socle/ctx.h>
#include <socle/sys/backend.h>
#include <socle/sys/test.h>
#include "core/device.h"

static const socle_device_desc one_thread = { .threads = 1 };

static void assert_refused(const char *spec, socle_device_desc o, socle_status s, const char *part)
{
    cr_assert_null(socle_device_open(spec, o), "%s was opened", spec);
    cr_assert_eq(socle_error_status(), s, "%s: %s", spec, socle_error());
    cr_assert_not_null(strstr(socle_error(), part), "'%s' does not say '%s'", socle_error(), part);
}

Test(device, a_spec_is_a_name_and_perhaps_a_number)
{
    socle_device *d = socle_device_open("ref", one_thread);
    cr_assert_not_null(d, "%s", socle_error());
    cr_assert_eq(strncmp(socle_device_name(d), "ref: ", 5), 0, "%s", socle_device_name(d));
    cr_assert_eq(socle_device_real(d), SOCLE_F32);
    cr_assert_str_eq(socle_device_backend(d)->name, "ref");
    socle_device_close(d);
    d = socle_device_open("ref64:0", one_thread);
    cr_assert_not_null(d, "%s", socle_error());
    cr_assert_eq(socle_device_real(d), SOCLE_F64);
    cr_assert_eq(socle_device_sync(d), SOCLE_OK);
    socle_device_close(d);
    socle_device_close(NULL);
    cr_assert_eq(socle_device_sync(NULL), SOCLE_ERR_ARG);
}

Test(device, a_bad_spec_is_refused_with_what_there_is)
{
    assert_refused("gpu", one_thread, SOCLE_ERR_ARG, "ref64");
    assert_refused("re", one_thread, SOCLE_ERR_ARG, "'re' is unknown");
    assert_refused("ref ", one_thread, SOCLE_ERR_ARG, "unknown");
    assert_refused(":0", one_thread, SOCLE_ERR_ARG, "unknown");
    assert_refused("ref:1", one_thread, SOCLE_ERR_ARG, "there is 1 of this kind");
    assert_refused("ref:99999999999999999999", one_thread, SOCLE_ERR_ARG, "there is 1");
    assert_refused("ref:", one_thread, SOCLE_ERR_ARG, "number");
    assert_refused("ref:-1", one_thread, SOCLE_ERR_ARG, "number");
    assert_refused("ref:0x", one_thread, SOCLE_ERR_ARG, "number");
}

Test(device, a_number_of_threads_is_zero_to_1024)
{
    assert_refused("ref", (socle_device_desc){ .threads = -1 }, SOCLE_ERR_ARG, "-1 threads");
    assert_refused("ref", (socle_device_desc){ .threads = 1025 }, SOCLE_ERR_ARG, "1025 threads");
    socle_device *d = socle_device_open("ref", (socle_device_desc){ .threads = 0 });
    cr_assert_not_null(d);
    socle_device_close(d);
}

Test(device, the_environment_chooses_where_the_program_does_not)
{
    setenv("SOCLE_DEVICE", "ref64", 1);
    socle_device *d = socle_device_open(NULL, one_thread);
    cr_assert_str_eq(socle_device_backend(d)->name, "ref64");
    socle_device_close(d);
    d = socle_device_open("ref", one_thread);
    cr_assert_str_eq(socle_device_backend(d)->name, "ref");
    socle_device_close(d);
    setenv("SOCLE_DEVICE", "abacus", 1);
    assert_refused(NULL, one_thread, SOCLE_ERR_ARG, "abacus");
    setenv("SOCLE_DEVICE", "", 1);
    d = socle_device_open(NULL, one_thread);
    cr_assert_not_null(d, "%s", socle_error());
    socle_device_close(d);
}

Test(device, tensors_and_ctxs_keep_it_alive)
{
    int64_t live = socle_test_live_blocks();
    socle_device *d = socle_device_open("ref", one_thread);
    socle_ctx *c = socle_ctx_new(d, 0);
    int32_t host[] = { 4, 5 };
    socle_tensor *t = socle_tensor_from(d, SOCLE_I32, socle_shape1(2), host);
    socle_device_close(d);
    cr_assert_eq(socle_ctx_device(c), socle_device_of(t));
    socle_ctx_free(c);
    int32_t back[2];
    cr_assert_eq(socle_read(t, back, sizeof back), SOCLE_OK);
    cr_assert(back[0] == 4 && back[1] == 5);
    socle_release(t);
    cr_assert_eq(socle_test_live_blocks(), live);
}

Test(device, it_counts_the_memory_it_took_where_its_backend_does)
{
    socle_device *d = socle_device_open("cpu", one_thread);
    uint64_t bytes[3];
    for (int i = 0; i < 3; i++) {
        socle_release(socle_tensor_new(d, SOCLE_F32, socle_shape1(i == 0 ? 1 : 100000)));
        bytes[i] = socle_device_counters(d).bytes;
    }
    cr_expect(bytes[1] >= bytes[0] + 400000);
    cr_expect_eq(bytes[2], bytes[1], "kept memory is not taken again");
    socle_device_close(d);
    d = socle_device_open("ref", one_thread);
    socle_release(socle_tensor_new(d, SOCLE_F32, socle_shape1(100000)));
    cr_expect_eq(socle_device_counters(d).bytes, 0, "ref counts nothing");
    socle_device_close(d);
}

/* ---- registered backends: ref's table with another name ---- */

static int closed;
static void (*close_ref)(void *);
static void close_counted(void *self)
{
    closed++;
    close_ref(self);
}

static int none(void)
{
    return 0;
}

static socle_status open_nothing(int index, const socle_device_desc *o, void **self)
{
    (void)o;
    (void)self;
    return socle_fail(SOCLE_ERR_DEVICE, "unit %d does not answer", index);
}

/* A complete table to change. */
static socle_backend table_named(const char *name)
{
    socle_device *d = socle_device_open("ref", one_thread);
    socle_backend b = *socle_device_backend(d);
    socle_device_close(d);
    b.name = name;
    close_ref = b.close;
    b.close = close_counted;
    return b;
}

Test(device, a_registered_backend_opens_by_its_name)
{
    socle_backend b = table_named("mine");
    cr_assert_eq(socle_backend_register(&b), SOCLE_OK);
    socle_device *d = socle_device_open("mine:0", one_thread);
    cr_assert_not_null(d, "%s", socle_error());
    cr_assert_eq(strncmp(socle_device_name(d), "mine: ", 6), 0);
    socle_device_close(d);
    cr_assert_eq(closed, 1);
    assert_refused("yours", one_thread, SOCLE_ERR_ARG, "mine");
}

Test(device, an_incomplete_or_ambiguous_table_is_refused)
{
    socle_backend b = table_named("mine");
    b.col2im = NULL;
    cr_assert_eq(socle_backend_register(&b), SOCLE_ERR_ARG);
    cr_assert_not_null(strstr(socle_error(), "col2im"));
    b = table_named("ref");
    cr_assert_eq(socle_backend_register(&b), SOCLE_ERR_ARG);
    b = table_named("a:b");
    cr_assert_eq(socle_backend_register(&b), SOCLE_ERR_ARG);
    b = table_named("mine");
    b.size = offsetof(socle_backend, gemm);
    cr_assert_eq(socle_backend_register(&b), SOCLE_ERR_ARG);
    cr_assert_eq(socle_backend_register(NULL), SOCLE_ERR_ARG);
    assert_refused("mine", one_thread, SOCLE_ERR_ARG, "unknown");
}

Test(device, the_tail_that_an_older_table_lacks_reads_as_absent)
{
    socle_backend b = table_named("old");
    b.size = offsetof(socle_backend, softmax);
    cr_assert_eq(socle_backend_register(&b), SOCLE_OK);
    socle_device *d = socle_device_open("old", one_thread);
    const socle_backend *seen = socle_device_backend(d);
    cr_assert_eq(seen->conv, b.conv);
    cr_assert(seen->softmax == NULL && seen->sgd_many == NULL);
    socle_device_close(d);
}

Test(device, a_backend_without_units_or_with_a_broken_one_says_so)
{
    int64_t live = socle_test_live_blocks();
    socle_backend b = table_named("empty");
    b.count = none;
    cr_assert_eq(socle_backend_register(&b), SOCLE_OK);
    assert_refused("empty", one_thread, SOCLE_ERR_ARG, "there are 0");
    b = table_named("broken");
    b.open = open_nothing;
    cr_assert_eq(socle_backend_register(&b), SOCLE_OK);
    assert_refused("broken", one_thread, SOCLE_ERR_DEVICE, "unit 0 does not answer");
    cr_assert_eq(socle_test_live_blocks(), live);
}

/* ---- what there is: a backend with three devices ---- */

static socle_device_kind toy_kind;
static int opened_index = -1;

static int three(void)
{
    return 3;
}

static socle_status describe_toy(int index, socle_device_info *out)
{
    static const char *const names[] = { "Acme Alpha", "Acme Beta", "" };
    if (index == 2)
        return socle_fail(SOCLE_ERR_DEVICE, "the third toy is broken");
    *out = (socle_device_info){ .kind = toy_kind, .memory = 4096 };
    snprintf(out->name, sizeof out->name, "%s", names[index]);
    return SOCLE_OK;
}

static socle_status open_toy(int index, const socle_device_desc *o, void **self)
{
    (void)o;
    *self = NULL;
    opened_index = index;
    return SOCLE_OK;
}

static void register_toys(socle_device_kind kind)
{
    socle_backend b = table_named("toy");
    toy_kind = kind;
    b.count = three;
    b.describe = describe_toy;
    b.open = open_toy;
    cr_assert_eq(socle_backend_register(&b), SOCLE_OK, "%s", socle_error());
}

static void assert_opens(const char *spec, int index)
{
    opened_index = -1;
    socle_device *d = socle_device_open(spec, one_thread);
    cr_assert_not_null(d, "%s: %s", spec, socle_error());
    cr_assert_eq(opened_index, index, "%s opened number %d", spec, opened_index);
    socle_device_close(d);
}

Test(device, a_part_of_a_name_in_any_case_serves_as_number)
{
    register_toys(SOCLE_KIND_OTHER);
    assert_opens("toy", 0);
    assert_opens("toy:1", 1);
    assert_opens("toy:beta", 1);
    assert_opens("toy:ME ALPHA", 0);
    assert_opens("toy:no name", 2);
    assert_refused("toy:acme", one_thread, SOCLE_ERR_ARG, "2 names contain 'acme'");
    assert_refused("toy:acme", one_thread, SOCLE_ERR_ARG, "toy:0 (Acme Alpha), toy:1 (Acme Beta)");
    assert_refused("toy:gamma", one_thread, SOCLE_ERR_ARG, "toy:1 (Acme Beta)");
    assert_refused("toy:betas", one_thread, SOCLE_ERR_ARG, "part of a name");
    assert_refused("toy:", one_thread, SOCLE_ERR_ARG, "number");
    assert_refused("toy:3", one_thread, SOCLE_ERR_ARG, "there are 3 of this kind, counted from 0: toy:0 (Acme");
}

Test(device, a_backend_that_describes_nothing_has_numbers_only)
{
    socle_backend b = table_named("mute");
    b.count = three;
    b.describe = NULL;
    cr_assert_eq(socle_backend_register(&b), SOCLE_OK);
    socle_device *d = socle_device_open("mute:2", one_thread);
    cr_assert_not_null(d, "%s", socle_error());
    socle_device_close(d);
    assert_refused("mute:mute", one_thread, SOCLE_ERR_ARG, "number");
}

/* Finds it in the walk over all devices. */
static bool listed(const char *spec, socle_device_info *out)
{
    for (size_t i = 0; socle_device_list(i, out); i++)
        if (strcmp(out->spec, spec) == 0)
            return true;
    return false;
}

Test(device, every_device_is_listed_with_the_spec_that_opens_it)
{
    register_toys(SOCLE_KIND_OTHER);
    socle_device_info d;
    size_t n = 0;
    cr_assert(listed("ref", &d) && d.kind == SOCLE_KIND_REFERENCE);
    cr_assert(listed("ref64", &d));
    cr_assert(listed("toy:1", &d));
    cr_assert_str_eq(d.name, "Acme Beta");
    cr_assert_eq(d.memory, 4096);
    cr_assert(listed("toy:2", &d));
    cr_assert_str_eq(d.more, "error: the third toy is broken\n");
    cr_assert(!listed("toy:3", &d) && !listed("toy", &d));
    for (; socle_device_list(n, &d); n++) {
        socle_device *opened = socle_device_open(d.spec, one_thread);
        cr_assert_not_null(opened, "%s: %s", d.spec, socle_error());
        socle_device_close(opened);
    }
    cr_assert(!socle_device_list(n + 1000, &d));
}

static socle_status describe_nothing(int index, socle_device_info *out)
{
    (void)index;
    (void)out;
    return socle_fail(SOCLE_ERR_DEVICE, "no toy is plugged in");
}

Test(device, a_backend_without_devices_says_why)
{
    socle_backend b = table_named("toy");
    b.count = none;
    b.describe = describe_nothing;
    cr_assert_eq(socle_backend_register(&b), SOCLE_OK);
    assert_refused("toy:0", one_thread, SOCLE_ERR_ARG, "device 'toy:0': no toy is plugged in");
}

/* ---- the default ---- */

static bool any_gpu(char spec[64])
{
    socle_device_info d;
    for (size_t i = 0; socle_device_list(i, &d); i++)
        if (d.kind == SOCLE_KIND_GPU) {
            snprintf(spec, 64, "%s", d.spec);
            return true;
        }
    return false;
}

Test(device, the_default_is_the_cpu_backend_where_there_is_no_gpu)
{
    char spec[64], gpu[64];
    register_toys(SOCLE_KIND_CPU); /* the same processor behind another interface is not taken unasked */
    cr_assert_eq(socle_device_default(spec, sizeof spec), SOCLE_OK);
    cr_assert_str_eq(spec, any_gpu(gpu) ? gpu : "cpu");
}

Test(device, the_default_is_the_first_gpu)
{
    char spec[64], gpu[64];
    bool had = any_gpu(gpu);
    register_toys(SOCLE_KIND_GPU);
    cr_assert_eq(socle_device_default(spec, sizeof spec), SOCLE_OK);
    cr_assert_str_eq(spec, had ? gpu : "toy:0");
    unsetenv("SOCLE_DEVICE");
    if (!had)
        assert_opens(NULL, 0);
    setenv("SOCLE_DEVICE", "toy:beta", 1);
    assert_opens(NULL, 1);
    char small[3];
    cr_assert_eq(socle_device_default(small, sizeof small), SOCLE_ERR_ARG);
}

Test(device, there_is_a_limit_to_registered_backends)
{
    static char names[20][24];
    int accepted = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "mine%d", i);
        socle_backend b = table_named(names[i]);
        accepted += socle_backend_register(&b) == SOCLE_OK;
    }
    cr_assert_eq(accepted, 16);
    cr_assert_eq(socle_error_status(), SOCLE_ERR_STATE);
    socle_device *d = socle_device_open("mine15", one_thread);
    cr_assert_not_null(d);
    socle_device_close(d);
}
