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

/* One line a flag: what follows it (NULL: nothing), who takes it (0: all), what it does. */
static const struct flag {
    const char *name, *argument;
    char letter;
    unsigned who;
    const char *what;
} flags[] = {
    { "data", "DIR", 'd', 0, "folder of the data set" },
    { "device", "SPEC", 'D', 0, "cpu, cl, ref, ... (the best there is; also the environment's SOCLE_DEVICE)" },
    { "threads", "N", 't', 0, "CPU threads (all cores)" },
    { "workers", "N", 'w', 0, "further threads, which prepare batches" },
    { "seed", "N", 's', 0, "of weights and shuffling" },
    { "seeds", "N", 'z', OPTION_SEEDS, "runs, each with the next seed" },
    { "epochs", "N", 'e', OPTION_TRAINING, "passes over the training images" },
    { "batch-size", "N", 'b', OPTION_TRAINING, "images a step; evaluation takes twice as many" },
    { "lr", "X", 'l', OPTION_TRAINING, "learning rate" },
    { "model", "NAME", 'm', OPTION_MODEL, "one of" },
    { "config", "NAME", 'c', OPTION_CONFIG, "one of" },
    { "recipe", "NAME", 'r', OPTION_RECIPE, "one of" },
    { "step", "NAME", 'E', OPTION_STEP, "one of" },
    { "init", "FILE", 'i', OPTION_INIT,
      "initial weights and bias of the linear layer: 32-bit floating-point numbers" },
    { "tta", NULL, 'T', OPTION_CHALLENGE, "evaluate mirrored images too, and the average of both" },
    { "per-batch", NULL, 'B', OPTION_CHALLENGE, "one draw of the augmentation for all images of a batch" },
    { "dry-run", NULL, 'y', OPTION_CHALLENGE,
      "print the hyper-parameters that every step would have, and do not train" },
    { "holdout", NULL, 'H', OPTION_CHALLENGE,
      "evaluate on the last sixth of the training images, which are not trained on" },
    { "norm-input", NULL, 'n', OPTION_NORM_INPUT,
      "subtract the images' mean and divide by their standard deviation" },
    { "lr-find", NULL, 'f', OPTION_INSPECT, "look for a learning rate first, and train with what is suggested" },
    { "lsuv", NULL, 'v', OPTION_INSPECT,
      "initial weights by LSUV: every layer's results of mean 0 and deviation 1" },
    { "stats", NULL, 'a', OPTION_INSPECT, "record every layer's activations, and print what they came to" },
    { "plot", NULL, 'p', OPTION_INSPECT | OPTION_CHALLENGE, "draw what was recorded into --out (or here), as PNG" },
    { "plot", "DIR", 'P', OPTION_PLOT_DIR, "draw the pictures into DIR, as PNG, not as text" },
    { "out", "DIR", 'o', 0, "write the table to DIR/metrics.csv" },
    { "save", "FILE", 'S', OPTION_SAVE, "write the trained weights" },
    { "summary", NULL, 'u', OPTION_SUMMARY, "print the network's layers first" },
    { "quiet", NULL, 'q', 0, "print what a run came to in the end, nothing else" },
    { "help", NULL, 'h', 0, "this" },
};
enum { FLAGS = sizeof flags / sizeof flags[0] };

/* The value that a flag has without being given, in brackets; "" for none. */
static void print_default(char letter, const options *o)
{
    switch (letter) {
    case 'd':
        printf(" (%s)", o->data);
        break;
    case 'w':
        printf(" (%d)", o->workers);
        break;
    case 's':
        printf(" (%llu)", (unsigned long long)o->seed);
        break;
    case 'z':
        printf(" (%d)", o->seeds);
        break;
    case 'e':
        o->epochs ? printf(" (%d)", o->epochs) : printf(" (the configuration's)");
        break;
    case 'b':
        o->batch_size ? printf(" (%zu)", o->batch_size) : printf(" (the configuration's)");
        break;
    case 'l':
        o->lr > 0 ? printf(" (%g)", o->lr) : printf(" (the configuration's)");
        break;
    case 'm':
    case 'c':
    case 'r':
    case 'E':
        printf(" (%s)", o->model);
        break;
    default:
        break;
    }
}

