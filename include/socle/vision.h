/* Image files: the IDX format of MNIST and its relatives. */
#ifndef SOCLE_VISION_H
#define SOCLE_VISION_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads an IDX file (http://yann.lecun.com/exdb/mnist), plain or gzip-compressed, of unsigned bytes. *data gets numel
 * bytes, owned by the caller (socle_idx_free). ERR_IO: cannot be read (missing, truncated gzip stream ...); ERR_FORMAT:
 * wrong magic, another element type, more than 4 dimensions, fewer or more bytes than the header says. Messages name the
 * file. Outputs are untouched on failure. */
SOCLE_API socle_status socle_idx_read(const char *path, socle_shape *shape, uint8_t **data);
SOCLE_API void socle_idx_free(uint8_t *data);

/* Images (N, H, W) and labels (N) of IDX files as a dataset: x U8 (1, H, W), y I32 scalar. Either path may end in .gz or
 * not: what exists is taken. classes > 0: labels outside [0, classes) are ERR_FORMAT, naming the label and its place. */
SOCLE_API socle_dataset *socle_dataset_idx(const char *images, const char *labels, int classes);

/* The four files of MNIST or Fashion-MNIST in dir: train-images-idx3-ubyte(.gz), ... The 60,000 training images shuffled
 * in batches of o.batch, the 10,000 test images in order at twice that. o.shuffle and o.train are set by this. A missing
 * file's message says where the data is found. */
SOCLE_API socle_data *socle_data_mnist(socle_device *d, const char *dir, socle_loader_desc o);
SOCLE_API socle_data *socle_data_fashion_mnist(socle_device *d, const char *dir, socle_loader_desc o);

#ifdef __cplusplus
}
#endif
#endif
