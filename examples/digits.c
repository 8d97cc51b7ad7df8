#define _POSIX_C_SOURCE 200809L
#include "digits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static socle_status no_memory(size_t images)
{
    return socle_fail(SOCLE_ERR_NOMEM, "no memory for %zu images", images);
}

void digits_free(digits *d)
{
    free(d->pixel);
    *d = (digits){ 0 };
}

/* ---- MNIST's files ---- */

typedef struct place {
    size_t index;
    int32_t digit;
} place;

/* All threes before all sevens; of one digit, in the order of the names "INDEX.png". */
static int by_name(const void *a, const void *b)
{
    const place *p = a, *q = b;
    char left[32], right[32];
    if (p->digit != q->digit)
        return p->digit - q->digit;
    snprintf(left, sizeof left, "%zu.png", p->index);
    snprintf(right, sizeof right, "%zu.png", q->index);
    return strcmp(left, right);
}

static socle_status pick(digits *d, socle_dataset *all, place *found)
{
    uint8_t image[PIXELS];
    socle_status s = SOCLE_OK;
    size_t length = socle_dataset_desc_of(all).length, n = 0;
    for (size_t i = 0; i < length && s == SOCLE_OK; i++) {
        int32_t digit;
        s = socle_dataset_get(all, i, image, &digit);
        if (s == SOCLE_OK && (digit == 3 || digit == 7))
            found[n++] = (place){ i, digit };
    }
    qsort(found, n, sizeof *found, by_name);
    d->pixel = malloc(n * PIXELS + 1);
    if (!d->pixel)
        return no_memory(n);
    for (size_t i = 0; i < n && s == SOCLE_OK; i++) {
        int32_t digit;
        s = socle_dataset_get(all, found[i].index, d->pixel + i * PIXELS, &digit);
        digit == 3 ? d->threes++ : d->sevens++;
    }
    return s;
}

static socle_status read_idx(digits *d, const char *dir, const char *part)
{
    socle_dataset *all = mnist_files(dir, part);
    if (!all)
        return socle_error_status();
    size_t n = socle_dataset_desc_of(all).length;
    place *found = malloc(n * sizeof *found + 1);
    socle_status s = found ? pick(d, all, found) : no_memory(n);
    free(found);
    socle_dataset_free(all);
    return s;
}

/* ---- folders of PNG images ---- */

#ifdef EXAMPLES_PNG
#include <cairo.h>
#include <dirent.h>

static int is_png(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && strcmp(e->d_name + n - 4, ".png") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Cairo gives a grey pixel as three equal bytes of a word. */
static socle_status read_png(const char *path, uint8_t *pixel)
{
    cairo_surface_t *image = cairo_image_surface_create_from_png(path);
    socle_status s = SOCLE_OK;
    int width = cairo_image_surface_get_width(image), height = cairo_image_surface_get_height(image);
    if (cairo_surface_status(image) != CAIRO_STATUS_SUCCESS)
        s = socle_fail(SOCLE_ERR_FORMAT, "%s: %s", path, cairo_status_to_string(cairo_surface_status(image)));
    else if (width != SIDE || height != SIDE)
        s = socle_fail(SOCLE_ERR_SHAPE, "%s: %dx%d pixels, not %dx%d", path, width, height, SIDE, SIDE);
    for (int i = 0; i < PIXELS && s == SOCLE_OK; i++) {
        uint32_t word;
        memcpy(&word,
               cairo_image_surface_get_data(image) + i / SIDE * cairo_image_surface_get_stride(image) +
                   i % SIDE * (int)sizeof word,
               sizeof word);
        pixel[i] = (uint8_t)word;
    }
    cairo_surface_destroy(image);
    return s;
}

/* The images of a folder, after the `before` that d holds already. */
static socle_status read_folder(digits *d, const char *folder, size_t before, size_t *n)
{
    struct dirent **file = NULL;
    int files = scandir(folder, &file, is_png, by_bytes);
    if (files <= 0) {
        free(file);
        return socle_fail(SOCLE_ERR_IO, "%s: no PNG images", folder);
    }
    *n = (size_t)files;
    uint8_t *grown = realloc(d->pixel, (before + *n) * PIXELS);
    socle_status s = grown ? SOCLE_OK : no_memory(before + *n);
    d->pixel = grown ? grown : d->pixel;
    for (int i = 0; i < files; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, file[i]->d_name);
        if (s == SOCLE_OK)
            s = read_png(path, d->pixel + (before + (size_t)i) * PIXELS);
        free(file[i]);
    }
    free(file);
    return s;
}

static socle_status read_folders(digits *d, const char *dir, const char *part)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/%s/3", dir, part);
    socle_status s = read_folder(d, folder, 0, &d->threes);
    snprintf(folder, sizeof folder, "%s/%s/7", dir, part);
    return s == SOCLE_OK ? read_folder(d, folder, d->threes, &d->sevens) : s;
}
#else
static socle_status read_folders(digits *d, const char *dir, const char *part)
{
    (void)d;
    return socle_fail(SOCLE_ERR_UNSUPPORTED, "%s/%s: PNG images need cairo, which this program was built without",
                      dir, part);
}
#endif

socle_status digits_read(digits *d, const char *dir, bool valid)
{
    char folder[4096];
    struct stat info;
    snprintf(folder, sizeof folder, "%s/train/3", dir);
    bool folders = stat(folder, &info) == 0;
    *d = (digits){ 0 };
    socle_status s =
        folders ? read_folders(d, dir, valid ? "valid" : "train") : read_idx(d, dir, valid ? "t10k" : "train");
    if (s == SOCLE_OK && (d->threes == 0 || d->sevens == 0))
        s = socle_fail(SOCLE_ERR_FORMAT, "%s: %zu threes and %zu sevens: both are needed", dir, d->threes,
                       d->sevens);
    return s;
}

/* ---- datasets ---- */

socle_dataset *digits_as_rows(const digits *d)
{
    size_t n = d->threes + d->sevens;
    float *y = malloc(n * sizeof *y + 1);
    if (!y) {
        (void)no_memory(n);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        y[i] = i < d->threes ? 1 : 0;
    socle_dataset_desc o = { .length = n, .x_type = SOCLE_U8, .y_type = SOCLE_F32 };
    o.x_shape = socle_shape1(PIXELS);
    o.y_shape = socle_shape1(1);
    socle_dataset *set = socle_dataset_from(d->pixel, y, o);
    free(y);
    return set;
}

socle_dataset *digits_as_images(const digits *d)
{
    size_t n = d->threes + d->sevens;
    int32_t *y = malloc(n * sizeof *y + 1);
    if (!y) {
        (void)no_memory(n);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        y[i] = i < d->threes ? 0 : 1;
    socle_dataset_desc o = { .length = n, .x_type = SOCLE_U8, .y_type = SOCLE_I32 };
    o.x_shape = socle_shape3(1, SIDE, SIDE);
    socle_dataset *set = socle_dataset_from(d->pixel, y, o);
    free(y);
    return set;
}
