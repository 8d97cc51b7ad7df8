#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *program = "example";

void complain(const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, fmt, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

enum { BAD_USAGE = 2 };

static const struct option flags[] = {
    { "data", required_argument, NULL, 'd' },    { "device", required_argument, NULL, 'D' },
    { "threads", required_argument, NULL, 't' }, { "seed", required_argument, NULL, 's' },
    { "epochs", required_argument, NULL, 'e' },  { "batch-size", required_argument, NULL, 'b' },
    { "lr", required_argument, NULL, 'l' },      { "model", required_argument, NULL, 'm' },
    { "workers", required_argument, NULL, 'w' }, { "norm-input", no_argument, NULL, 'n' },
    { "out", required_argument, NULL, 'o' },     { "save", required_argument, NULL, 'S' },
    { "quiet", no_argument, NULL, 'q' },         { "summary", no_argument, NULL, 'u' },
    { "help", no_argument, NULL, 'h' },          { NULL, 0, NULL, 0 },
};

static void help(const char *what, const char *const *models, const options *o)
{
    printf("%s\n\nusage: %s [OPTION]...\n", what, program);
    printf("  --data DIR       folder of the data set (%s)\n", o->data);
    printf("  --device SPEC    cpu, ref, ref64, ... (the best there is; also the environment's SOCLE_DEVICE)\n");
    printf("  --threads N      CPU threads (all cores)\n");
    printf("  --workers N      further threads, which prepare batches (%d)\n", o->workers);
    printf("  --seed N         of weights and shuffling (%llu)\n", (unsigned long long)o->seed);
    printf("  --epochs N       passes over the training images (%d)\n", o->epochs);
    printf("  --batch-size N   images a step; evaluation takes twice as many (%zu)\n", o->batch_size);
    printf("  --lr X           learning rate (%g)\n", o->lr);
    printf("  --model NAME    ");
    for (; *models; models++)
        printf(" %s%s", *models, models[1] ? "," : "");
    printf(" (%s)\n", o->model);
    printf("  --norm-input     subtract the images' mean and divide by their standard deviation\n");
    printf("  --out DIR        write the table to DIR/metrics.csv\n");
    printf("  --save FILE      write the trained weights\n");
    printf("  --summary        print the network's layers first\n");
    printf("  --quiet          print one line at the end, nothing else\n");
    printf("  --help           this\n");
}

/* The whole of text as a number in [low, high], or the program ends. */
static unsigned long long whole_number(const char *flag, const char *text, unsigned long long low,
                                       unsigned long long high)
{
    char *end = NULL;
    errno = 0;
    unsigned long long v = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
    if (!end || *end || errno || v < low || v > high) {
        complain("--%s takes a whole number from %llu to %llu, not \"%s\"", flag, low, high, text);
        exit(BAD_USAGE);
    }
    return v;
}

static double positive_number(const char *flag, const char *text)
{
    char *end = NULL;
    double v = text[0] && !isspace((unsigned char)text[0]) ? strtod(text, &end) : 0;
    if (!end || *end || !isfinite(v) || v <= 0) {
        complain("--%s takes a number above 0, not \"%s\"", flag, text);
        exit(BAD_USAGE);
    }
    return v;
}

static const char *one_of(const char *flag, const char *text, const char *const *names)
{
    char all[256] = "";
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0)
            return names[i];
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
    }
    complain("--%s takes one of %s, not \"%s\"", flag, all, text);
    exit(BAD_USAGE);
}

/* One flag with its argument into o. False: it is none that sets anything. */
static bool set(options *o, int flag, const char *text, const char *const *models)
{
    switch (flag) {
    case 'd':
        o->data = text;
        return true;
    case 'D':
        o->device = text;
        return true;
    case 'o':
        o->out = text;
        return true;
    case 'S':
        o->save = text;
        return true;
    case 'm':
        o->model = one_of("model", text, models);
        return true;
    case 't':
        o->threads = (int)whole_number("threads", text, 1, 1024);
        return true;
    case 'w':
        o->workers = (int)whole_number("workers", text, 0, 256);
        return true;
    case 'e':
        o->epochs = (int)whole_number("epochs", text, 1, 1000000);
        return true;
    case 'b':
        o->batch_size = (size_t)whole_number("batch-size", text, 1, 1000000);
        return true;
    case 's':
        o->seed = whole_number("seed", text, 0, UINT64_MAX);
        return true;
    case 'l':
        o->lr = positive_number("lr", text);
        return true;
    case 'n':
        return o->norm_input = true;
    case 'q':
        return o->quiet = true;
    case 'u':
        return o->summary = true;
    default:
        return false;
    }
}

options options_parse(int argc, char **argv, const char *what, const char *const *models, options defaults)
{
    options o = defaults;
    const char *slash = strrchr(argv[0], '/');
    program = slash ? slash + 1 : argv[0];
    opterr = 0; /* the messages are ours */
    int found;
    while ((found = getopt_long(argc, argv, ":", flags, NULL)) != -1) {
        if (set(&o, found, optarg, models))
            continue;
        if (found == 'h') {
            help(what, models, &defaults);
            exit(0);
        }
        complain(found == ':' ? "%s needs a value (see --help)" : "unknown option %s (see --help)",
                 argv[optind - 1]);
        exit(BAD_USAGE);
    }
    if (optind < argc) {
        complain("unexpected argument \"%s\" (see --help)", argv[optind]);
        exit(BAD_USAGE);
    }
    return o;
}

bool options_make_out(const options *o, bool *made)
{
    *made = false;
    if (!o->out)
        return true;
    struct stat info;
    if (mkdir(o->out, 0777) == 0)
        *made = true;
    else if (errno != EEXIST)
        complain("%s: %s", o->out, strerror(errno));
    else if (stat(o->out, &info) != 0 || !S_ISDIR(info.st_mode))
        complain("%s: is not a folder", o->out);
    else
        return true;
    return *made;
}

char *options_out_path(const options *o, const char *name)
{
    size_t folder = strlen(o->out), file = strlen(name);
    char *path = malloc(folder + 1 + file + 1);
    if (path)
        snprintf(path, folder + 1 + file + 1, "%s/%s", o->out, name);
    return path;
}
