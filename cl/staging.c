/* A ring of host memory: an upload copies into it, enqueues the transfer and returns. A piece is free again when its
 * transfer's event says so; the ring waits for its oldest piece only when it is full. */
#include "device.h"

#include <socle/sys/memory.h>
#include <string.h>

enum { PIECES = 32 };
#define RING_BYTES ((size_t)16 << 20)

typedef struct ocl_piece {
    size_t at, bytes;
    cl_event sent;
} ocl_piece;

typedef struct ocl_staging {
    unsigned char *memory;
    ocl_piece piece[PIECES]; /* a queue: first, first + 1, ... n of them, modulo PIECES */
    int first, n;
    size_t head; /* where the next piece begins */
} ocl_staging;

struct ocl_staging *ocl_staging_new(ocl_device *d)
{
    (void)d;
    ocl_staging *s = socle_mem_zeroed(1, sizeof *s);
    if (s && !(s->memory = socle_mem_alloc(RING_BYTES))) {
        socle_mem_free(s);
        return NULL;
    }
    return s;
}

static socle_status drop_oldest(ocl_device *d, ocl_staging *s)
{
    ocl_piece *p = &s->piece[s->first];
    cl_int done = CL_COMPLETE;
    (void)clGetEventInfo(p->sent, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof done, &done, NULL);
    cl_int code = CL_SUCCESS;
    if (done != CL_COMPLETE) {
        d->waits++;
        code = clWaitForEvents(1, &p->sent);
    }
    (void)clReleaseEvent(p->sent);
    s->first = (s->first + 1) % PIECES;
    s->n--;
    return ocl_late(d, code, "waiting for an upload");
}

void ocl_staging_free(ocl_device *d, struct ocl_staging *s)
{
    if (!s)
        return;
    while (s->n > 0)
        (void)drop_oldest(d, s);
    socle_mem_free(s->memory);
    socle_mem_free(s);
}

/* Pieces lie in the ring in order of age, so the oldest is the only one that can be in the way of the next. */
static bool in_the_way(const ocl_staging *s, size_t bytes)
{
    if (s->n == PIECES)
        return true;
    if (s->n == 0)
        return false;
    const ocl_piece *oldest = &s->piece[s->first];
    return oldest->at < s->head + bytes && s->head < oldest->at + oldest->bytes;
}

static socle_status send(ocl_device *d, const ocl_buffer *b, size_t at, const unsigned char *src, size_t bytes)
{
    ocl_staging *s = d->staging;
    if (s->head + bytes > RING_BYTES) {
        while (s->n > 0 && s->piece[s->first].at >= s->head) { /* what lies between here and the end goes first */
            socle_status status = drop_oldest(d, s);
            if (status != SOCLE_OK)
                return status;
        }
        s->head = 0;
    }
    while (in_the_way(s, bytes)) {
        socle_status status = drop_oldest(d, s);
        if (status != SOCLE_OK)
            return status;
    }
    memcpy(s->memory + s->head, src, bytes);
    ocl_piece *p = &s->piece[(s->first + s->n) % PIECES];
    cl_int code =
        clEnqueueWriteBuffer(d->queue, b->mem, CL_FALSE, b->at + at, bytes, s->memory + s->head, 0, NULL, &p->sent);
    if (code != CL_SUCCESS)
        return ocl_status(code, "uploading");
    p->at = s->head;
    p->bytes = bytes;
    s->head += (bytes + 63) / 64 * 64;
    s->n++;
    return ocl_status(clFlush(d->queue), "flushing");
}

socle_status ocl_upload(ocl_device *d, const ocl_buffer *b, size_t at, const void *src, size_t bytes)
{
    const unsigned char *from = src;
    const size_t most = RING_BYTES / 4;
    for (size_t sent = 0; sent < bytes;) {
        size_t n = bytes - sent < most ? bytes - sent : most;
        socle_status status = send(d, b, at + sent, from + sent, n);
        if (status != SOCLE_OK)
            return status;
        sent += n;
    }
    return SOCLE_OK;
}
