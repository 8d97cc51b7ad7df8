/* The devices of this build against the double reference, and the conformance program against devices that are broken on
 * purpose: each of its checks must have caught something once. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "support/support.h"

enum { MAX_FAMILIES = 32, SHOWN = 20 };

typedef struct family_name {
    char text[32];
} family_name;

static struct criterion_test_params all_families(void)
{
    static family_name names[MAX_FAMILIES];
    size_t n = 0;
    for (; n < MAX_FAMILIES && conformance_family(n) != NULL; n++)
        snprintf(names[n].text, sizeof(names[n].text), "%s", conformance_family(n));
    return cr_make_param_array(family_name, names, n, NULL);
}

/* ---- devices of this build ---- */

static void show_failures(void *user, const conformance_result *r)
{
    int *shown = user;
    if (r->verdict == CONFORMANCE_FAIL && (*shown)++ < SHOWN)
        fprintf(stderr, "%s [%s] (%s): %s\n", r->slot, r->row, r->layout, r->text);
}

/* SOCLE_CPU_ISA names what not to exceed: on a machine without it, the run would repeat a lesser one. Without a name there
 * is nothing to skip for: a cpu device that does not open is a failure. */
static void skip_unless_isa(void)
{
    const char *isa = getenv("SOCLE_CPU_ISA");
    if (isa == NULL)
        return;
    socle_device *d = socle_device_open("cpu", (socle_device_desc){ 0 });
    bool has = d != NULL && strstr(socle_device_name(d), isa) != NULL;
    socle_device_close(d);
    if (!has)
        cr_skip_test("this machine has no %s", isa);
}

/* SOCLE_TEST_PART, "2/5": the second of five parts of the rows, for more than one core. */
static void take_part(conformance_options *o)
{
    const char *text = getenv("SOCLE_TEST_PART");
    if (text == NULL)
        return;
    cr_assert(sscanf(text, "%d/%d", &o->part, &o->parts) == 2 && o->part >= 1 && o->part <= o->parts,
              "SOCLE_TEST_PART is '%s', not like 2/5", text);
    o->part--;
}

static conformance_summary check(conformance_options o)
{
    int shown = 0;
    take_part(&o);
    conformance_summary sum;
    int failed = conformance_run(&o, show_failures, &shown, &sum);
    cr_assert(failed >= 0, "%s: %s", o.device, socle_error());
    cr_assert_eq(failed, 0, "%s: %d of %d calls in family %s went wrong", sum.device, failed, sum.calls, o.family);
    cr_assert(sum.calls > 0 || o.parts > 1);
    return sum;
}

ParameterizedTestParameters(ref, agrees_with_the_double_reference)
{
    return all_families();
}

/* One thread: the reference has no more, and then the rows that are there for the threads tell nothing new. */
ParameterizedTest(const family_name *family, ref, agrees_with_the_double_reference)
{
    check((conformance_options){ .device = "ref", .family = family->text, .threads = 1, .small = true });
}

ParameterizedTestParameters(ref, compositions_agree_with_the_double_reference)
{
    return all_families();
}

ParameterizedTest(const family_name *family, ref, compositions_agree_with_the_double_reference)
{
    check((conformance_options){
        .device = "ref", .family = family->text, .threads = 1, .small = true, .compose_only = true });
}

ParameterizedTestParameters(cpu, agrees_with_the_double_reference)
{
    return all_families();
}

ParameterizedTest(const family_name *family, cpu, agrees_with_the_double_reference)
{
    skip_unless_isa();
    check((conformance_options){ .device = "cpu", .family = family->text });
}

/* Slots and compositions are held to the same bounds, so they agree with each other within their sum. */
ParameterizedTestParameters(cpu, compositions_agree_with_the_double_reference)
{
    return all_families();
}

ParameterizedTest(const family_name *family, cpu, compositions_agree_with_the_double_reference)
{
    skip_unless_isa();
    check((conformance_options){ .device = "cpu", .family = family->text, .threads = 2, .compose_only = true });
}

