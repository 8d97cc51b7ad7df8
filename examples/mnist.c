#include "mnist.h"

#include <stdio.h>
#include <stdlib.h>

socle_dataset *mnist_files(const char *dir, const char *part)
{
    char pixels[4096], labels[4096];
    snprintf(pixels, sizeof pixels, "%s/%s-images-idx3-ubyte", dir, part);
    snprintf(labels, sizeof labels, "%s/%s-labels-idx1-ubyte", dir, part);
    socle_dataset *all = socle_dataset_idx(pixels, labels, CLASSES);
    if (!all && socle_error_status() == SOCLE_ERR_IO)
        (void)socle_fail(SOCLE_ERR_IO, "%s; scripts/get-data mnist fetches MNIST", socle_error());
    if (!all)
        return NULL;
    const socle_shape image = socle_dataset_desc_of(all).x_shape;
    if (socle_shape_equal(image, socle_shape3(1, SIDE, SIDE)))
        return all;
    (void)socle_fail(SOCLE_ERR_SHAPE, "%s: images of %lldx%lld pixels, not %dx%d", pixels, (long long)image.dim[1],
                     (long long)image.dim[2], SIDE, SIDE);
    socle_dataset_free(all);
    return NULL;
}

socle_status mnist_read(mnist *m, const char *dir)
{
    *m = (mnist){ 0 };
    socle_dataset *all = mnist_files(dir, "train");
    if (!all)
        return socle_error_status();
    size_t n = socle_dataset_desc_of(all).length;
    m->x = malloc(n * PIXELS + 1);
    m->y = malloc(n * sizeof *m->y + 1);
    socle_status s = m->x && m->y ? SOCLE_OK : socle_fail(SOCLE_ERR_NOMEM, "no memory for %zu images", n);
    for (size_t i = 0; i < n && s == SOCLE_OK; i++)
        s = socle_dataset_get(all, i, m->x + i * PIXELS, m->y + i);
    m->train = n / 6 * 5 + n % 6 * 5 / 6;
    m->valid = n - m->train;
    socle_dataset_free(all);
    return s;
}

void mnist_free(mnist *m)
{
    free(m->x);
    free(m->y);
}

socle_batch mnist_images(const mnist *m, socle_ctx *c, size_t first, size_t n)
{
    socle_device *d = socle_ctx_device(c);
    socle_shape s = socle_shape2((int64_t)n, PIXELS), labels = socle_shape1((int64_t)n);
    socle_tensor *x = socle_tensor_from(d, SOCLE_U8, s, m->x + first * PIXELS);
    socle_tensor *y = socle_tensor_from(d, SOCLE_I32, labels, m->y + first);
    socle_batch b = { .x = socle_scale(c, socle_cast(c, x, socle_device_real(d)), 1.0 / 255, 0),
                      .y = socle_reshape(c, y, labels),
                      .size = n };
    socle_release(x);
    socle_release(y);
    return b;
}

static socle_loader *part(const mnist *m, size_t first, size_t n, socle_shape image, socle_device *d,
                          socle_loader_desc o)
{
    socle_dataset_desc desc = { .length = n, .x_type = SOCLE_U8, .x_shape = image, .y_type = SOCLE_I32 };
    return socle_loader_new(socle_dataset_from(m->x + first * PIXELS, m->y + first, desc), d, o);
}

socle_data *mnist_data(const mnist *m, socle_device *d, bool flat, socle_loader_desc o)
{
    socle_shape image = flat ? socle_shape1(PIXELS) : socle_shape3(1, SIDE, SIDE);
    o.shuffle = o.train = true;
    socle_loader *train = part(m, 0, m->train, image, d, o);
    if (!train)
        return NULL;
    o.shuffle = o.train = false;
    o.batch = 2 * (o.batch ? o.batch : 64);
    return socle_data_new(train, part(m, m->train, m->valid, image, d, o), 1, CLASSES, NULL);
}
