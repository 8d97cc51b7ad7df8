/* The IDX format: 0, 0, element type, number of dimensions, one big-endian 32-bit size a dimension, then the
 * elements in row-major order. zlib's gzread reads plain and gzip-compressed files alike.
 *
 * A header is not trusted: memory grows with the bytes that really arrive, so that a forged size of gigabytes
 * ends in "holds fewer bytes" and not in an allocation. */
#include <socle/vision.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/shape.h"
#include "dataset.h"

enum {
    IDX_UBYTE = 8, /* the element type this reads */
    IDX_MAX_DIMS = 4,
    HEADER_BYTES = 4 + 4 * IDX_MAX_DIMS,
    BUFFER_BYTES = 1 << 18,
    /* What is taken at once on the header's word: at most this (MNIST has 47 MB), and at most what a file of this
     * size can hold: deflate stores no more than 1032 bytes in one. Files whose size is not known (pipes) start
     * at the least. */
    TRUSTED_MOST = 1 << 26,
    TRUSTED_LEAST = 1 << 16,
    DEFLATE_BEST = 1032
};

typedef struct idx_file {
    const char *path;
    gzFile gz;
    size_t trusted; /* bytes */
} idx_file;

static size_t trusted_bytes(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || info.st_size < TRUSTED_LEAST / DEFLATE_BEST)
        return TRUSTED_LEAST;
    return info.st_size > TRUSTED_MOST / DEFLATE_BEST ? TRUSTED_MOST : (size_t)info.st_size * DEFLATE_BEST;
}

/* Reads up to `bytes`; fewer only at the end of the data. A broken gzip stream, checksum included, is an error. */
static socle_status read_bytes(idx_file *f, uint8_t *to, size_t bytes, size_t *got)
{
    *got = 0;
    while (*got < bytes) {
        size_t want = bytes - *got;
        int n = gzread(f->gz, to + *got, want < INT_MAX ? (unsigned)want : INT_MAX);
        int code = Z_OK;
        const char *text = n <= 0 ? gzerror(f->gz, &code) : "";
        if (n < 0 || code == Z_BUF_ERROR) {
            if (code == Z_ERRNO)
                return socle_fail(SOCLE_ERR_IO, "%s: %s", f->path, strerror(errno));
            if (code == Z_MEM_ERROR)
                return socle_fail(SOCLE_ERR_NOMEM, "%s: no memory to decompress with", f->path);
            if (code == Z_BUF_ERROR)
                return socle_fail(SOCLE_ERR_IO, "%s: the gzip data ends early", f->path);
            return socle_fail(SOCLE_ERR_IO, "%s: the gzip data is corrupt (%s)", f->path, text);
        }
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return SOCLE_OK;
}

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static socle_status read_header(idx_file *f, socle_shape *shape, size_t *bytes)
{
    uint8_t h[HEADER_BYTES];
    size_t got;
    SOCLE_TRY(read_bytes(f, h, 4, &got));
    SOCLE_CHECK(got == 4, SOCLE_ERR_FORMAT, "%s: %zu bytes are too few for an IDX file", f->path, got);
    SOCLE_CHECK(h[0] == 0 && h[1] == 0, SOCLE_ERR_FORMAT,
                "%s: not an IDX file (it begins with %02x %02x %02x %02x, not with 00 00)", f->path, h[0], h[1],
                h[2], h[3]);
    SOCLE_CHECK(h[2] == IDX_UBYTE, SOCLE_ERR_FORMAT,
                "%s: IDX elements of type 0x%02x, only unsigned bytes (0x08) are read", f->path, h[2]);
    SOCLE_CHECK(h[3] >= 1 && h[3] <= IDX_MAX_DIMS, SOCLE_ERR_FORMAT, "%s: IDX data of %d dimensions, not 1 to %d",
                f->path, h[3], IDX_MAX_DIMS);
    SOCLE_TRY(read_bytes(f, h + 4, 4u * h[3], &got));
    SOCLE_CHECK(got == 4u * h[3], SOCLE_ERR_FORMAT, "%s: ends within the IDX header", f->path);
    socle_shape s = { .ndim = h[3] };
    *bytes = 1;
    for (int i = 0; i < s.ndim; i++) {
        s.dim[i] = big_endian(h + 4 + 4 * i);
        bool fits = size_mul(*bytes, (size_t)s.dim[i], bytes) && *bytes <= PTRDIFF_MAX;
        SOCLE_CHECK(fits, SOCLE_ERR_FORMAT, "%s: the IDX header's sizes are absurd", f->path);
    }
    *shape = s;
    return SOCLE_OK;
}

/* Exactly `bytes` elements into *data (owned by the caller whatever this answers), then the end of the file. */
static socle_status read_elements(idx_file *f, size_t bytes, uint8_t **data)
{
    size_t have = 0, cap = 0, got;
    do {
        size_t need = have == 0 ? f->trusted : have > bytes / 2 ? bytes : 2 * have;
        need = need < bytes ? need : bytes;
        uint8_t *grown = socle_mem_grow(*data, &cap, need ? need : 1, 1);
        if (!grown)
            return SOCLE_ERR_NOMEM;
        *data = grown;
        SOCLE_TRY(read_bytes(f, *data + have, need - have, &got));
        have += got;
        SOCLE_CHECK(have == need, SOCLE_ERR_FORMAT, "%s: holds %zu bytes of data, the header says %zu", f->path,
                    have, bytes);
    } while (have < bytes);
    uint8_t more;
    SOCLE_TRY(read_bytes(f, &more, 1, &got)); /* also where zlib compares the checksum */
    SOCLE_CHECK(got == 0, SOCLE_ERR_FORMAT, "%s: holds more bytes than the %zu its header says", f->path, bytes);
    return SOCLE_OK;
}

socle_status socle_idx_read(const char *path, socle_shape *shape, uint8_t **data)
{
    SOCLE_CHECK(path && shape && data, SOCLE_ERR_ARG, "idx: an argument is missing");
    errno = 0;
    idx_file f = { .path = path, .gz = gzopen(path, "rb"), .trusted = trusted_bytes(path) };
    if (!f.gz) {
        SOCLE_CHECK(errno, SOCLE_ERR_NOMEM, "%s: no memory to open it", path);
        return socle_fail(SOCLE_ERR_IO, "%s: %s", path, strerror(errno));
    }
    (void)gzbuffer(f.gz, BUFFER_BYTES);
    socle_shape s;
    size_t bytes;
    uint8_t *elements = NULL;
    socle_status status = read_header(&f, &s, &bytes);
    if (status == SOCLE_OK)
        status = read_elements(&f, bytes, &elements);
    (void)gzclose_r(f.gz);
    if (status != SOCLE_OK) {
        socle_mem_free(elements);
        return status;
    }
    *shape = s;
    *data = elements;
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
