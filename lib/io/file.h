/* Files that appear whole or not at all: written under a temporary name beside their own, then renamed. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stdio.h>
#include <socle/base.h>

typedef struct out_file {
    FILE *stream;
    const char *path; /* borrowed */
    char *temporary;
} out_file;

/* On failure there is nothing to discard. ERR_IO names path and the system's reason, here and below. */
socle_status out_file_open(out_file *f, const char *path);
socle_status out_file_write(out_file *f, const void *data, size_t bytes);
/* The contents are on disk and under their name, or the temporary file is gone. Ends f either way. */
socle_status out_file_commit(out_file *f);
void out_file_discard(out_file *f); /* instead of commit */

#endif
