/* The IDX format: 0, 0, element type, number of dimensions, one big-endian 32-bit size a dimension, then the
 * elements in row-major order; plain or gzip-compressed (gzip.h).
 *
 * A header is not trusted: memory grows with the bytes that really arrive, so that a forged size of gigabytes
 * ends in "holds fewer bytes" and not in an allocation. */
#include <socle/vision.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/shape.h"
#include "dataset.h"
#include "gzip.h"

enum {
    IDX_UBYTE = 8, /* the element type this reads */
    IDX_MAX_DIMS = 4,
    HEADER_BYTES = 4 + 4 * IDX_MAX_DIMS,
    ROOM_LEAST = 1 << 16 /* where the size of the file is not known: pipes */
};

/* What has been read of a file, or decompressed. */
typedef struct contents {
    const char *path;
    uint8_t *data;
    size_t bytes, cap;
} contents;

/* What the header says. */
typedef struct idx_header {
    socle_shape shape;
    size_t bytes, elements; /* of the header; and of what follows it */
} idx_header;

/* Bytes that the file holds, if that can be known. */
static size_t size_of(FILE *f)
{
    struct stat info;
    bool known = fstat(fileno(f), &info) == 0 && S_ISREG(info.st_mode);
    return known && info.st_size > 0 ? (size_t)info.st_size : 0;
}

/* Reads on until c holds `most` bytes or the file ends. */
static socle_status read_to(FILE *f, contents *c, size_t most)
{
    size_t known = size_of(f);
    while (c->bytes < most && !feof(f)) {
        size_t room = c->bytes + ROOM_LEAST;
        room = room > known ? room : known + 1; /* one more, to meet the end */
        uint8_t *grown = socle_mem_grow(c->data, &c->cap, room < most ? room : most, 1);
        if (!grown)
            return SOCLE_ERR_NOMEM;
        c->data = grown;
        size_t want = (c->cap < most ? c->cap : most) - c->bytes;
        errno = 0;
        c->bytes += fread(c->data + c->bytes, 1, want, f);
        SOCLE_CHECK(!ferror(f), SOCLE_ERR_IO, "%s: %s", c->path, strerror(errno));
    }
    return SOCLE_OK;
}

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static socle_status read_header(const contents *c, idx_header *out)
{
    const uint8_t *h = c->data;
    SOCLE_CHECK(c->bytes >= 4, SOCLE_ERR_FORMAT, "%s: %zu bytes are too few for an IDX file", c->path, c->bytes);
    SOCLE_CHECK(h[0] == 0 && h[1] == 0, SOCLE_ERR_FORMAT,
                "%s: not an IDX file (it begins with %02x %02x %02x %02x, not with 00 00)", c->path, h[0], h[1],
                h[2], h[3]);
    SOCLE_CHECK(h[2] == IDX_UBYTE, SOCLE_ERR_FORMAT,
                "%s: IDX elements of type 0x%02x, only unsigned bytes (0x08) are read", c->path, h[2]);
    SOCLE_CHECK(h[3] >= 1 && h[3] <= IDX_MAX_DIMS, SOCLE_ERR_FORMAT, "%s: IDX data of %d dimensions, not 1 to %d",
                c->path, h[3], IDX_MAX_DIMS);
    idx_header r = { .shape = { .ndim = h[3] }, .bytes = 4 + 4u * h[3], .elements = 1 };
    SOCLE_CHECK(c->bytes >= r.bytes, SOCLE_ERR_FORMAT, "%s: ends within the IDX header", c->path);
    for (int i = 0; i < r.shape.ndim; i++) {
        r.shape.dim[i] = big_endian(h + 4 + 4 * i);
        bool fits = size_mul(r.elements, (size_t)r.shape.dim[i], &r.elements) && r.elements < PTRDIFF_MAX / 2;
        SOCLE_CHECK(fits, SOCLE_ERR_FORMAT, "%s: the IDX header's sizes are absurd", c->path);
    }
    *out = r;
    return SOCLE_OK;
}

/* The file's header and, into c, all of its contents, of a plain file only as much as the header says and a byte more. */
static socle_status read_contents(FILE *f, contents *c, idx_header *header)
{
    SOCLE_TRY(read_to(f, c, HEADER_BYTES));
    if (!gzip_begins(c->data, c->bytes)) {
        SOCLE_TRY(read_header(c, header));
        return read_to(f, c, header->bytes + header->elements + 1);
    }
    contents packed = *c;
    *c = (contents){ .path = packed.path };
    socle_status s = read_to(f, &packed, SIZE_MAX);
    if (s == SOCLE_OK)
        s = gzip_expand(packed.path, packed.data, packed.bytes, &c->data, &c->bytes);
    socle_mem_free(packed.data);
    return s == SOCLE_OK ? read_header(c, header) : s;
}

