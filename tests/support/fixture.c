/* Fixture files: see support.h for the format. The reader trusts the file's producer but not its length. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "die.h"

struct fixture {
    uint32_t n;
    fixture_entry *entry;
};

static void take(FILE *file, const char *path, void *out, size_t bytes)
{
    if (bytes != 0 && fread(out, 1, bytes, file) != bytes)
        support_die("%s ends early", path);
}

/* Assembled from bytes, so that the machine's own order does not matter. */
static uint64_t take_unsigned(FILE *file, const char *path, int bytes)
{
    unsigned char raw[8] = { 0 };
    take(file, path, raw, (size_t)bytes);
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)raw[i] << (8 * i);
    return value;
}

static bool is_big_endian(void)
{
    const uint16_t probe = 1;
    unsigned char first;
    memcpy(&first, &probe, 1);
    return first == 0;
}

static void swap_elements(unsigned char *data, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < size / 2; j++) {
            unsigned char low = data[i * size + j];
            data[i * size + j] = data[i * size + size - 1 - j];
            data[i * size + size - 1 - j] = low;
        }
}

static void take_entry(FILE *file, const char *path, fixture_entry *e)
{
    size_t length = (size_t)take_unsigned(file, path, 4);
    e->name = support_alloc(length + 1);
    take(file, path, e->name, length);
    e->name[length] = '\0';
    e->dtype = (socle_dtype)take_unsigned(file, path, 4);
    e->shape.ndim = (int32_t)take_unsigned(file, path, 4);
    if (e->shape.ndim > SOCLE_MAX_DIMS)
        support_die("%s: %s has %d dimensions", path, e->name, e->shape.ndim);
    for (int i = 0; i < e->shape.ndim; i++)
        e->shape.dim[i] = (int64_t)take_unsigned(file, path, 8);
    e->n = shape_count(e->shape);
    size_t size = socle_dtype_size(e->dtype);
    if (size == 0)
        support_die("%s: %s has an unknown dtype", path, e->name);
    e->data = support_alloc(e->n * size);
    take(file, path, e->data, e->n * size);
    if (is_big_endian())
        swap_elements(e->data, e->n, size);
}

fixture *fixture_open(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/golden/%s", SOCLE_TEST_DIR, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        support_die("%s cannot be opened", path);
    char magic[8];
    take(file, path, magic, sizeof(magic));
    if (memcmp(magic, "SOCLEFX1", sizeof(magic)) != 0)
        support_die("%s is not a fixture file", path);
    fixture *f = support_alloc(sizeof(*f));
    f->n = (uint32_t)take_unsigned(file, path, 4);
    f->entry = support_alloc(f->n * sizeof(*f->entry));
    for (uint32_t i = 0; i < f->n; i++)
        take_entry(file, path, &f->entry[i]);
    fclose(file);
    return f;
}

void fixture_free(fixture *f)
{
    if (f == NULL)
        return;
    for (uint32_t i = 0; i < f->n; i++) {
        free(f->entry[i].name);
        free(f->entry[i].data);
    }
    free(f->entry);
    free(f);
}

static const fixture_entry *find(const fixture *f, const char *name)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (strcmp(f->entry[i].name, name) == 0)
            return &f->entry[i];
    return NULL;
}

bool fixture_has(const fixture *f, const char *name)
{
    return find(f, name) != NULL;
}

const fixture_entry *fixture_get(const fixture *f, const char *name)
{
    const fixture_entry *e = find(f, name);
    if (e == NULL)
        support_die("the fixture has no entry %s", name);
    return e;
}

double *fixture_values(const fixture *f, const char *name)
{
    const fixture_entry *e = fixture_get(f, name);
    double *values = support_alloc(e->n * sizeof(*values));
    doubles_from(e->dtype, values, e->data, e->n);
    return values;
}

socle_tensor *fixture_tensor(const fixture *f, socle_device *d, const char *name)
{
    const fixture_entry *e = fixture_get(f, name);
    bool real = e->dtype == SOCLE_F32 || e->dtype == SOCLE_F64;
    double *values = fixture_values(f, name);
    socle_tensor *t = tensor_of(d, real ? socle_device_real(d) : e->dtype, e->shape, values);
    free(values);
    return t;
}
