/* idx_to_png FROM TO: the threes and sevens of MNIST's files in the folder FROM as 28x28 grey PNG images
 * TO/train/3/INDEX.png and so on, the folders of fast.ai's mnist_sample. TO is there. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { SIDE = 28, IMAGES_HEADER = 16, LABELS_HEADER = 8 };

static void fail(const char *path)
{
    fprintf(stderr, "idx_to_png: %s cannot be used\n", path);
    exit(1);
}

static gzFile begin(const char *dir, const char *name, unsigned header)
{
    char path[1024], skipped[IMAGES_HEADER];
    snprintf(path, sizeof path, "%s/%s-ubyte.gz", dir, name);
    gzFile f = gzopen(path, "rb");
    if (!f || gzread(f, skipped, header) != (int)header)
        fail(path);
    return f;
}

static void put_word(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Length, kind, n bytes, and the checksum of kind and bytes. */
static void put_chunk(FILE *f, const char *kind, const uint8_t *data, uint32_t n)
{
    uint8_t head[8], tail[4];
    put_word(head, n);
    memcpy(head + 4, kind, 4);
    put_word(tail, (uint32_t)crc32(crc32(0, head + 4, 4), data, n));
    fwrite(head, 1, sizeof head, f);
    fwrite(data, 1, n, f);
    fwrite(tail, 1, sizeof tail, f);
}

static void write_png(const char *path, const uint8_t *pixel)
{
    static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    static const uint8_t header[] = { 0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 0, 0, 0, 0 }; /* 8 bits, grey */
    uint8_t row[SIDE][1 + SIDE], packed[2048]; /* a filter of 0, then pixels */
    uLongf n = sizeof packed;
    for (int y = 0; y < SIDE; y++) {
        row[y][0] = 0;
        memcpy(&row[y][1], pixel + y * SIDE, SIDE);
    }
    FILE *f = fopen(path, "wb");
    if (!f || compress(packed, &n, row[0], sizeof row) != Z_OK)
        fail(path);
    fwrite(signature, 1, sizeof signature, f);
    put_chunk(f, "IHDR", header, sizeof header);
    put_chunk(f, "IDAT", packed, (uint32_t)n);
    put_chunk(f, "IEND", row[0], 0);
    if (fclose(f) != 0)
        fail(path);
}

static void convert(const char *from, const char *part, const char *to, const char *folder)
{
    char name[64], path[1024];
    uint8_t pixel[SIDE * SIDE];
    snprintf(name, sizeof name, "%s-images-idx3", part);
    gzFile images = begin(from, name, IMAGES_HEADER);
    snprintf(name, sizeof name, "%s-labels-idx1", part);
    gzFile labels = begin(from, name, LABELS_HEADER);
    snprintf(path, sizeof path, "%s/%s", to, folder);
    mkdir(path, 0777);
    for (int digit = 3; digit <= 7; digit += 4) {
        snprintf(path, sizeof path, "%s/%s/%d", to, folder, digit);
        mkdir(path, 0777);
    }
    for (int i = 0, digit; (digit = gzgetc(labels)) >= 0; i++) {
        if (gzread(images, pixel, sizeof pixel) != sizeof pixel)
            fail(from);
        snprintf(path, sizeof path, "%s/%s/%d/%d.png", to, folder, digit, i);
        if (digit == 3 || digit == 7)
            write_png(path, pixel);
    }
    gzclose(images);
    gzclose(labels);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: idx_to_png FROM TO\n");
        return 2;
    }
    convert(argv[1], "train", argv[2], "train");
    convert(argv[1], "t10k", argv[2], "valid");
    return 0;
}