/* Leaves the elements alone in c, which is the caller's whatever this answers. */
static socle_status read_elements(FILE *f, contents *c, socle_shape *shape)
{
    idx_header h;
    SOCLE_TRY(read_contents(f, c, &h));
    size_t have = c->bytes - h.bytes;
    SOCLE_CHECK(have >= h.elements, SOCLE_ERR_FORMAT, "%s: holds %zu bytes of data, the header says %zu", c->path,
                have, h.elements);
    SOCLE_CHECK(have == h.elements, SOCLE_ERR_FORMAT, "%s: holds more bytes than the %zu its header says", c->path,
                h.elements);
    memmove(c->data, c->data + h.bytes, h.elements);
    *shape = h.shape;
    return SOCLE_OK;
}

socle_status socle_idx_read(const char *path, socle_shape *shape, uint8_t **data)
{
    SOCLE_CHECK(path && shape && data, SOCLE_ERR_ARG, "idx: an argument is missing");
    errno = 0;
    FILE *f = fopen(path, "rb");
    SOCLE_CHECK(f || errno != ENOMEM, SOCLE_ERR_NOMEM, "%s: no memory to open it", path);
    SOCLE_CHECK(f, SOCLE_ERR_IO, "%s: %s", path, strerror(errno));
    contents c = { .path = path };
    socle_status status = read_elements(f, &c, shape);
    (void)fclose(f);
    if (status != SOCLE_OK) {
        socle_mem_free(c.data);
        return status;
    }
    *data = c.data;
    return SOCLE_OK;
}

void socle_idx_free(uint8_t *data)
{
    socle_mem_free(data);
}

/* ---- images and labels as a dataset ---- */

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* path, or path with .gz added or removed: whichever exists. Owned by the caller; NULL on failure. */
static char *find_file(const char *path)
{
    static const char suffix[] = ".gz";
    size_t length = strlen(path), tail = sizeof suffix - 1;
    char *found = socle_mem_alloc(length + sizeof suffix);
    if (!found)
        return NULL;
    memcpy(found, path, length + 1);
    if (exists(path))
        return found;
    if (length > tail && strcmp(path + length - tail, suffix) == 0)
        found[length - tail] = '\0';
    else
        memcpy(found + length, suffix, sizeof suffix);
    if (exists(found))
        return found;
    (void)socle_fail(SOCLE_ERR_IO, "%s: no such file (nor %s)", path, found);
    socle_mem_free(found);
    return NULL;
}

static socle_status read_labels(const char *path, int classes, size_t *length, int32_t **labels)
{
    socle_shape s;
    uint8_t *bytes = NULL;
    SOCLE_TRY(socle_idx_read(path, &s, &bytes));
    socle_status status = SOCLE_OK;
    int32_t *wide = NULL;
    size_t n = (size_t)s.dim[0];
    if (s.ndim != 1) {
        status = socle_fail(SOCLE_ERR_FORMAT, "%s: labels of shape %s, not (n)", path, shape_text(s).text);
        goto out;
    }
    for (size_t i = 0; classes > 0 && i < n; i++) {
        if (bytes[i] >= classes) {
            status = socle_fail(SOCLE_ERR_FORMAT, "%s: label %d at place %zu is outside [0, %d)", path, bytes[i], i,
                                classes);
            goto out;
        }
    }
    wide = socle_mem_zeroed(n, sizeof *wide);
    if (!wide) {
        status = SOCLE_ERR_NOMEM;
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        wide[i] = bytes[i];
    *length = n;
    *labels = wide;
out:
    socle_idx_free(bytes);
    return status;
}

/* image_path and label_path exist. */
static socle_dataset *dataset_of_files(const char *image_path, const char *label_path, int classes)
{
    socle_shape s;
    uint8_t *pixels = NULL;
    int32_t *labels = NULL;
    size_t n = 0;
    if (read_labels(label_path, classes, &n, &labels) != SOCLE_OK)
        return NULL;
    if (socle_idx_read(image_path, &s, &pixels) != SOCLE_OK)
        goto fail;
    if (s.ndim != 3 || shape_numel(s) == 0) {
        (void)socle_fail(SOCLE_ERR_FORMAT, "%s: images of shape %s, not (n, height, width)", image_path,
                         shape_text(s).text);
        goto fail;
    }
    if ((size_t)s.dim[0] != n) {
        (void)socle_fail(SOCLE_ERR_FORMAT, "%s holds %lld images, but %s holds %zu labels", image_path,
                         (long long)s.dim[0], label_path, n);
        goto fail;
    }
    return dataset_own(pixels, labels,
                       (socle_dataset_desc){ .length = n,
                                             .x_type = SOCLE_U8,
                                             .y_type = SOCLE_I32,
                                             .x_shape = socle_shape3(1, s.dim[1], s.dim[2]),
                                             .y_shape = socle_shape0() });
fail:
    socle_idx_free(pixels);
    socle_mem_free(labels);
    return NULL;
}

socle_dataset *socle_dataset_idx(const char *images, const char *labels, int classes)
{
    if (!images || !labels) {
        (void)socle_fail(SOCLE_ERR_ARG, "idx: the path of the %s is missing", images ? "labels" : "images");
        return NULL;
    }
    char *image_path = find_file(images);
    char *label_path = image_path ? find_file(labels) : NULL;
    socle_dataset *d = label_path ? dataset_of_files(image_path, label_path, classes) : NULL;
    socle_mem_free(label_path);
    socle_mem_free(image_path);
    return d;
}
