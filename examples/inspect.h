/* Looking inside a training: learning rates, initial weights, activations and pictures, for the examples. */
#ifndef EXAMPLES_INSPECT_H
#define EXAMPLES_INSPECT_H

#include <socle/socle.h>
#include "options.h"

/* f as name in --out; f is freed. */
socle_status write_figure(const options *o, socle_figure *f, const char *name);
/* The same with --plot, else printed as text. */
socle_status show_figure(const options *o, socle_figure *f, const char *name);

/* Tries learning rates, prints the curve and the suggestion, draws lr_find.png with --plot, and changes *lr to what is
 * suggested, if anything is. */
socle_status find_rate(const options *o, socle_learner *l, double *lr);

/* LSUV on the first batch of the training data. Prints the layers' statistics before and after. */
socle_status init_by_lsuv(const options *o, socle_learner *l, socle_lsuv_form form);

/* For every layer: mean and deviation at the end and the share that is dead, as a table. */
void print_activations(const socle_activations *a);

/* loss.png, metrics.png and, with `a`, activations.png, dead.png, stats.png. */
socle_status draw_training(const options *o, const socle_recorder *record, const socle_activations *a);

/* All hyper-parameters with a name, from now on. */
socle_status track_hypers(socle_recorder *record);
/* What each step had of them, of the first group of parameters: first those that stay the same, then a line a step. */
void print_hypers(const socle_recorder *record);
/* hypers.png of those that change. */
socle_status draw_hypers(const options *o, const socle_recorder *record);

/* confusion.png of the validation data, and images.png of the first of them, titled with what the model sees. */
socle_status draw_predictions(const options *o, socle_learner *l);

#endif