/* --plot DIR belongs to programs that tell a story, which have no table to write and do not keep quiet. */
static bool is_taken(const struct flag *f, unsigned takes)
{
    return (!f->who || (f->who & takes)) && !((takes & OPTION_PLOT_DIR) && strchr("oq", f->letter));
}

static bool names_models(int letter)
{
    return letter == 'm' || letter == 'c' || letter == 'r' || letter == 'E';
}

static void help(const char *what, unsigned takes, const char *const *models, const options *o)
{
    printf("%s\n\nusage: %s [OPTION]...\n", what, program);
    for (int i = 0; i < FLAGS; i++) {
        const struct flag *f = &flags[i];
        if (!is_taken(f, takes))
            continue;
        char left[32];
        snprintf(left, sizeof left, "--%s%s%s", f->name, f->argument ? " " : "", f->argument ? f->argument : "");
        printf("  %-16s %s", left, f->what);
        for (int k = 0; names_models(f->letter) && models[k]; k++)
            printf("%s %s", k ? "," : "", models[k]);
        print_default(f->letter, o);
        putchar('\n');
    }
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
    char all[512] = "";
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0)
            return names[i];
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
    }
    complain("--%s takes one of %s, not \"%s\"", flag, all, text);
    exit(BAD_USAGE);
}

static const char *name_of(int letter)
{
    int i = 0;
    while (flags[i].letter != letter)
        i++;
    return flags[i].name;
}

/* A flag that stands alone. False: it is none. */
static bool set_switch(options *o, int flag)
{
    switch (flag) {
    case 'H':
        return o->holdout = true;
    case 'T':
        return o->tta = true;
    case 'B':
        return o->per_batch = true;
    case 'y':
        return o->dry_run = true;
    case 'n':
        return o->norm_input = true;
    case 'q':
        return o->quiet = true;
    case 'u':
        return o->summary = true;
    case 'f':
        return o->lr_find = true;
    case 'v':
        return o->lsuv = true;
    case 'a':
        return o->stats = true;
    case 'p':
        return o->plot = true;
    default:
        return false;
    }
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
    case 'P':
        o->out = text;
        return o->plot = true;
    case 'S':
        o->save = text;
        return true;
    case 'i':
        o->init = text;
        return true;
    case 'm':
    case 'c':
    case 'r':
    case 'E':
        o->model = one_of(name_of(flag), text, models);
        return true;
    case 'z':
        o->seeds = (int)whole_number("seeds", text, 1, 1000);
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
    default:
        return set_switch(o, flag);
    }
}

options options_parse(int argc, char **argv, const char *what, unsigned takes, const char *const *models,
                      options defaults)
{
    options o = defaults;
    const char *slash = strrchr(argv[0], '/');
    program = slash ? slash + 1 : argv[0];
    opterr = 0; /* the messages are ours */
    struct option list[FLAGS + 1];
    int n = 0;
    for (int i = 0; i < FLAGS; i++)
        if (is_taken(&flags[i], takes))
            list[n++] = (struct option){ flags[i].name, flags[i].argument ? required_argument : no_argument, NULL,
                                         flags[i].letter };
    list[n] = (struct option){ NULL, 0, NULL, 0 };
    int found;
    while ((found = getopt_long(argc, argv, ":", list, NULL)) != -1) {
        if (set(&o, found, optarg, models))
            continue;
        if (found == 'h') {
            help(what, takes, models, &defaults);
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
    const char *folder = o->out ? o->out : ".";
    size_t length = strlen(folder) + 1 + strlen(name) + 1;
    char *path = malloc(length);
    if (path)
        snprintf(path, length, "%s/%s", folder, name);
    return path;
}