/* Who is silently slow? The fused slots that "cpu" may leave to a composition, in any row and layout: none. */
Test(cpu, composes_nothing)
{
    skip_unless_isa();
    for (size_t i = 0; conformance_family(i) != NULL; i++) {
        conformance_options o = { .device = "cpu", .family = conformance_family(i), .threads = 1, .prims = true };
        conformance_summary sum = check(o);
        for (size_t k = 0; k < sum.n_slots; k++)
            cr_expect_eq(sum.slot[k].composed, 0, "%s was composed %llu times", sum.slot[k].name,
                         (unsigned long long)sum.slot[k].composed);
    }
}

/* ---- broken devices: copies of the reference with one slot replaced ---- */

static const socle_backend *good;
static socle_backend broken;

static float *element(socle_out v, int64_t at)
{
    return (float *)v->buffer + v->offset + at;
}

static int64_t last_place(socle_in v)
{
    int64_t at = 0;
    for (int i = 0; i < v->ndim; i++) {
        bool block = i == 0 && v->lanes > 1;
        at += (block ? (v->dim[0] - 1) / SOCLE_LANES : v->dim[i] - 1) * v->stride[i];
    }
    return v->ndim > 0 && v->lanes > 1 ? at + (v->dim[0] - 1) % SOCLE_LANES : at;
}

static socle_status wrong_last(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c)
{
    socle_status s = good->unary(self, op, y, x, a, b, c);
    *element(y, last_place(y)) *= 1.00001f;
    return s;
}

static socle_status writes_past_the_end(void *self, socle_unary op, socle_out y, socle_in x, float a, float b,
                                        float c)
{
    socle_status s = good->unary(self, op, y, x, a, b, c);
    *element(y, last_place(y) + (y->lanes > 1 ? 16 : 1)) = 0;
    return s;
}

static socle_status writes_before_the_start(void *self, socle_unary op, socle_out y, socle_in x, float a, float b,
                                            float c)
{
    socle_status s = good->unary(self, op, y, x, a, b, c);
    *element(y, -1) = 0;
    return s;
}

static socle_status writes_a_gap(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c)
{
    socle_status s = good->unary(self, op, y, x, a, b, c);
    if (y->lanes == 1 && y->ndim == 1 && y->stride[0] == 2)
        *element(y, 1) = 0;
    return s;
}

static socle_status leaves_one_out(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c)
{
    float *last = element(y, last_place(y)), before = *last;
    socle_status s = good->unary(self, op, y, x, a, b, c);
    *last = before;
    return s;
}

static socle_status writes_its_input(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c)
{
    socle_status s = good->unary(self, op, y, x, a, b, c);
    if (y->buffer != x->buffer)
        *element(x, 0) += 1;
    return s;
}

static socle_status forgets_aliasing(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c)
{
    if (y->buffer == x->buffer)
        good->fill(self, y, 0);
    return good->unary(self, op, y, x, a, b, c);
}

/* Adds over whole blocks of images. */
static socle_status reads_pad_lanes(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes)
{
    socle_view whole = *x;
    if (x->lanes > 1 && (axes & 1))
        whole.dim[0] = (x->dim[0] + SOCLE_LANES - 1) / SOCLE_LANES * SOCLE_LANES;
    return good->reduce(self, op, y, &whole, axes);
}

/* Takes a strided operand for a dense one. */
static socle_status ignores_strides(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes)
{
    socle_view dense = *x;
    if (x->lanes == 1 && x->ndim == 2) {
        dense.stride[1] = 1;
        dense.stride[0] = x->dim[1];
    }
    return good->reduce(self, op, y, &dense, axes);
}

static socle_status reads_c_at_beta_0(void *self, socle_out c, socle_in a, socle_in b, float alpha, float beta)
{
    float before = *element(c, 0);
    socle_status s = good->gemm(self, c, a, b, alpha, beta);
    *element(c, 0) += before * 0;
    return s;
}

static socle_status refuses_too_late(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x,
                                     socle_in w, socle_in bias)
{
    good->conv(self, p, e, y, x, w, bias);
    return SOCLE_ERR_UNSUPPORTED;
}

static socle_status refuses(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                            socle_in bias)
{
    return p->groups > 1 ? SOCLE_ERR_UNSUPPORTED : good->conv(self, p, e, y, x, w, bias);
}

