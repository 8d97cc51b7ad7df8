/* A fuzzer of the IDX reader: any bytes as a file give a status, never a crash, a leak or a size that is not
 * there. */
#include <socle/vision.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <socle/sys/test.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory where there are such files: on a disk, most of the time would go there. */
static char path[64] = "/tmp/socle-fuzz-XXXXXX";

static void remove_file(void)
{
    unlink(path);
}

static int open_file(void)
{
#ifdef __linux__
    int memory = memfd_create("fuzz_idx", 0);
    if (memory >= 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
        return memory;
    }
#endif
    int file = mkstemp(path);
    if (file >= 0)
        atexit(remove_file);
    return file;
}

static void demand(bool fact, const char *what)
{
    if (fact)
        return;
    fprintf(stderr, "fuzz_idx: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    if (file < 0)
        file = open_file();
    demand(file >= 0, "no temporary file");
    demand(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size, "the file cannot be written");

    socle_shape shape;
    uint8_t *elements;
    if (socle_idx_read(path, &shape, &elements) == SOCLE_OK) {
        demand(shape.ndim >= 1 && shape.ndim <= 4, "impossible dimensions");
        size_t n = 1;
        unsigned sum = 0;
        for (int i = 0; i < shape.ndim; i++)
            n *= (size_t)shape.dim[i];
        for (size_t i = 0; i < n; i++)
            sum += elements[i];
        demand(sum < 1u << 31 || n > 1u << 22,
               "a sum of bytes out of range"); /* uses the sum: the bytes are there */
        socle_idx_free(elements);
    } else {
        demand(socle_error()[0] != '\0', "a failure without a message");
    }
    demand(socle_test_live_blocks() == 0, "memory left behind");
    return 0;
}
