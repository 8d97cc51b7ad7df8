/* socle selftest: the conformance program (tests/prim/conformance.h) on the user's own device. */
#include "socle.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <socle/sys/tune.h>
#include "conformance.h"

enum { MOST_SHOWN = 5, /* failures per slot */ MOST_THREADS = 4 };

typedef struct seconds_of {
    const char *slot;
    double seconds;
    int shown;
} seconds_of;

/* What the report has seen so far. */
typedef struct progress {
    seconds_of slot[CONFORMANCE_MAX_SLOTS];
    size_t n;
    double last;   /* when the row before ended */
    bool terminal; /* stderr is one: show what is being tested */
} progress;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static seconds_of *find(progress *p, const char *slot)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->slot[i].slot, slot) == 0)
            return &p->slot[i];
    if (p->n < CONFORMANCE_MAX_SLOTS)
        p->slot[p->n++] = (seconds_of){ .slot = slot };
    return &p->slot[p->n - 1];
}

static void clear_line(const progress *p)
{
    if (p->terminal)
        fputs("\r\033[K", stderr);
}

static void report(void *user, const conformance_result *r)
{
    progress *p = user;
    seconds_of *s = find(p, r->slot);
    double t = now();
    s->seconds += t - p->last;
    p->last = t;
    clear_line(p);
    if (r->verdict == CONFORMANCE_FAIL && s->shown < MOST_SHOWN)
        printf("FAIL %s [%s]%s%s%s: %s\n", r->slot, r->row, r->layout[0] != '\0' ? " (" : "", r->layout,
               r->layout[0] != '\0' ? ")" : "", r->text);
    s->shown += r->verdict == CONFORMANCE_FAIL;
    if (p->terminal)
        fprintf(stderr, "%s %.60s", r->slot, r->row);
}

/* What the library has to say about this device: a kernel that was put aside, for one. */
static void note(void *user, socle_log_level level, const char *text)
{
    clear_line(user);
    if (level <= SOCLE_LOG_WARN)
        printf("note: %s\n", text);
}

static void print_table(const conformance_summary *sum, progress *p)
{
    printf("%-16s %5s  %-22s %9s %8s\n", "slot", "rows", "verdict", "worst", "seconds");
    for (size_t i = 0; i < sum->n_slots; i++) {
        const conformance_slot *s = &sum->slot[i];
        char verdict[40] = "PASS";
        if (s->failed > 0)
            snprintf(verdict, sizeof verdict, "FAIL (%d)", s->failed);
        else if (!s->present)
            snprintf(verdict, sizeof verdict, "composed");
        else if (s->refused > 0)
            snprintf(verdict, sizeof verdict, "PASS, composed in %d", s->refused);
        printf("%-16s %5d  %-22s %9.3g %8.2f\n", s->name, s->rows, verdict, s->worst, find(p, s->name)->seconds);
    }
    puts("worst: the largest error, in units of what is allowed (1)");
}

static bool known_family(const char *name)
{
    char all[256] = "";
    const char *family;
    for (size_t i = 0; (family = conformance_family(i)) != NULL; i++) {
        if (strcmp(family, name) == 0)
            return true;
        size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s", i > 0 ? ", " : "", family);
    }
    complain("selftest: there is no family \"%s\", only %s", name, all);
    return false;
}

typedef struct variants {
    int used, aside;
} variants;

static void report_variant(void *user, const socle_variant *v)
{
    variants *n = user;
    n->used += !v->aside;
    n->aside += v->aside;
    printf("%-8s %-12s %s%s\n", v->family, v->name, v->aside ? "put aside: " : "agrees", v->reason);
}

/* Tries every kernel the device chooses from, not only those that the rows below lead to; what disagrees is put aside, and
 * is no failure: the next one does its work. The exit code. */
static int test_variants(const conformance_options *o)
{
    variants n = { 0 };
    socle_device *device = socle_device_open(o->device, (socle_device_desc){ 0 });
    if (device == NULL || socle_device_variants(device, true, report_variant, &n) != SOCLE_OK) {
        int code = complain_error();
        socle_device_close(device);
        return code;
    }
    if (n.used + n.aside > 0)
        printf("%d kernels to choose from, %d put aside\n\n", n.used + n.aside, n.aside);
    socle_device_close(device);
    return DONE;
}

/* Where the conformance program cannot go on (the device is lost) it says so and aborts: that is a failed test, no
 * crash of this program. */
static void aborted(int signal_number)
{
    (void)signal_number;
    _exit(FAILED);
}

int cmd_selftest(int argc, char **argv)
{
    conformance_options o = { 0 };
    bool long_run = false;
    const option_slot slots[] = {
        { .name = "--device", .text = &o.device },
        { .name = "--family", .text = &o.family },
        { .name = "--threads", .number = &o.threads, .most = MOST_THREADS },
        { .name = "--long", .given = &long_run },
    };
    if (!options_take("selftest", argc, argv, slots, sizeof slots / sizeof slots[0]))
        return BAD_USAGE;
    if (o.family != NULL && !known_family(o.family))
        return BAD_USAGE;
    o.small = o.quick = !long_run;
    if (o.threads == 0)
        o.threads = long_run ? 3 : 1;
    progress p = { .terminal = isatty(STDERR_FILENO) };
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getenv("SOCLE_LOG") == NULL) /* else the library prints, and more */
        socle_set_log(note, &p);
    /* kernels for the shapes of tests are not kept: the folder is bounded, and they would push out those of real programs */
    (void)setenv("SOCLE_CACHE_DIR", "", 1);
    signal(SIGABRT, aborted);
    double start = p.last = now();
    int code = o.family == NULL ? test_variants(&o) : DONE;
    if (code != DONE)
        return code;
    p.last = now();
    conformance_summary sum;
    int failed = conformance_run(&o, report, &p, &sum);
    clear_line(&p);
    socle_set_log(NULL, NULL);
    if (failed < 0)
        return complain_error();
    print_table(&sum, &p);
    printf("%s: %s: %d rows of %zu slots, %d calls, %d failures, %.1f s\n", failed == 0 ? "PASS" : "FAIL",
           sum.device, sum.rows, sum.n_slots, sum.calls, failed, now() - start);
    return failed == 0 ? DONE : FAILED;
}
