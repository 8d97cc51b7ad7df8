/* The registry of backends, the walk over all devices, and specs: "cpu", "cl:1", "cl:nvidia".
 *
 * Built-in backends come as a list that the build generates; programs may add their own. A table compiled against
 * an older, shorter interface is copied and its missing tail reads as NULL: those slots were all optional. */
#include "device.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"

extern const socle_backend *const socle_builtin_backends[];

enum { MOST_REGISTERED = 16 };
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

/* ---- what there is ---- */

/* Everything about device `index` of b. What does not answer gets its error as a line of `more`. */
static void describe(const socle_backend *b, int index, int count, socle_device_info *out)
{
    *out = (socle_device_info){ .kind = SOCLE_KIND_OTHER };
    if (b->describe != NULL && b->describe(index, out) != SOCLE_OK) {
        *out = (socle_device_info){ .kind = SOCLE_KIND_OTHER };
        snprintf(out->more, sizeof out->more, "error: %s\n", socle_error());
    }
    if (count == 1 && b->host_ptr != NULL) /* the host itself: nowhere are there two */
        snprintf(out->spec, sizeof out->spec, "%.32s", b->name);
    else
        snprintf(out->spec, sizeof out->spec, "%.32s:%d", b->name, index);
    if (out->name[0] == '\0')
        snprintf(out->name, sizeof out->name, "no name");
}

bool socle_device_list(size_t i, socle_device_info *out)
{
    const socle_backend *b;
    for (int k = 0; (b = backend_at(k)) != NULL; k++) {
        int count = b->count();
        if (i < (size_t)count) {
            describe(b, (int)i, count, out);
            return true;
        }
        i -= (size_t)count;
    }
    return false;
}

socle_status socle_device_default(char *spec, size_t cap)
{
    static const char *const hosts[] = { "cpu", "ref" };
    socle_device_info d;
    bool found = false;
    for (size_t i = 0; !found && socle_device_list(i, &d); i++)
        found = d.kind == SOCLE_KIND_GPU;
    for (size_t h = 0; !found && h < sizeof hosts / sizeof hosts[0]; h++)
        for (size_t i = 0; !found && socle_device_list(i, &d); i++)
            found = strcmp(d.spec, hosts[h]) == 0;
    SOCLE_CHECK(found, SOCLE_ERR_DEVICE, "no device: neither a gpu nor the backends cpu and ref are there");
    int n = snprintf(spec, cap, "%s", d.spec);
    SOCLE_CHECK(n >= 0 && (size_t)n < cap, SOCLE_ERR_ARG, "device_default: '%s' does not fit into %zu bytes",
                d.spec, cap);
    return SOCLE_OK;
}

/* ---- specs ---- */

enum { LIST = 384 };

/* ": cl:0 (NVIDIA H100), cl:1 (...)", cut to fit, or "". */
static const char *devices_of(const socle_backend *b, int count, char text[LIST])
{
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; i < count && n < LIST; i++) {
        socle_device_info d;
        describe(b, i, count, &d);
        n += (size_t)snprintf(text + n, LIST - n, "%s%s (%s)", i == 0 ? ": " : ", ", d.spec, d.name);
    }
    return text;
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

/* The backend itself knows best why it has no device at all. */
static socle_status no_devices(const socle_backend *b, const char *spec)
{
    socle_device_info d = { .kind = SOCLE_KIND_OTHER };
    if (b->describe == NULL || b->describe(0, &d) == SOCLE_OK)
        return socle_fail(SOCLE_ERR_ARG, "device '%.64s': there are 0 of this kind", spec);
    char why[256];
    snprintf(why, sizeof why, "%s", socle_error());
    return socle_fail(SOCLE_ERR_ARG, "device '%.64s': %s", spec, why);
}

/* Does text contain part, in any case? */
static bool contains(const char *text, const char *part)
{
    for (; *text != '\0'; text++) {
        size_t n = 0;
        while (part[n] != '\0' && tolower((unsigned char)text[n]) == tolower((unsigned char)part[n]))
            n++;
        if (part[n] == '\0')
            return true;
    }
    return false;
}

/* The one device with `part` in its name. */
static socle_status find_by_name(const socle_backend *b, int count, const char *spec, const char *part, int *index)
{
    char list[LIST];
    int found = 0;
    for (int i = 0; i < count; i++) {
        socle_device_info d;
        describe(b, i, count, &d);
        if (!contains(d.name, part))
            continue;
        *index = i;
        found++;
    }
    SOCLE_CHECK(found > 0, SOCLE_ERR_ARG, "device '%.64s': after the colon stands a number or part of a name%s",
                spec, devices_of(b, count, list));
    SOCLE_CHECK(found == 1, SOCLE_ERR_ARG, "device '%.64s': %d names contain '%.32s'%s", spec, found, part,
                devices_of(b, count, list));
    return SOCLE_OK;
}

socle_status registry_find(const char *spec, device_place *out)
{
    size_t length = strcspn(spec, ":");
    const socle_backend *b = find_backend(spec, length);
    if (b == NULL)
        return unknown_backend(spec);
    int count = b->count(), index = 0;
    if (count <= 0)
        return no_devices(b, spec);
    if (spec[length] == ':') {
        const char *place = spec + length + 1;
        size_t digits = strspn(place, "0123456789");
        if (place[0] == '\0' || place[digits] != '\0')
            SOCLE_TRY(find_by_name(b, place[0] == '\0' ? 0 : count, spec, place, &index));
        else
            index = digits < 9 ? atoi(place) : 999999999; /* in any case too large */
    }
    char list[LIST];
    SOCLE_CHECK(index < count, SOCLE_ERR_ARG, "device '%.64s': there %s %d of this kind, counted from 0%s", spec,
                count == 1 ? "is" : "are", count, devices_of(b, count, list));
    *out = (device_place){ b, index };
    return SOCLE_OK;
}
