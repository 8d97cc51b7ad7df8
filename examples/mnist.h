/* MNIST as fast.ai's courses use it: the first five sixths of the training images, 50,000, to train on, the rest,
 * 10,000, to validate with. */
#ifndef EXAMPLES_MNIST_H
#define EXAMPLES_MNIST_H

#include <socle/socle.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10 };

typedef struct mnist {
    size_t train, valid; /* images to train on, and behind them those to validate with */
    uint8_t *x;          /* (train + valid, 784): 0 is paper, 255 is ink */
    int32_t *y;          /* (train + valid): the digits */
} mnist;

/* The pair PART-images-idx3-ubyte(.gz) and PART-labels-idx1-ubyte(.gz) in dir, part "train" or "t10k": images of 28x28
 * pixels with their digits. Owned by the caller; NULL on failure. */
socle_dataset *mnist_files(const char *dir, const char *part);

/* The training images in dir. Free it with mnist_free, on failure too. */
socle_status mnist_read(mnist *m, const char *dir);
void mnist_free(mnist *m);

/* Images first .. first + n - 1 as numbers in [0, 1], x (n, 784), and their labels y (n). */
socle_batch mnist_images(const mnist *m, socle_ctx *c, size_t first, size_t n);

/* Training images shuffled in batches of o.batch, validation images in order at twice that; o.shuffle and o.train
 * are set by this. flat: x (n, 784), else (n, 1, 28, 28). NULL on failure. */
socle_data *mnist_data(const mnist *m, socle_device *d, bool flat, socle_loader_desc o);

#endif
