/* The command line that the examples share. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Flags that only some programs take. */
enum {
    OPTION_MODEL = 1,       /* --model */
    OPTION_CONFIG = 2,      /* --config */
    OPTION_TRAINING = 4,    /* --epochs, --batch-size, --lr: those of the program's own choice otherwise */
    OPTION_NORM_INPUT = 8,  /* --norm-input */
    OPTION_SAVE = 16,       /* --save */
    OPTION_SUMMARY = 32,    /* --summary */
    OPTION_INSPECT = 64,    /* --lr-find, --lsuv, --stats, --plot */
    OPTION_SEEDS = 128,     /* --seeds */
    OPTION_RECIPE = 256,    /* --recipe */
    OPTION_CHALLENGE = 512, /* --holdout, --tta, --per-batch, --dry-run, --plot */
    OPTION_STEP = 1024,     /* --step */
    OPTION_INIT = 2048,     /* --init */
    OPTION_PLOT_DIR = 4096  /* --plot DIR, not with OPTION_INSPECT */
};

typedef struct options {
    const char *data;   /* folder of the data set */
    const char *device; /* NULL: the best there is */
    const char *model;  /* of --model, --config, --recipe or --step */
    const char *out;    /* folder for metrics.csv and pictures, or NULL */
    const char *save;   /* file for the weights, or NULL */
    const char *init;   /* file with initial weights, or NULL */
    int threads;        /* 0: all cores */
    int workers;        /* threads that prepare batches */
    int epochs;         /* 0, and 0 for the next two: the program's own */
    size_t batch_size;
    double lr;
    uint64_t seed;
    int seeds; /* runs, of seed, seed + 1, ... */
    bool norm_input, quiet, summary;
    bool lr_find, lsuv, stats, plot, holdout, tta, per_batch, dry_run;
} options;

/* what: a sentence for --help. takes: bits from above. models: the names --model and the like take, NULL at the end.
 * Prints the help and exits with 0, or one sentence on stderr and exits with 2, where the command line says so. */
options options_parse(int argc, char **argv, const char *what, unsigned takes, const char *const *models,
                      options defaults);

/* Makes the folder of --out if it does not exist. *made: it did not. False, with a message, on failure. */
bool options_make_out(const options *o, bool *made);
/* "out/name", "name" without --out; owned by the caller (free). NULL without memory. */
char *options_out_path(const options *o, const char *name);

/* Prints "program: text" on stderr. */
void complain(const char *fmt, ...);

#endif