static socle_status refuses_what_is_required(void *self, socle_out y, double value)
{
    (void)self;
    (void)y;
    (void)value;
    return SOCLE_ERR_UNSUPPORTED;
}

static socle_status drops_a_tap(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x,
                                socle_in w, socle_in bias)
{
    socle_status s = good->conv(self, p, e, y, x, w, bias);
    if (e == SOCLE_EPILOGUE_NONE && p->dilation[0] > 1)
        *element(y, 0) -= *element(w, 0) * *element(x, 0);
    return s;
}

static socle_status adds_too_much(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes)
{
    socle_status s = good->reduce(self, op, y, x, axes);
    if (op == SOCLE_REDUCE_SUM)
        *element(y, 0) += 1;
    return s;
}

static int threads_of_self[4] = { 0, 1, 2, 3 };

static socle_status open_threaded(int index, const socle_device_desc *o, void **self)
{
    (void)index;
    *self = &threads_of_self[o->threads & 3];
    return SOCLE_OK;
}

static socle_status sums_by_threads(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes)
{
    socle_status s = good->reduce(self, op, y, x, axes);
    if (*(int *)self == 3) /* one ulp: far below any bound */
        *(uint32_t *)(void *)element(y, 0) ^= 1;
    return s;
}

typedef struct search {
    const char *words;
    int found;
} search;

static void look_for(void *user, const conformance_result *r)
{
    search *look = user;
    look->found += r->verdict == CONFORMANCE_FAIL && strstr(r->text, look->words) != NULL;
}

static int run_broken(conformance_options o, search *look, conformance_summary *sum)
{
    broken.name = "broken";
    cr_assert_eq(socle_backend_register(&broken), SOCLE_OK, "%s", socle_error());
    o.device = "broken";
    o.threads = o.threads ? o.threads : 1;
    int failed = conformance_run(&o, look_for, look, sum);
    cr_assert(failed >= 0, "%s", socle_error());
    return failed;
}

/* It is not enough that something fails: the check in question must say so. */
static void expect_found(conformance_options o, const char *words)
{
    search look = { .words = words };
    int failed = run_broken(o, &look, NULL);
    cr_assert_gt(look.found, 0, "%d failures, none of which says \"%s\"", failed, words);
}

static void expect_clean(conformance_options o, conformance_summary *sum)
{
    search look = { .words = "" };
    cr_assert_eq(run_broken(o, &look, sum), 0);
}

static void copy_reference(void)
{
    socle_device *d = open_device("ref", 1);
    good = socle_device_backend(d);
    broken = *good;
    socle_device_close(d);
}

TestSuite(broken, .init = copy_reference);

Test(broken, nothing_is_found_in_an_unchanged_copy)
{
    expect_clean((conformance_options){ .family = "reduce", .row = "sum" }, NULL);
}

static const conformance_options relu = { .family = "elementwise", .row = "relu" };

Test(broken, a_slightly_wrong_element_is_found)
{
    broken.unary = wrong_last;
    expect_found(relu, "off by");
}

Test(broken, a_write_past_the_end_is_found)
{
    broken.unary = writes_past_the_end;
    expect_found(relu, "past its end");
}

Test(broken, a_write_before_the_start_is_found)
{
    broken.unary = writes_before_the_start;
    expect_found(relu, "before its first");
}

Test(broken, a_write_into_a_gap_is_found)
{
    broken.unary = writes_a_gap;
    expect_found(relu, "a gap at");
}

Test(broken, an_unwritten_element_is_found)
{
    broken.unary = leaves_one_out;
    expect_found(relu, "not written");
}

Test(broken, a_write_to_an_input_is_found)
{
    broken.unary = writes_its_input;
    expect_found(relu, "x: an element");
}

Test(broken, a_kernel_that_cannot_work_in_place_is_found)
{
    broken.unary = forgets_aliasing;
    expect_found(relu, "off by");
}

Test(broken, a_sum_over_pad_lanes_is_found)
{
    broken.reduce = reads_pad_lanes;
    expect_found((conformance_options){ .family = "reduce" }, "made from what lies around");
}

