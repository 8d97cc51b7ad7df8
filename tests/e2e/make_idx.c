/* make_idx DIR TRAIN TEST [LABEL]: a synthetic data set in Fashion-MNIST's format, for tests without the real
 * one. Class k is a bright bar at height 2 k + 3 on noise. LABEL: the first training label, to make a bad one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { SIDE = 28, CLASSES = 10 };

static gzFile begin(const char *dir, const char *name, uint8_t ndim, uint32_t n)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s-ubyte.gz", dir, name);
    gzFile f = gzopen(path, "wb1");
    const uint8_t header[] = {
        0, 0, 8, ndim, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0, SIDE,
        0, 0, 0, SIDE
    };
    if (!f || gzwrite(f, header, 4u + 4u * ndim) == 0) {
        fprintf(stderr, "make_idx: %s cannot be written\n", path);
        exit(1);
    }
    return f;
}

static void write_split(const char *dir, const char *images, const char *labels, uint32_t n, int first_label)
{
    uint32_t state = n;
    gzFile x = begin(dir, images, 3, n), y = begin(dir, labels, 1, n);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t pixel[SIDE][SIDE];
        uint32_t class = i % CLASSES;
        for (uint32_t row = 0; row < SIDE; row++) {
            for (uint32_t column = 0; column < SIDE; column++) {
                state = state * 1664525u + 1013904223u;
                pixel[row][column] = (uint8_t)((state >> 25) + (row / 2 == class + 1 ? 100 : 0));
            }
        }
        gzwrite(x, pixel, sizeof pixel);
        gzputc(y, i == 0 && first_label >= 0 ? first_label : (int)class);
    }
    if (gzclose(x) != Z_OK || gzclose(y) != Z_OK)
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: make_idx DIR TRAIN TEST [LABEL]\n");
        return 2;
    }
    write_split(argv[1], "train-images-idx3", "train-labels-idx1", (uint32_t)atoi(argv[2]),
                argc > 4 ? atoi(argv[4]) : -1);
    write_split(argv[1], "t10k-images-idx3", "t10k-labels-idx1", (uint32_t)atoi(argv[3]), -1);
    return 0;
}
