/* The rows of tests/cases that pass over memory rather than multiply: the conformance program (tests/prim) makes the calls,
 * judges each against the reference in double, and hands it over to be timed. Their measure is what a triad (a = b + s c) over
 * memory of as many bytes reaches in the same moments. Every operand counts, so a gradient that needs no look at some of them
 * gets beyond that. */
#include <stdio.h>
#include <string.h>

#include "conformance.h"
#include "harness.h"

/* The first word names a family that has a benchmark of its own, which counts products. */
static bool is_product(const char *text)
{
    static const char *const products[] = { "conv", "linear", "gemm" };
    const size_t length = strcspn(text, " ");
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++)
        if (strlen(products[i]) == length && strncmp(text, products[i], length) == 0)
            return true;
    return false;
}

static bool wanted(void *user, const char *slot, const char *row)
{
    return bench_wanted(user, slot, row);
}

static socle_status time_call(void *user, const conformance_call *c)
{
    bench b = *(const bench *)user;
    b.device = c->device;
    bench_task task = { .what = "", .run = c->run, .arg = c->call, .bytes = (double)c->bytes };
    double limit;
    socle_status s = bench_measure(&b, &task, 1, &limit);
    if (s == SOCLE_OK)
        bench_print_pass(&b, c->slot, c->row, &task, limit);
    return s;
}

static void complain_of(void *user, const conformance_result *r)
{
    (void)user;
    if (r->verdict == CONFORMANCE_FAIL)
        complain("%s %s: %s", r->slot, r->row, r->text);
}

int bench_rows(const bench *b, const char *spec)
{
    bench own = *b;
    conformance_timing timing = { .all = b->all, .wanted = wanted, .time = time_call, .user = &own };
    conformance_options o = { .device = spec, .threads = b->threads, .timing = &timing };
    int failed = 0;
    if (b->filter && is_product(b->filter))
        return 0; /* or all rows would be made only to be left out */
    for (size_t i = 0; (o.family = conformance_family(i)) != NULL; i++) {
        if (is_product(o.family))
            continue;
        int n = conformance_run(&o, complain_of, NULL, NULL);
        if (n < 0)
            complain("%s", socle_error());
        failed |= n != 0;
    }
    return failed;
}
