/* Gzip by libdeflate, which takes a third to half of zlib's time and wants all of input and output in memory. A member's
 * trailer ends with its length modulo 2^32: of a single member, the usual file, that is how much memory to take. It is a
 * guess elsewhere, and files lie; a member that does not fit is decompressed again into twice the room. */
#include "gzip.h"

#include <libdeflate.h>
#include "core/alloc.h"
#include "core/error.h"

enum { ROOM_LEAST = 1 << 16, DEFLATE_BEST = 1032 };

/* Grows with what is decompressed. */
typedef struct expanded {
    uint8_t *data;
    size_t count, cap;
} expanded;

bool gzip_begins(const uint8_t *start, size_t n)
{
    return n >= 2 && start[0] == 0x1f && start[1] == 0x8b;
}

static size_t first_room(const uint8_t *packed, size_t bytes)
{
    const uint8_t *p = packed + (bytes >= 4 ? bytes - 4 : 0);
    size_t says = bytes < 4 ? 0 : (size_t)p[3] << 24 | (size_t)p[2] << 16 | (size_t)p[1] << 8 | p[0];
    if (says / DEFLATE_BEST > bytes)
        says = 0;
    return says > ROOM_LEAST ? says : ROOM_LEAST;
}

static socle_status grow(expanded *e, size_t cap)
{
    uint8_t *grown = socle_mem_grow(e->data, &e->cap, cap, 1);
    if (!grown)
        return SOCLE_ERR_NOMEM;
    e->data = grown;
    return SOCLE_OK;
}

/* One member; *taken: its bytes. */
static socle_status expand_member(struct libdeflate_decompressor *d, const char *path, const uint8_t *packed,
                                  size_t bytes, size_t *taken, expanded *e)
{
    for (;;) {
        size_t made = 0;
        enum libdeflate_result r =
            libdeflate_gzip_decompress_ex(d, packed, bytes, e->data + e->count, e->cap - e->count, taken, &made);
        if (r == LIBDEFLATE_SUCCESS) {
            e->count += made;
            return SOCLE_OK;
        }
        SOCLE_CHECK(r == LIBDEFLATE_INSUFFICIENT_SPACE, SOCLE_ERR_IO, "%s: the gzip data is corrupt or ends early",
                    path);
        size_t cap;
        SOCLE_CHECK(size_mul(e->cap, 2, &cap), SOCLE_ERR_FORMAT, "%s: the gzip data is too large", path);
        SOCLE_TRY(grow(e, cap));
    }
}

static socle_status expand_all(struct libdeflate_decompressor *d, const char *path, const uint8_t *packed,
                               size_t bytes, expanded *e)
{
    SOCLE_TRY(grow(e, first_room(packed, bytes)));
    for (size_t at = 0, taken; at == 0 || gzip_begins(packed + at, bytes - at); at += taken)
        SOCLE_TRY(expand_member(d, path, packed + at, bytes - at, &taken, e));
    return SOCLE_OK;
}

socle_status gzip_expand(const char *path, const uint8_t *packed, size_t bytes, uint8_t **data, size_t *count)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    SOCLE_CHECK(d, SOCLE_ERR_NOMEM, "%s: no memory to decompress with", path);
    expanded e = { .data = NULL };
    socle_status s = expand_all(d, path, packed, bytes, &e);
    libdeflate_free_decompressor(d);
    if (s != SOCLE_OK) {
        socle_mem_free(e.data);
        return s;
    }
    *data = e.data;
    *count = e.count;
    return SOCLE_OK;
}
