/* Writes a module's tensors as safetensors: eight bytes with the length of the header, the header, the numbers.
 *
 * The header is JSON, {"path":{"dtype":"F32","shape":[16,8,3,3],"data_offsets":[0,4608]},...}, offsets counted from
 * the end of the header, which spaces fill up to a multiple of eight bytes. Numbers are little-endian, row-major, in the
 * order of the header, without gaps. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <socle/io.h>
#include <socle/sys/memory.h>
#include "file.h"

typedef struct writer {
    out_file file;
    char *header; /* "{..." while it grows */
    size_t length, cap;
    uint64_t offset;       /* of the next tensor's numbers */
    unsigned char *buffer; /* of the tensor being written */
    size_t buffer_cap;
} writer;

static size_t bytes_of(const socle_tensor *t)
{
    return (size_t)socle_numel(t) * socle_dtype_size(socle_dtype_of(t));
}

/* ---- header ---- */

static bool put(writer *w, const char *fmt, ...) SOCLE_PRINTF(2, 3);
static bool put(writer *w, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *grown = n < 0 ? NULL : socle_mem_grow(w->header, &w->cap, w->length + (size_t)n + 1, 1);
    if (grown != NULL) {
        w->header = grown;
        vsnprintf(grown + w->length, (size_t)n + 1, fmt, again);
        w->length += (size_t)n;
    }
    va_end(again);
    va_end(args);
    return grown != NULL;
}

static bool put_string(writer *w, const char *text)
{
    bool ok = put(w, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0' && ok; p++) {
        if (*p < 0x20)
            ok = put(w, "\\u%04x", *p);
        else
            ok = put(w, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    }
    return ok && put(w, "\"");
}

static bool put_entry(writer *w, const char *path, const socle_tensor *t)
{
    bool ok = put(w, "%s", w->length > 1 ? "," : "") && put_string(w, path) &&
              put(w, ":{\"dtype\":\"%s\",\"shape\":[", socle_dtype_of(t) == SOCLE_F64 ? "F64" : "F32");
    socle_shape s = socle_shape_of(t);
    for (int i = 0; i < s.ndim && ok; i++)
        ok = put(w, "%s%" PRId64, i == 0 ? "" : ",", s.dim[i]);
    uint64_t end = w->offset + bytes_of(t);
    ok = ok && put(w, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", w->offset, end);
    w->offset = end;
    return ok;
}

static int describe_tensor(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner;
    (void)trainable;
    return put_entry(user, path, t) ? 0 : SOCLE_ERR_NOMEM;
}

static socle_status make_header(writer *w, socle_module *m)
{
    if (!put(w, "{") || socle_module_each_param(m, describe_tensor, w) != 0 || !put(w, "}"))
        return SOCLE_ERR_NOMEM;
    while (w->length % 8 != 0)
        if (!put(w, " "))
            return SOCLE_ERR_NOMEM;
    return SOCLE_OK;
}

static socle_status write_header(writer *w)
{
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)w->length >> (8 * i));
    socle_status s = out_file_write(&w->file, length, sizeof length);
    return s != SOCLE_OK ? s : out_file_write(&w->file, w->header, w->length);
}

/* ---- numbers ---- */

/* n numbers of `size` bytes, from the machine's order of bytes to the file's. */
static void to_little_endian(unsigned char *data, size_t n, size_t size)
{
    const uint16_t probe = 1;
    unsigned char first;
    memcpy(&first, &probe, 1);
    if (first == 1)
        return;
    for (size_t i = 0; i < n; i++)
        for (size_t low = i * size, high = low + size - 1; low < high; low++, high--) {
            unsigned char swap = data[low];
            data[low] = data[high];
            data[high] = swap;
        }
}

static socle_status write_tensor(writer *w, const socle_tensor *t)
{
    size_t bytes = bytes_of(t), size = socle_dtype_size(socle_dtype_of(t));
    unsigned char *grown = socle_mem_grow(w->buffer, &w->buffer_cap, bytes, 1);
    if (grown == NULL)
        return SOCLE_ERR_NOMEM;
    w->buffer = grown;
    socle_status s = socle_read(t, w->buffer, bytes);
    if (s != SOCLE_OK)
        return s;
    to_little_endian(w->buffer, bytes / size, size);
    return out_file_write(&w->file, w->buffer, bytes);
}

static int store_tensor(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path;
    (void)owner;
    (void)trainable;
    return write_tensor(user, t);
}

/* ---- the file ---- */

static socle_status write_all(writer *w, socle_module *m)
{
    socle_status s = write_header(w);
    return s != SOCLE_OK ? s : (socle_status)socle_module_each_param(m, store_tensor, w);
}

socle_status socle_save(socle_module *m, const char *path)
{
    if (m == NULL || path == NULL)
        return m == NULL && socle_error_status() != SOCLE_OK
                   ? socle_error_status()
                   : socle_fail(SOCLE_ERR_ARG, "save: the %s is missing", m == NULL ? "module" : "path");
    writer w = { 0 };
    socle_status s = make_header(&w, m);
    if (s == SOCLE_OK)
        s = out_file_open(&w.file, path);
    if (s == SOCLE_OK) {
        s = write_all(&w, m);
        if (s == SOCLE_OK)
            s = out_file_commit(&w.file);
        else
            out_file_discard(&w.file);
    }
    socle_mem_free(w.header);
    socle_mem_free(w.buffer);
    return s;
}
