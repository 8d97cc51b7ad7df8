/* The registry of backends, device specs, and devices with their reference count.
 *
 * Built-in backends come as a list that the build generates; programs may add their own. A table compiled against
 * an older, shorter interface is copied and its missing tail reads as NULL: those slots were all optional. */
#include "device.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "alloc.h"
#include "error.h"

extern const socle_backend *const socle_builtin_backends[];

enum { MOST_REGISTERED = 16, MOST_THREADS = 1024 };
static socle_backend registered[MOST_REGISTERED];
static int n_registered;

/* ---- registry ---- */

/* The i-th backend there is, NULL past the end. */
static const socle_backend *backend_at(int i)
{
    int builtin = 0;
    while (socle_builtin_backends[builtin] != NULL)
        builtin++;
    if (i < builtin)
        return socle_builtin_backends[i];
    return i - builtin < n_registered ? &registered[i - builtin] : NULL;
}

static const socle_backend *find_backend(const char *name, size_t length)
{
    const socle_backend *b;
    for (int i = 0; (b = backend_at(i)) != NULL; i++)
        if (strlen(b->name) == length && memcmp(b->name, name, length) == 0)
            return b;
    return NULL;
}

/* Name of a required slot that b lacks, or NULL. */
static const char *missing_slot(const socle_backend *b)
{
    const struct {
        const char *name;
        bool present;
    } required[] = {
        { "count", b->count != NULL },
        { "open", b->open != NULL },
        { "close", b->close != NULL },
        { "caps", b->caps != NULL },
        { "alloc", b->alloc != NULL },
        { "free", b->free != NULL },
        { "write", b->write != NULL },
        { "read", b->read != NULL },
        { "sync", b->sync != NULL },
        { "fill", b->fill != NULL },
        { "copy", b->copy != NULL },
        { "unary", b->unary != NULL },
        { "unary_grad", b->unary_grad != NULL },
        { "binary", b->binary != NULL },
        { "binary_grad", b->binary_grad != NULL },
        { "where", b->where != NULL },
        { "reduce", b->reduce != NULL },
        { "argreduce", b->argreduce != NULL },
        { "gemm", b->gemm != NULL },
        { "im2col", b->im2col != NULL },
        { "col2im", b->col2im != NULL },
        { "pool", b->pool != NULL },
        { "pool_grad", b->pool_grad != NULL },
        { "gather", b->gather != NULL },
        { "scatter_add", b->scatter_add != NULL },
        { "random_uniform", b->random_uniform != NULL },
        { "random_normal", b->random_normal != NULL },
    };
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
        if (!required[i].present)
            return required[i].name;
    return NULL;
}

socle_status socle_backend_register(const socle_backend *b)
{
    SOCLE_CHECK(b != NULL && b->size >= offsetof(socle_backend, axpby), SOCLE_ERR_ARG,
                "backend_register: the table has %u bytes, the required part alone has %zu",
                b == NULL ? 0u : (unsigned)b->size, offsetof(socle_backend, axpby));
    SOCLE_CHECK(b->name != NULL && b->name[0] != '\0' && strchr(b->name, ':') == NULL, SOCLE_ERR_ARG,
                "backend_register: the name '%s' cannot be part of a device spec", b->name == NULL ? "" : b->name);
    SOCLE_CHECK(find_backend(b->name, strlen(b->name)) == NULL, SOCLE_ERR_ARG,
                "backend_register: the name '%s' is taken", b->name);
    const char *slot = missing_slot(b);
    SOCLE_CHECK(slot == NULL, SOCLE_ERR_ARG, "backend_register: '%s' lacks the required slot %s", b->name, slot);
    SOCLE_CHECK(n_registered < MOST_REGISTERED, SOCLE_ERR_STATE,
                "backend_register: %d backends are registered already", n_registered);
    socle_backend *copy = &registered[n_registered++];
    memcpy(copy, b, b->size < sizeof *copy ? b->size : sizeof *copy);
    return SOCLE_OK;
}

/* ---- specs ---- */

typedef struct device_spec {
    const socle_backend *backend;
    int index;
} device_spec;

