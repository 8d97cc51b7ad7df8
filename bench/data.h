/* Values for the rows of a benchmark, and the comparison of results with the reference. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include <socle/sys/prim.h>

/* A tensor with its values on the host, row-major. */
typedef struct data {
    socle_tensor *tensor;
    float *host;
    size_t n;
} data;

/* Uniform in [-1, 1), the same on every machine; lanes as for socle_tensor_dense. False on failure, with the library's
 * error set; data_free what was made. */
bool data_random(data *out, socle_device *d, socle_shape s, int lanes, uint64_t seed);
/* The same memory without values: results. */
bool data_empty(data *out, socle_device *d, socle_shape s, int lanes);
/* A tensor of "ref" with given values, or without. */
socle_tensor *data_on(socle_device *ref, socle_shape s, const float *values);
/* Fetches the tensor's values. */
bool data_read(data *d);
void data_free(data *d, int n);

/* Images, or rows, [from, from + count) of dimension 0 of a shape: how many elements one has. */
size_t data_slice(socle_shape s);

/* Compares got with the reference's tensor; each element sums `length` products of values in [-1, 1). budget: as rows of
 * tests/cases have it, 0 = 4. False prints which element is off. */
bool data_agrees(const char *family, const char *name, const char *what, const float *got, const socle_tensor *want,
                 double length, double budget);

#endif