Test(broken, a_sum_that_ignores_strides_is_found)
{
    broken.reduce = ignores_strides;
    expect_found((conformance_options){ .family = "reduce" }, "instead of");
}

Test(broken, a_product_that_reads_c_at_beta_0_is_found)
{
    broken.gemm = reads_c_at_beta_0;
    expect_found((conformance_options){ .family = "gemm" }, "made from what lies around");
}

Test(broken, a_missing_term_of_a_convolution_is_found)
{
    broken.conv = drops_a_tap;
    expect_found((conformance_options){ .family = "conv", .row = "dilation 2 one image" }, "off by");
}

Test(broken, a_refusal_after_writing_is_found)
{
    broken.conv = refuses_too_late;
    expect_found((conformance_options){ .family = "conv", .row = "one image" }, "y: an element");
}

Test(broken, a_required_slot_may_not_refuse)
{
    broken.fill = refuses_what_is_required;
    expect_found((conformance_options){ .family = "elementwise", .row = "17" }, "not implemented");
}

Test(broken, results_that_depend_on_the_threads_are_found)
{
    broken.open = open_threaded;
    broken.reduce = sums_by_threads;
    expect_found((conformance_options){ .family = "reduce", .row = "sum", .threads = 3 }, "number of threads");
}

Test(broken, two_threads_of_a_good_device_agree)
{
    broken.open = open_threaded;
    expect_clean((conformance_options){ .family = "reduce", .row = "sum 5x17", .threads = 3 }, NULL);
}

Test(broken, refusals_and_missing_slots_are_counted_not_failed)
{
    conformance_summary sum;
    broken.conv = refuses;
    broken.conv_grad = NULL;
    expect_clean((conformance_options){ .family = "conv", .row = "group" }, &sum);
    for (size_t i = 0; i < sum.n_slots; i++) {
        if (strcmp(sum.slot[i].name, "conv") == 0)
            cr_assert(sum.slot[i].present && sum.slot[i].refused > 0);
        if (strcmp(sum.slot[i].name, "conv_grad") == 0)
            cr_assert(!sum.slot[i].present);
    }
}

Test(broken, an_unknown_family_is_an_error)
{
    conformance_options o = { .device = "ref", .family = "no such family" };
    cr_assert_eq(conformance_run(&o, NULL, NULL, NULL), -1);
}

/* ---- calls that are handed over to be timed ---- */

typedef struct handed {
    int calls, sums, small; /* small: of rows that are not worth timing */
} handed;

static bool all_but_argmin(void *user, const char *slot, const char *row)
{
    (void)user;
    return strcmp(slot, "argreduce") != 0 || strstr(row, "min") == NULL;
}

static socle_status take(void *user, const conformance_call *c)
{
    handed *h = user;
    cr_assert(all_but_argmin(NULL, c->slot, c->row), "%s %s was not wanted", c->slot, c->row);
    h->calls++;
    h->sums += strcmp(c->slot, "reduce") == 0 && strncmp(c->row, "sum ", 4) == 0;
    h->small += c->bytes < 10000;
    for (int i = 0; i < 3; i++)
        assert_ok(c->run(c->call));
    return SOCLE_OK;
}

static handed hand_over(bool all, const char *words, int *failures)
{
    handed h = { .calls = 0 };
    conformance_timing timing = { .all = all, .wanted = all_but_argmin, .time = take, .user = &h };
    search look = { .words = words };
    run_broken((conformance_options){ .family = "reduce", .timing = &timing }, &look, NULL);
    *failures = look.found;
    return h;
}

Test(broken, right_calls_are_handed_over)
{
    int failures;
    handed h = hand_over(false, "", &failures);
    cr_assert(h.calls > h.sums && h.sums > 0 && h.small == 0 && failures == 0);
}

Test(broken, every_row_is_handed_over_where_that_is_asked_for)
{
    int failures;
    handed h = hand_over(true, "", &failures);
    cr_assert(h.small > 0 && failures == 0);
}

Test(broken, wrong_calls_are_not_handed_over)
{
    int failures;
    broken.reduce = adds_too_much;
    handed h = hand_over(false, "off by", &failures);
    cr_assert(h.calls > 0 && h.sums == 0 && failures > 0);
}
