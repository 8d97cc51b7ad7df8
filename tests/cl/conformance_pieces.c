/* One family of the conformance program on one device:
 *
 *     conformance_pieces DEVICE FAMILY [--all | --smallest | --partial]
 *
 * Without an option, those rows of the family that make few different programs: kernels are specialised by options, and
 * building one takes a processor's compiler a tenth of a second to one second. --smallest: rows for a simulator, thousands
 * of times slower than a device. --partial: more of them, whose last block of images is not full, so that kernels compute
 * with lanes that nobody wrote and nobody reads. Rows are named by a part of their name; "" is all of a family. */
#include <stdio.h>
#include <string.h>
#include "conformance.h"

enum { MAX_PIECES = 12 };
typedef struct pieces {
    const char *family;
    const char *quick[MAX_PIECES], *smallest[MAX_PIECES], *partial[MAX_PIECES];
} pieces;

static const pieces table[] = {
    { "elementwise", { "7x5", "33x17", "17x2x1x4" }, { "7x5" }, { NULL } },
    { "binary",
      { "7x5", "17x3x4x5" },
      { "mul 7x5", "mul side 0 7x5", "maximum side 1 7x5", "lt 7x5", "ne 7x5", "add_relu general 7x5" },
      { NULL } },
    { "reduce", { "" }, { "5x17", "9x2x3x3", "sum 1009", "17x10 axis 1" }, { NULL } },
    { "gemm", { "" }, { "5x7 of 11x7" }, { NULL } },
    { "linear", { "" }, { "16 of 1 to 12" }, { "7 of 5 to 3 bias relu" } },
    { "conv",
      { "17 images", "3 groups s2", "dilation 1 by 3 s2" },
      { "one pixel s2" },
      { "one pixel bias relu", "one pixel relu dxwb" } },
    { "pool", { "" }, { "2x2 one image", "adaptive 5x7" }, { NULL } },
    { "index", { "" }, { "rows of a table", "images" }, { NULL } },
    { "random", { "" }, { "17x3" }, { NULL } },
    { "norm",
      { "" },
      { "8x3x1x4 batch channel at 0 raised", "8x2x2x5 group channel at 0 raised",
        "8x2x2x5 group channel at 0 unbiased", "16x1x6x4 group element at 0 detached",
        "17x1x1x260 batch channel at 3 unbiased" },
      { NULL } },
    { "softmax", { "" }, { "3x8", "7x3 range" }, { NULL } },
    { "optim",
      { "" },
      { "everything 4 from", "adam with all 4 from", "rms with momentum 4 from", "sign 4 from",
        "lamb with all 4 from", "to 0.75 4 from", "b 0.75 4 from" },
      { NULL } },
    { "histogram", { "" }, { "activations 17x5", "many 1009" }, { NULL } },
    { "shift", { "" }, { "one image", "cut larger" }, { NULL } },
};

static void show(void *user, const conformance_result *r)
{
    (void)user;
    if (r->verdict == CONFORMANCE_FAIL)
        printf("FAIL %s [%s] (%s): %s\n", r->slot, r->row, r->layout, r->text);
}

static int run(const char *device, const char *family, const char *row, int *rows)
{
    conformance_options o = {
        .device = device, .family = family, .row = row[0] ? row : NULL, .threads = 1, .small = true
    };
    conformance_summary sum;
    int failed = conformance_run(&o, show, NULL, &sum);
    *rows += sum.rows;
    if (failed < 0)
        printf("%s: %s\n", family, socle_error());
    return failed != 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s DEVICE FAMILY [--all | --smallest | --partial]\n", argv[0]);
        return 2;
    }
    const char *option = argc > 3 ? argv[3] : "";
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].family, argv[2]) != 0)
            continue;
        const char *const all[MAX_PIECES] = { "" };
        const char *const *piece = strcmp(option, "--all") == 0        ? all
                                   : strcmp(option, "--smallest") == 0 ? table[i].smallest
                                   : strcmp(option, "--partial") == 0  ? table[i].partial
                                                                       : table[i].quick;
        int failed = 0, rows = 0;
        for (int j = 0; j < MAX_PIECES && piece[j] != NULL; j++)
            failed |= run(argv[1], argv[2], piece[j], &rows);
        printf("%s: %d rows\n", argv[2], rows);
        return failed || rows == 0;
    }
    fprintf(stderr, "%s: there is no family %s\n", argv[0], argv[2]);
    return 2;
}
