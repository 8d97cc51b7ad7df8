/* Runs a fuzzer without libFuzzer: good seeds, and deterministic mutations of them for a few seconds. Under
 * libFuzzer (clang -fsanitize=fuzzer) the same fuzzer is built without this file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAP = 4096, ROUNDS = 40000, SECONDS = 5 };

typedef struct input {
    uint8_t data[CAP];
    size_t size;
} input;

/* An xorshift generator: the same mutations everywhere. */
static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static input plain(int ndim, const uint32_t *dim)
{
    input s = { .data = { 0, 0, 8, (uint8_t)ndim }, .size = 4 };
    size_t n = 1;
    for (int i = 0; i < ndim; i++) {
        for (int shift = 24; shift >= 0; shift -= 8)
            s.data[s.size++] = (uint8_t)(dim[i] >> shift);
        n *= dim[i];
    }
    for (size_t i = 0; i < n; i++)
        s.data[s.size++] = (uint8_t)(i * i);
    return s;
}

static input packed(const input *from)
{
    input s = { .size = 0 };
    z_stream z = { .next_in = (Bytef *)(uintptr_t)from->data,
                   .avail_in = (uInt)from->size,
                   .next_out = s.data,
                   .avail_out = CAP };
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    s.size = z.total_out;
    deflateEnd(&z);
    return s;
}

static void mutate(input *s, uint32_t *state)
{
    for (uint32_t n = 1 + next(state) % 4; n > 0; n--) {
        size_t at = s->size ? next(state) % s->size : 0;
        switch (next(state) % 6) {
        case 0:
            s->data[at] ^= (uint8_t)(1u << next(state) % 8);
            break;
        case 1:
            s->data[at] = (uint8_t)next(state);
            break;
        case 2:
            s->data[at] = next(state) % 2 ? 0xff : 0;
            break;
        case 3:
            s->size = at;
            break;
        case 4: /* a piece again */
            for (size_t k = 0, piece = next(state) % 64; k < piece && s->size < CAP && at + k < s->size; k++)
                s->data[s->size++] = s->data[at + k];
            break;
        default: /* a byte out */
            if (s->size > 0)
                memmove(s->data + at, s->data + at + 1, --s->size - at);
        }
    }
}

int main(void)
{
    const uint32_t images[] = { 3, 5, 4 }, labels[] = { 40 }, deep[] = { 2, 3, 2, 5 }, flat[] = { 1, 1000 };
    input seed[8];
    seed[0] = plain(3, images);
    seed[1] = plain(1, labels);
    seed[2] = plain(4, deep);
    seed[3] = plain(2, flat);
    for (int i = 0; i < 4; i++)
        seed[4 + i] = packed(&seed[i]);

    uint32_t state = 20240807;
    time_t end = time(NULL) + SECONDS;
    int round = 0;
    for (; round < ROUNDS && time(NULL) < end; round++) {
        input s = seed[round % 8];
        if (round >= 8)
            mutate(&s, &state);
        LLVMFuzzerTestOneInput(s.data, s.size);
    }
    printf("%d inputs\n", round);
    return 0;
}
