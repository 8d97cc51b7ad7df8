/* The command line that the examples share. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct options {
    const char *data;   /* folder of the data set */
    const char *device; /* NULL: the best there is */
    const char *model;
    const char *out;  /* folder for metrics.csv, or NULL */
    const char *save; /* file for the weights, or NULL */
    int threads;      /* 0: all cores */
    int workers;      /* threads that prepare batches */
    int epochs;
    size_t batch_size;
    double lr;
    uint64_t seed;
    bool norm_input, quiet, summary;
} options;

/* what: a sentence for --help. models: the names --model takes, NULL at the end. Prints the help and exits with
 * 0, or one sentence on stderr and exits with 2, where the command line says so. */
options options_parse(int argc, char **argv, const char *what, const char *const *models, options defaults);

/* Makes the folder of --out if it does not exist. *made: it did not. False, with a message, on failure. */
bool options_make_out(const options *o, bool *made);
/* "out/name"; owned by the caller (free). NULL without memory. */
char *options_out_path(const options *o, const char *name);

/* Prints "program: text" on stderr. */
void complain(const char *fmt, ...);

#endif
