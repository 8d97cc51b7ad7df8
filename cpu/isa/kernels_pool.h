/* Pooling of one channel of one block of 16 images. */
#ifndef CPU_KERNELS_POOL_H
#define CPU_KERNELS_POOL_H

#include <socle/sys/backend.h>

/* One output row's or column's window: pixels from .. to - 1 of the image, and how many the average counts. */
typedef struct cpu_window {
    int32_t from, to, counted;
} cpu_window;

/* A pixel is 16 neighbouring floats; rows and columns have any strides, in elements. */
typedef struct cpu_pool_block {
    const cpu_window *rows, *cols; /* (ho), (wo) */
    int32_t height, width, ho, wo;
    const float *x; /* forward: (height, width) */
    float *y;       /* forward: (ho, wo) */
    float *dx;      /* backward: (height, width), overwritten, or with add added to */
    const float *dy;
    bool add;
    int32_t *index;                 /* of max: (ho, wo), h width + w; forward: may be NULL */
    int64_t xh, xw, yh, yw, ih, iw; /* strides of x or dx, of y or dy, of index */
} cpu_pool_block;

struct cpu_pool_kernels {
    void (*max)(const cpu_pool_block *p);
    void (*average)(const cpu_pool_block *p);
    void (*max_grad)(const cpu_pool_block *p);
    void (*average_grad)(const cpu_pool_block *p);
};

#endif
