/* socle-bench: what the machine can do (peak), what of it each primitive reaches (prim), how fast data come in (load), and
 * what a training step of a whole network takes (train). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/parallel.h"
#include "harness.h"
#include "workloads.h"

static const char help[] =
    "socle-bench peak [--threads N] [--seconds S] [--json]\n"
    "    fp32 multiply-adds and memory bandwidth of this machine, for 1 to N threads\n"
    "socle-bench prim [--device SPEC] [--threads N] [--filter TEXT] [--all] [--seconds S] [--json]\n"
    "    the primitives on the rows of tests/cases, each checked against the reference and then timed: "
    "convolutions,\n"
    "    linear layers and matrix products in GFLOP/s, what passes over memory in GB/s; TEXT selects rows by\n"
    "    \"family name\"; --all: also rows too small to be worth timing\n"
    "socle-bench load [--data DIR] [--device SPEC] [--threads N] [--filter TEXT] [--seconds S] [--json]\n"
    "    the data pipeline: batches of the workloads' sizes from bytes in memory, with 0 to N workers, and, where "
    "DIR is\n"
    "    said, its train-*-ubyte IDX files; TEXT selects \"load 256x1x28x28\", ..., \"load files\"\n"
    "socle-bench train [WORKLOAD] [--batch-size N] [--device SPEC] [--threads N] [--seconds S] [--json]\n"
    "    a training step: time of its parts and of the whole, images a second, memory taken, "
    "kernels launched,\n"
    "    waits for the device, and the time to the first step; WORKLOAD is one of\n";

static const char options_help[] =
    "\n"
    "    --batch-size N images a step (default: the workload's)\n"
    "    --threads N    CPU threads (default: all cores this process may use)\n"
    "    --seconds S    time for each row, each line of peak, or the training (default: 0.5)\n"
    "    --json         one JSON object a line\n"
    "\n"
    "On a machine that others use too, spinning threads cost more than they give: set "
    "OMP_WAIT_POLICY=passive there.\n";

typedef struct arguments {
    const char *command, *workload, *device, *filter, *data;
    int threads, batch;
    double seconds;
    bool all, json;
} arguments;

static bool number(const char *option, const char *text, double lo, double hi, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    if (end != text && !*end && !errno && *out >= lo && *out <= hi)
        return true;
    complain("%s wants a number from %g to %g, not \"%s\"", option, lo, hi, text);
    return false;
}

static bool whole_number(const char *option, const char *text, double hi, int *out)
{
    double v;
    if (!number(option, text, 1, hi, &v))
        return false;
    if (v != floor(v)) {
        complain("%s wants a whole number, not \"%s\"", option, text);
        return false;
    }
    *out = (int)v;
    return true;
}

/* One option that has a value. */
static bool take(arguments *a, const char *option, const char *value)
{
    if (strcmp(option, "--seconds") == 0)
        return number(option, value, 0.001, 3600, &a->seconds);
    if (strcmp(option, "--threads") == 0)
        return whole_number(option, value, 1024, &a->threads);
    if (strcmp(option, "--batch-size") == 0)
        return whole_number(option, value, 1 << 20, &a->batch);
    const char **text = strcmp(option, "--device") == 0 ? &a->device
                        : strcmp(option, "--data") == 0 ? &a->data
                                                        : &a->filter;
    *text = value;
    return true;
}

static bool parse(int argc, char **argv, arguments *a)
{
    static const char *const commands[] = { "load", "peak", "prim", "train" };
    static const char *const with_value[] = { "--batch-size", "--data",    "--device",
                                              "--filter",     "--seconds", "--threads" };
    for (int i = 1; i < argc; i++) {
        bool known = false;
        if (strcmp(argv[i], "--json") == 0) {
            a->json = known = true;
        } else if (strcmp(argv[i], "--all") == 0) {
            a->all = known = true;
        } else if (argv[i][0] != '-' && !a->command) {
            a->command = argv[i];
            for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++)
                known |= strcmp(a->command, commands[c]) == 0;
        } else if (argv[i][0] != '-' && strcmp(a->command, "train") == 0 && !a->workload) {
            a->workload = argv[i];
            known = true;
        }
        for (size_t o = 0; o < sizeof with_value / sizeof with_value[0] && !known; o++) {
            if (strcmp(argv[i], with_value[o]) != 0)
                continue;
            known = true;
            if (i + 1 == argc) {
                complain("%s wants a value", argv[i]);
                return false;
            }
            if (!take(a, argv[i], argv[i + 1]))
                return false;
            i++;
        }
        if (!known) {
            complain("\"%s\" is not known; try --help", argv[i]);
            return false;
        }
    }
    if (!a->command)
        complain("say what: peak, prim, load or train; try --help");
    return a->command;
}

static int load(bench b, const arguments *a)
{
    b.device = socle_device_open(a->device, (socle_device_desc){ .threads = b.threads });
    if (!b.device) {
        complain("%s", socle_error());
        return 1;
    }
    int failed = bench_load(&b, a->data);
    socle_device_close(b.device);
    return failed;
}

static int prim(bench b, const arguments *a)
{
    int heading = 0;
    b.heading = &heading;
    b.device = socle_device_open(a->device, (socle_device_desc){ .threads = b.threads });
    if (!b.device) {
        complain("%s", socle_error());
        return 1;
    }
    int failed = bench_conv(&b) | bench_linear(&b) | bench_gemm(&b);
    socle_device_close(b.device);
    return failed | bench_rows(&b, a->device);
}

static void print_help(void)
{
    fputs(help, stdout);
    const workload *w;
    for (size_t i = 0; (w = workload_at(i)); i++)
        printf("        %-15s %s%s\n", w->name, w->what, i == 0 ? " (default)" : "");
    fputs(options_help, stdout);
}

int main(int argc, char **argv)
{
    double started = bench_now();
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return 0;
        }
    arguments a = { .device = "cpu", .seconds = 0.5 };
    if (!parse(argc, argv, &a))
        return 2;
    int threads = a.threads ? a.threads : cpu_cores();
    if (strcmp(a.command, "peak") == 0)
        return bench_peak(threads, a.seconds, a.json);
    bench b = {
        .threads = threads, .seconds = a.seconds, .batch = a.batch, .filter = a.filter, .all = a.all, .json = a.json
    };
    if (strcmp(a.command, "prim") == 0)
        return prim(b, &a);
    if (strcmp(a.command, "load") == 0)
        return load(b, &a);
    return bench_train(b, a.device, a.workload, started);
}
