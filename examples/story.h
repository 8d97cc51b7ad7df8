/* What the steps of a story leave behind: accuracies, a row of the closing table each, and pictures. */
#ifndef EXAMPLES_STORY_H
#define EXAMPLES_STORY_H

#include <socle/socle.h>
#include <stdio.h>
#include "options.h"

enum { STORY_ROWS = 16, STORY_POINTS = 64 };

typedef struct story_line {
    const char *method;
    int epochs, points;
    float accuracy[STORY_POINTS]; /* after each epoch */
    double seconds;
} story_line;

typedef struct story {
    const options *o;
    FILE *out; /* where it is told: stdout, or nowhere with --quiet */
    int rows;
    story_line row[STORY_ROWS + 1]; /* the last is the one that is growing */
    double started, train_loss;
} story;

/* s is zero but for o. False, with a message, where not even nowhere can be written to. */
bool story_begin(story *s);
void story_end(story *s);

/* Prints the step's title, and starts its clock. */
void story_step(story *s, const char *name, const char *what);
/* Adds an accuracy to the step's curve. */
void story_point(story *s, double accuracy);
/* Makes the points since the last row, the last of which is the result, a row of the table. Starts the clock again. */
void story_row(story *s, const char *method, int epochs);
/* Prints what the learner's metrics callback logs as the notebooks' table, and adds the accuracies of validation as
 * points. Of one metric. NULL is allowed. */
void story_watch(story *s, socle_learner *l);
/* Makes a row of what the fit came to, if it came to something, and frees the learner. Answers `fitted`. */
socle_status story_finish(story *s, const char *method, int epochs, socle_learner *l, socle_status fitted);
/* Shows a square of pixels as text and, with --out, as a picture there. */
socle_status story_image(story *s, const float *pixel, int side, const char *file);
/* Prints the table; with --out it is metrics.csv too, and accuracy.png shows the curves. */
socle_status story_table(const story *s);

#endif
