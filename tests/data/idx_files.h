/* IDX files for the tests of their readers, in a fresh folder each. */
#ifndef IDX_FILES_H
#define IDX_FILES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static char idx_folder[64];

static inline void idx_folder_make(void)
{
    snprintf(idx_folder, sizeof idx_folder, "/tmp/socle-idx-XXXXXX");
    if (!mkdtemp(idx_folder))
        abort();
}

static inline void idx_folder_remove(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", idx_folder);
    if (system(command) != 0)
        abort();
}

static inline const char *idx_path(const char *name)
{
    static char path[4][160];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", idx_folder, name);
    return p;
}

static inline void write_file(const char *name, const void *data, size_t bytes)
{
    FILE *f = fopen(idx_path(name), "wb");
    if (!f || (bytes > 0 && fwrite(data, 1, bytes, f) != bytes) || fclose(f) != 0)
        abort();
}

static inline void write_gzip(const char *name, const void *data, size_t bytes)
{
    gzFile f = gzopen(idx_path(name), "wb");
    if (!f || gzwrite(f, data, (unsigned)bytes) != (int)bytes || gzclose(f) != Z_OK)
        abort();
}

static inline size_t file_size(const char *name)
{
    FILE *f = fopen(idx_path(name), "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        abort();
    long n = ftell(f);
    fclose(f);
    return (size_t)n;
}

static inline size_t read_file(const char *name, uint8_t *data, size_t cap)
{
    FILE *f = fopen(idx_path(name), "rb");
    size_t n = f ? fread(data, 1, cap, f) : 0;
    if (f)
        fclose(f);
    return n;
}

/* An IDX file in memory: header and elements; the element's value is its index mod 251. Returns its bytes. */
static inline size_t idx_bytes(uint8_t *to, int ndim, const uint32_t *dim)
{
    size_t n = 1, at = 0;
    to[at++] = 0;
    to[at++] = 0;
    to[at++] = 8;
    to[at++] = (uint8_t)ndim;
    for (int i = 0; i < ndim; i++) {
        for (int shift = 24; shift >= 0; shift -= 8)
            to[at++] = (uint8_t)(dim[i] >> shift);
        n *= dim[i];
    }
    for (size_t i = 0; i < n; i++)
        to[at++] = (uint8_t)(i % 251);
    return at;
}

#endif
