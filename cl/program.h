/* Kernels by name: sources embedded in the library, built on first use, kept in memory and on disk.
 *
 * A kernel is asked for by file, function and options. Options are what a source is specialised by ("-DT=float
 * -DINDEX=int"), so each combination is a program of its own, and only what is used is ever compiled. A program costs its
 * user a tenth of a second however small it is: what can be an argument at little cost is no option. */
#ifndef CL_PROGRAM_H
#define CL_PROGRAM_H

#include "device.h"

struct ocl_programs *ocl_programs_new(ocl_device *d);
void ocl_programs_free(struct ocl_programs *p);
/* Puts what was compiled on disk: when the device closes, because some drivers (PoCL) compile once more to answer what a
 * program's binary is, and that should not stand between a program's start and its first step. */
void ocl_programs_store(ocl_device *d);
/* Borrowed from d. NULL on failure, with the error raised: of a program that does not build, the compiler's first
 * complaint. Takes seconds the first time a program is built on a machine. Callers hold the lock. */
cl_kernel ocl_kernel(ocl_device *d, const char *file, const char *function, const char *options);

/* The embedded sources; generated. NULL where there is no such file. */
const char *ocl_source(const char *file);

/* ---- binary_cache.c ---- */
/* A program's binary as a file of SOCLE_CACHE_DIR (else XDG_CACHE_HOME/socle, else HOME/.cache/socle), named by a hash of
 * everything that made it. The file repeats the whole key, so a collision or a corrupt file is a miss. */
typedef struct ocl_key {
    const char *identity, *options;
    const char *const *sources;
    int n_sources;
} ocl_key;
/* *binary, owned by the caller (socle_mem_free), or NULL: not there, unreadable, corrupt, or made by another key. Fails
 * where memory does. */
socle_status ocl_cache_load(const ocl_key *k, unsigned char **binary, size_t *bytes);
/* Best effort: temporary file, then rename; silent when the folder cannot be written. Removes the oldest files when the
 * folder grows beyond its bound. */
void ocl_cache_store(const ocl_key *k, const unsigned char *binary, size_t bytes);

#endif