/* What SOCLE_DEVICE and the caller left open: the first of these that has a device. */
static const char *best_device(void)
{
    static const char *const preference[] = { "cpu", "ref" };
    for (size_t i = 0; i < sizeof preference / sizeof preference[0]; i++) {
        const socle_backend *b = find_backend(preference[i], strlen(preference[i]));
        if (b != NULL && b->count() > 0)
            return preference[i];
    }
    return "cpu";
}

static socle_status unknown_backend(const char *spec)
{
    char names[256] = "";
    size_t n = 0;
    const socle_backend *b;
    for (int i = 0; (b = backend_at(i)) != NULL && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, i == 0 ? "%s" : ", %s", b->name);
    return socle_fail(SOCLE_ERR_ARG, "device '%.64s' is unknown, there are: %s", spec, names);
}

/* "name" or "name:index". */
static socle_status parse_spec(const char *spec, device_spec *out)
{
    size_t length = strcspn(spec, ":");
    const socle_backend *b = find_backend(spec, length);
    if (b == NULL)
        return unknown_backend(spec);
    long index = 0;
    if (spec[length] == ':') {
        const char *digits = spec + length + 1;
        size_t n = strspn(digits, "0123456789");
        SOCLE_CHECK(n > 0 && digits[n] == '\0', SOCLE_ERR_ARG,
                    "device '%.64s': after the colon stands a number, 0 or more", spec);
        index = n < 9 ? strtol(digits, NULL, 10) : 999999999; /* in any case too large */
    }
    int count = b->count();
    SOCLE_CHECK(index < count, SOCLE_ERR_ARG, "device '%.64s': there %s %d of this kind, counted from 0", spec,
                count == 1 ? "is" : "are", count);
    *out = (device_spec){ b, (int)index };
    return SOCLE_OK;
}

/* ---- life ---- */

static socle_status device_open(const char *spec, const socle_device_desc *desc, socle_device **out)
{
    device_spec s = { 0 };
    SOCLE_TRY(parse_spec(spec, &s));
    SOCLE_CHECK(desc->threads >= 0 && desc->threads <= MOST_THREADS, SOCLE_ERR_ARG,
                "device '%s': %d threads, 1 to %d are possible, or 0 for the default", s.backend->name,
                desc->threads, (int)MOST_THREADS);
    socle_device *d = socle_mem_zeroed(1, sizeof *d);
    if (d == NULL)
        return SOCLE_ERR_NOMEM;
    atomic_init(&d->refs, 1);
    atomic_init(&d->generations, 0);
    atomic_init(&d->stats, NULL);
    d->backend = s.backend;
    d->compose_only = desc->compose_only;
    socle_status status = s.backend->open(s.index, desc, &d->self);
    if (status != SOCLE_OK) {
        socle_mem_free(d);
        return status;
    }
    s.backend->caps(d->self, &d->caps);
    snprintf(d->name, sizeof d->name, "%s: %.*s", s.backend->name, (int)sizeof d->caps.name - 1, d->caps.name);
    *out = d;
    return SOCLE_OK;
}

socle_device *socle_device_open(const char *spec, socle_device_desc desc)
{
    if (spec == NULL)
        spec = getenv("SOCLE_DEVICE");
    if (spec == NULL || spec[0] == '\0')
        spec = best_device();
    socle_device *d = NULL;
    return device_open(spec, &desc, &d) == SOCLE_OK ? d : NULL;
}

void device_retain(socle_device *d)
{
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
}

void device_release(socle_device *d)
{
    if (d == NULL || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (d->stats_drop != NULL)
        d->stats_drop(d, atomic_load(&d->stats));
    d->backend->close(d->self);
    socle_mem_free(d);
}

void socle_device_close(socle_device *d)
{
    device_release(d);
}

/* ---- questions ---- */

socle_status socle_device_sync(socle_device *d)
{
    SOCLE_CHECK(d != NULL, SOCLE_ERR_ARG, "device_sync: the device is NULL");
    return d->backend->sync(d->self);
}

const char *socle_device_name(const socle_device *d)
{
    return d == NULL ? "no device" : d->name;
}

socle_dtype socle_device_real(const socle_device *d)
{
    return d == NULL ? SOCLE_F32 : d->caps.real;
}

const socle_backend *socle_device_backend(const socle_device *d)
{
    return d->backend;
}

void *socle_device_self(const socle_device *d)
{
    return d->self;
}
