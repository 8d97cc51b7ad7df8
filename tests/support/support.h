/* What the Criterion suites share: tensors from literals, tensors as doubles, budgets, comparison, deterministic random
 * values, and the fixture files that tests/golden makes.
 *
 * Helpers that return something cannot fail: they print one line to stderr and abort, which Criterion reports as a crash
 * of that test. Memory they return is the C library's (free), so that it does not disturb the library's block counts. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdlib.h>
#include <socle/sys/prim.h>

/* ---- devices and tensors ---- */

/* The device that a suite is to run on, where the environment's SOCLE_TEST_DEVICE names one; else the usual. */
const char *test_device(const char *usual);
/* threads 0: the default. */
socle_device *open_device(const char *spec, int threads);
/* New owned tensor from row-major values; real values into an integer dtype must be whole. */
socle_tensor *tensor_of(socle_device *d, socle_dtype t, socle_shape s, const double *values);
/* The same in a memory format: lanes 1 or SOCLE_LANES. */
socle_tensor *tensor_lanes(socle_device *d, socle_dtype t, socle_shape s, int lanes, const double *values);
/* Uniform in [lo, hi) from fill_random(seed). */
socle_tensor *tensor_random(socle_device *d, socle_dtype t, socle_shape s, uint64_t seed, double lo, double hi);
/* Any dtype, row-major, numel doubles (at least one allocated). Waits for the device. free() it. */
double *values_of(const socle_tensor *t);
/* n elements of any dtype from doubles and to doubles. */
void doubles_to(socle_dtype t, void *out, const double *values, size_t n);
void doubles_from(socle_dtype t, double *out, const void *data, size_t n);
size_t shape_count(socle_shape s);

/* Uniform in [lo, hi); integer bounds and fill_whole give integers in [lo, hi]. The same seed gives the same values on
 * every machine. */
void fill_random(double *out, size_t n, uint64_t seed, double lo, double hi);
void fill_whole(double *out, size_t n, uint64_t seed, int lo, int hi);

/* ---- budgets and comparison ---- */

/* |got - want| <= absolute + relative |want|; NaN equals NaN only, an infinity itself only. */
typedef struct budget {
    double relative, absolute;
} budget;
double eps_of(socle_dtype t); /* 2^-23, 2^-52; 0 for integers */
/* The rounding error of a sum of `length` terms as large as `scale`, computed in t: 4 eps sqrt(length) scale, and four
 * roundings of the result. Where a test needs more it says why. */
budget budget_sum(socle_dtype t, double length, double scale);
/* `roundings` operations on the value itself. */
budget budget_roundings(socle_dtype t, double roundings);
extern const budget budget_exact;

/* False: support_message() names the first value that differs. `want` holds n values; n must be the tensor's size. */
bool values_close(const double *got, const double *want, size_t n, budget b);
bool tensor_close(const socle_tensor *t, const double *want, size_t n, budget b);
/* Same shape, same values bit for bit (through socle_read: memory formats may differ). */
bool tensors_identical(const socle_tensor *a, const socle_tensor *b);
const char *support_message(void);

/* For Criterion programs, which include <criterion/criterion.h> themselves. */
#define assert_close(tensor, want, n, budget)                                                                      \
    cr_assert(tensor_close(tensor, want, n, budget), "%s", support_message())
#define assert_values(values, want, n, budget)                                                                     \
    cr_assert(values_close(values, want, n, budget), "%s", support_message())
#define assert_identical(a, b) cr_assert(tensors_identical(a, b), "%s", support_message())
#define assert_ok(call)        cr_assert((call) == SOCLE_OK, "%s: %s", #call, socle_error())
/* Blocks that were not live before (socle_test_live_blocks) end the process. For .fini functions: Criterion does not
 * count the assertions that fail there, a process that dies it does. */
void assert_no_leak(int64_t live_before);

/* ---- fixtures: named arrays in one file under tests/golden ----
 *
 * Little-endian: the 8 bytes "SOCLEFX1", uint32 entries, then for each entry
 *     uint32 length of name, name (no terminator), uint32 dtype (socle_dtype: f32 0, f64 2, i32 3, u8 4), uint32 ndim,
 *     int64 dim[ndim], the elements, row-major. */
typedef struct fixture fixture;
typedef struct fixture_entry {
    char *name;
    socle_dtype dtype;
    socle_shape shape;
    size_t n;
    void *data;
} fixture_entry;
fixture *fixture_open(const char *file); /* "conv.fix": tests/golden/conv.fix */
void fixture_free(fixture *f);
bool fixture_has(const fixture *f, const char *name);
const fixture_entry *fixture_get(const fixture *f, const char *name); /* aborts where there is none */
double *fixture_values(const fixture *f, const char *name);           /* as doubles; free() it */
/* New owned tensor; F32 and F64 entries become the device's real type. */
socle_tensor *fixture_tensor(const fixture *f, socle_device *d, const char *name);

#endif
