/* socle devices: every device, opened once to see whether it can be used. */
#include "socle.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <socle/sys/backend.h>

enum { KEY = 24 }; /* width of the left column */

static void line(const char *key, const char *value)
{
    printf("  %-*s %s\n", KEY, key, value);
}

static const char *kind_name(socle_device_kind kind)
{
    switch (kind) {
    case SOCLE_KIND_CPU:
        return "cpu";
    case SOCLE_KIND_GPU:
        return "gpu";
    case SOCLE_KIND_REFERENCE:
        return "reference, for tests: slow";
    case SOCLE_KIND_OTHER:
        break;
    }
    return "other";
}

/* The lines "key: value" of a description. */
static void print_more(const char *more)
{
    while (*more != '\0') {
        size_t length = strcspn(more, "\n"), key = strcspn(more, ":");
        if (key + 2 <= length)
            printf("  %-*.*s %.*s\n", KEY, (int)key, more, (int)(length - key - 2), more + key + 2);
        more += length + (more[length] == '\n');
    }
}

/* Fused functions are optional: the others a backend must have. */
static void print_support(const socle_backend *b)
{
    const struct {
        const char *name;
        bool present;
    } fused[] = {
        { "axpby", b->axpby != NULL },
        { "add_relu", b->add_relu != NULL },
        { "conv", b->conv != NULL },
        { "conv_grad", b->conv_grad != NULL },
        { "linear", b->linear != NULL },
        { "linear_grad", b->linear_grad != NULL },
        { "moments", b->moments != NULL },
        { "normalize", b->normalize != NULL },
        { "normalize_grad", b->normalize_grad != NULL },
        { "conv_norm_grad", b->conv_norm_grad != NULL },
        { "softmax", b->softmax != NULL },
        { "softmax_grad", b->softmax_grad != NULL },
        { "xent", b->xent != NULL },
        { "xent_grad", b->xent_grad != NULL },
        { "dropout", b->dropout != NULL },
        { "sgd_many", b->sgd_many != NULL },
        { "adam_many", b->adam_many != NULL },
        { "lamb_many", b->lamb_many != NULL },
        { "clip_many", b->clip_many != NULL },
        { "axpby_many", b->axpby_many != NULL },
        { "shift_images", b->shift_images != NULL },
    };
    char composed[256] = "";
    for (size_t i = 0; i < sizeof fused / sizeof fused[0]; i++) {
        size_t n = strlen(composed);
        if (!fused[i].present)
            snprintf(composed + n, sizeof composed - n, "%s%s", n > 0 ? ", " : "", fused[i].name);
    }
    if (composed[0] == '\0')
        line("functions", "all, fused ones included");
    else
        printf("  %-*s all; composed of others: %s\n", KEY, "functions", composed);
}

static void print_opened(const char *spec)
{
    socle_device *d = socle_device_open(spec, (socle_device_desc){ 0 });
    if (d == NULL) {
        printf("  %-*s no: %s\n", KEY, "usable", socle_error());
        return;
    }
    const socle_backend *b = socle_device_backend(d);
    socle_caps caps = { .lanes = 1 };
    b->caps(socle_device_self(d), &caps);
    line("computes in", socle_dtype_name(caps.real));
    if (caps.lanes > 1)
        printf("  %-*s blocks of %d images\n", KEY, "batch format", (int)caps.lanes);
    else
        line("batch format", "row-major");
    print_support(b);
    line("usable", "yes");
    socle_device_close(d);
}

/* Devices that one might look for in vain. */
static void print_absent(bool any_opencl)
{
#ifdef SOCLE_TOOL_OPENCL
    if (any_opencl)
        return;
    socle_device *d = socle_device_open("cl", (socle_device_desc){ 0 });
    printf("no OpenCL device: %s\n", d == NULL ? socle_error() : "it came late");
    socle_device_close(d);
#else
    (void)any_opencl;
    printf("no OpenCL devices: this socle was built without OpenCL\n");
#endif
}

int cmd_devices(int argc, char **argv)
{
    if (!options_take("devices", argc, argv, NULL, 0))
        return BAD_USAGE;
    socle_device_info d;
    bool any_opencl = false;
    for (size_t i = 0; socle_device_list(i, &d); i++) {
        printf("%s: %s\n", d.spec, d.name);
        any_opencl |= strncmp(d.spec, "cl:", 3) == 0;
        line("kind", kind_name(d.kind));
        if (d.memory > 0)
            printf("  %-*s %llu MiB\n", KEY, "memory", (unsigned long long)(d.memory >> 20));
        print_more(d.more);
        print_opened(d.spec);
        puts("");
    }
    print_absent(any_opencl);
    const char *chosen = getenv("SOCLE_DEVICE");
    if (chosen != NULL && chosen[0] != '\0') {
        printf("default: %s (SOCLE_DEVICE)\n", chosen);
        return DONE;
    }
    char spec[64];
    if (socle_device_default(spec, sizeof spec) != SOCLE_OK)
        return complain_error();
    printf("default: %s\n", spec);
    return DONE;
}
