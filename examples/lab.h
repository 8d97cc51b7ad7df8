/* What the steps of mnist_3s_7s find ready: a device, the images, batches of them, initial weights. */
#ifndef EXAMPLES_LAB_H
#define EXAMPLES_LAB_H

#include <socle/socle.h>
#include "digits.h"
#include "options.h"
#include "story.h"

typedef struct lab {
    options o;
    story story;
    socle_device *device;
    digits train, valid;
    socle_data *data; /* batches of 256 in order, all threes first: x (n, 784) in [0, 1], y (n, 1): 1 is a three */
} lab;

typedef struct lab_step {
    const char *name, *what;
    socle_status (*run)(lab *l, socle_ctx *c); /* c is new, of --seed; what fails it fails the step */
} lab_step;

/* A program of n steps: runs those that the command line asks for. What main answers. */
int lab_main(int argc, char **argv, const char *what, const lab_step *steps, size_t n);

/* Batches of 64 images in random order, with classes: x (n, 1, 28, 28), y (n): 1 is a seven. Owned by the caller. */
socle_data *lab_images(const lab *l);
/* n images as one tensor (n, 28, 28) of numbers in [0, 1]; borrowed from c. */
socle_tensor *lab_stack(const lab *l, socle_ctx *c, const uint8_t *pixel, size_t n);
/* The image (28, 28) or (1, 28, 28), as text and in --out. */
socle_status lab_show(lab *l, socle_ctx *c, socle_tensor *image, const char *file);
/* net with the weights that --seed gives; NULL, with net freed, on failure. */
socle_module *lab_seeded(const lab *l, socle_module *net);
/* net with the parameters that --init holds one after the other, or as lab_seeded without it. */
socle_module *lab_initial(const lab *l, socle_module *net);

#endif
