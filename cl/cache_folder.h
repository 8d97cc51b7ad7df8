/* The folder of what is kept between runs: SOCLE_CACHE_DIR, else XDG_CACHE_HOME/socle, else HOME/.cache/socle. */
#ifndef CL_CACHE_FOLDER_H
#define CL_CACHE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OCL_PATH = 1024, OCL_FILE = 64 /* of which the name of a file in the folder takes at most so much */ };

/* The folder, made if need be, in OCL_PATH bytes; false if there is none to be had. */
bool ocl_cache_folder(char *path);
/* The file of that name becomes these parts, one after the other, or stays as it was: a temporary file, then rename. Best
 * effort: silent when the folder cannot be written. */
typedef struct ocl_part {
    const void *data;
    size_t bytes;
} ocl_part;
void ocl_cache_replace(const char *folder, const char *name, int n, const ocl_part *parts);

#define OCL_HASH_START 14695981039346656037u
/* FNV-1a, 64 bits, going on from h. */
uint64_t ocl_hash(uint64_t h, const void *data, size_t bytes);

#endif
