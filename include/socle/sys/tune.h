/* The kernels a device chooses from: which there are, whether they work here, and which are the fastest here. For tools
 * (socle tune, socle selftest); it may change in any minor release.
 *
 * A backend that has several ways to do one thing calls each a variant of a family: of "gemm", "clblast" or "cpu_14x32".
 * One that fails on a device is put aside there, and the next best does the work. What is found out is kept beside the
 * device's compiled programs, for this device and driver. */
#ifndef SOCLE_SYS_TUNE_H
#define SOCLE_SYS_TUNE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct socle_variant {
    const char *family, *name;
    bool aside;
    char reason[256]; /* why, on one line; "" if it is not aside */
} socle_variant;
typedef void (*socle_variant_report)(void *user, const socle_variant *v);

/* Reports every variant that d may use, each family in its order of preference; none where there is no choice. check: runs
 * each first on small cases and puts aside, for later runs too, what disagrees with the definition. One that was put aside
 * earlier is tried again and comes back if it agrees now. Waits, and may compile for seconds, if check. */
SOCLE_API socle_status socle_device_variants(socle_device *d, bool check, socle_variant_report fn, void *user);

typedef struct socle_tune_result {
    const char *family, *variant;
    const char *shape; /* "512x3136 of 4608": ends with the call of the report */
    double seconds;    /* of one call, the best seen */
    double rate;       /* floating-point operations a second */
    bool was, is;      /* what such shapes used before, and use from now on */
} socle_tune_result;
typedef void (*socle_tune_report)(void *user, const socle_tune_result *r);

/* Times the variants on the shapes that matter in training, reports each (fn may be NULL), and uses the winners from now
 * on, in this process and in later ones. The choice made without tuning stays unless another is at least 5 % faster in
 * every round. Takes minutes and waits; results of later runs may differ in their last bits from earlier ones, as another kernel's
 * do. ERR_UNSUPPORTED where there is nothing to choose. */
SOCLE_API socle_status socle_device_tune(socle_device *d, socle_tune_report fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
