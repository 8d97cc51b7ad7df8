/* socle tune: which of a device's kernels is the fastest here for which shape (socle/sys/tune.h). */
#include "socle.h"

#include <stdio.h>
#include <string.h>
#include <socle/sys/tune.h>
#include <socle/tensor.h>

enum { SHAPE = 64 };

/* One shape's table is printed line by line, as its results come. */
typedef struct tuning {
    char shape[SHAPE];
    int shapes, changed;
} tuning;

static void print_result(void *user, const socle_tune_result *r)
{
    tuning *t = user;
    if (t->shapes == 0)
        printf("%-8s %-20s %-12s %11s %10s\n", "family", "shape", "variant", "us", "GFLOP/s");
    const bool next = strcmp(t->shape, r->shape) != 0;
    if (next) {
        snprintf(t->shape, sizeof t->shape, "%s", r->shape);
        t->shapes++;
    }
    t->changed += r->is && !r->was;
    printf("%-8s %-20s %-12s %11.1f %10.1f  %s\n", next ? r->family : "", next ? r->shape : "", r->variant,
           r->seconds * 1e6, r->rate * 1e-9,
           r->is    ? (r->was ? "used" : "used from now on")
           : r->was ? "was used"
                    : "");
}

int cmd_tune(int argc, char **argv)
{
    const char *spec = NULL;
    const option_slot slots[] = { { .name = "--device", .text = &spec } };
    if (!options_take("tune", argc, argv, slots, sizeof slots / sizeof slots[0]))
        return BAD_USAGE;
    socle_device *device = socle_device_open(spec, (socle_device_desc){ 0 });
    if (!device)
        return complain_error();
    setvbuf(stdout, NULL, _IOLBF, 0);
    tuning t = { .shape = "" };
    socle_status status = socle_device_tune(device, print_result, &t);
    const int code = status == SOCLE_OK ? DONE : complain_error();
    if (status == SOCLE_OK)
        printf("%d shapes, %d choices changed\n", t.shapes, t.changed);
    socle_device_close(device);
    return code;
}
