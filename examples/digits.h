/* Threes and sevens: MNIST's, from its IDX files or from a folder of PNG images. */
#ifndef EXAMPLES_DIGITS_H
#define EXAMPLES_DIGITS_H

#include <socle/socle.h>
#include "mnist.h"

typedef struct digits {
    size_t threes, sevens;
    uint8_t *pixel; /* (threes + sevens, 28, 28): all threes, then all sevens; 0 is paper, 255 is ink */
} digits;

/* Of those to train on, or of those to validate with. dir holds MNIST's files (train-images-idx3-ubyte.gz ...; the test
 * images validate), or, as fast.ai's mnist_sample does, the folders train/3, train/7, valid/3 and valid/7 of 28x28 PNG
 * images. Within a digit the order is that of the images' names, byte by byte; image i of an IDX file counts as "i.png":
 * both ways the order is the same. Free it with digits_free, on failure too. */
socle_status digits_read(digits *d, const char *dir, bool valid);
void digits_free(digits *d);

/* As rows of numbers: x (784) in [0, 1], y (1): 1 for a three, 0 for a seven. Owned by the caller; NULL on failure. */
socle_dataset *digits_as_rows(const digits *d);
/* As images with a class: x (1, 28, 28) in [0, 1], y: 0 for a three, 1 for a seven. */
socle_dataset *digits_as_images(const digits *d);

#endif
