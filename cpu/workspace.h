/* Scratch memory of one call of a slot, given back all together. */
#ifndef CPU_WORKSPACE_H
#define CPU_WORKSPACE_H

#include "device.h"

typedef struct workspace {
    cpu_device *device;
    struct workspace_block *blocks; /* all of them, the newest first */
    char *free;                     /* what is left of a block for small requests */
    size_t left;
} workspace;

workspace workspace_on(cpu_device *d);
/* count items of `size` bytes, 64-byte aligned, contents undefined. NULL, with ERR_NOMEM raised, on failure; what was
 * taken before stays. */
void *workspace_take(workspace *w, int64_t count, size_t size);
float *workspace_floats(workspace *w, int64_t count);
/* Gives everything back; returns s. */
socle_status workspace_end(workspace *w, socle_status s);

/* v's memory from its first element. */
float *view_floats(socle_in v);
/* v row-major without gaps: *out is v itself, or a view of a copy in w. */
socle_status workspace_dense(workspace *w, socle_in v, socle_view *out);
/* A view of v's shape in new memory of w, without gaps, in the given format. */
socle_status workspace_like(workspace *w, socle_in v, int32_t lanes, socle_view *out);
/* v in the given format, with any strides: *out is v itself, or a view of a copy in w. */
socle_status workspace_format(workspace *w, socle_in v, int32_t lanes, socle_view *out);

#endif
