/* The limits of the machine, for 1 to n threads: multiply-adds in registers, and what each level of memory delivers.
 *
 *     read    sum += a[i]            triad   a[i] = b[i] + s c[i]  (the store's own read of a is not counted)
 *
 * Each thread has arrays of its own. Bandwidth of the caches is a thread's, so sizes are per thread but for DRAM. */
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <socle/sys/memory.h>

#include "cpu/parallel.h"

/* The widest registers there are; elsewhere the baseline has to do. (What chooses runs before ThreadSanitizer is ready.) */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) &&                   \
    !defined(__SANITIZE_THREAD__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

enum { LEVELS = 4 };
static const struct {
    const char *name;
    size_t bytes; /* of a thread's arrays together */
} levels[LEVELS] = { { "L1", 24 << 10 }, { "L2", 384 << 10 }, { "L3", 8 << 20 }, { "DRAM", 192 << 20 } };

typedef struct memory_job {
    uint32_t *memory;
    size_t words, repeats; /* words: of a thread */
    bool triad;
    uint32_t sum;
} memory_job;

/* n a multiple of 64. Integers, because compilers may reorder their sums; several, because one would wait for itself. */
WIDEST static uint32_t read_words(const uint32_t *a, size_t n)
{
    enum { SUMS = 64 };
    uint32_t sum[SUMS] = { 0 }, all = 0;
    for (size_t i = 0; i < n; i += SUMS)
        for (size_t l = 0; l < SUMS; l++)
            sum[l] += a[i + l];
    for (size_t l = 0; l < SUMS; l++)
        all += sum[l];
    return all;
}

WIDEST static void triad_words(float *restrict a, const float *restrict b, const float *restrict c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] = b[i] + 0.5f * c[i];
}

static void run_memory(void *arg, int64_t first, int64_t last)
{
    memory_job *j = arg;
    for (int64_t t = first; t < last; t++) {
        uint32_t *mine = j->memory + (size_t)t * j->words, sum = 0;
        size_t third = j->words / 3 / 16 * 16;
        for (size_t i = 0; i < j->repeats; i++)
            if (j->triad)
                triad_words((float *)(void *)mine, (float *)(void *)(mine + third),
                            (float *)(void *)(mine + 2 * third), third);
            else
                sum += read_words(mine, j->words);
        if (sum == 1) /* never, the memory holds zeros: keeps the loop */
            j->sum = sum;
    }
}

/* GB/s of all threads. */
static double bandwidth(memory_job *j, int threads, double seconds)
{
    enum { MOVED = 32 << 20 }; /* bytes of a sample, at least */
    const size_t bytes = j->words * sizeof(uint32_t);
    j->repeats = MOVED / bytes + 1;
    double best = 0, end = bench_now() + seconds;
    do {
        double start = bench_now();
        cpu_for(threads, threads, 1, run_memory, j);
        double moved = (double)bytes * (double)j->repeats * threads;
        best = fmax(best, moved / (bench_now() - start));
    } while (bench_now() < end);
    return best * 1e-9;
}

double bench_triad(float *memory, size_t words, int threads)
{
    enum { MOVED = 4 << 20 }; /* bytes of a thread, at least */
    memory_job j = { .memory = (uint32_t *)(void *)memory, .words = words / (size_t)threads, .triad = true };
    const size_t bytes = j.words / 3 / 16 * 16 * 3 * sizeof(float);
    j.repeats = MOVED / (bytes + 1) + 1;
    double start = bench_now();
    cpu_for(threads, threads, 1, run_memory, &j);
    return (double)bytes * (double)j.repeats * threads / (bench_now() - start) * 1e-9;
}

static double best_yardstick(const bench *b)
{
    double best = 0, end = bench_now() + b->seconds;
    do
        best = fmax(best, bench_yardstick(b));
    while (bench_now() < end);
    return best;
}

static void print(const bench *b, double fma, double gb[LEVELS][2])
{
    if (b->json) {
        printf("{\"threads\": %d, \"fma_gflops\": %.4g", b->threads, fma);
        for (int i = 0; i < LEVELS; i++)
            printf(", \"%s_read_gbs\": %.4g, \"%s_triad_gbs\": %.4g", levels[i].name, gb[i][0], levels[i].name,
                   gb[i][1]);
        printf("}\n");
        return;
    }
    printf("%7d %9.1f", b->threads, fma);
    for (int i = 0; i < LEVELS; i++)
        printf("  %6.1f %6.1f", gb[i][0], gb[i][1]);
    putchar('\n');
    fflush(stdout);
}

static int measure(int threads, double seconds, bool json)
{
    bench b = { .threads = threads, .seconds = seconds, .json = json };
    b.device = socle_device_open("cpu", (socle_device_desc){ .threads = threads });
    if (!b.device) {
        complain("%s", socle_error());
        return 1;
    }
    if (!json && threads == 1) {
        printf("%s\n%7s %9s", socle_device_name(b.device), "threads", "GFLOP/s");
        for (int i = 0; i < LEVELS; i++)
            printf("  %-6s %6s", levels[i].name, "triad");
        printf("  GB/s read and triad, all threads\n");
    }
    double gb[LEVELS][2];
    for (int i = 0; i < LEVELS; i++) {
        memory_job j = { .words = levels[i].bytes / sizeof(uint32_t) };
        j.memory = socle_mem_zeroed(j.words * (size_t)threads, sizeof(uint32_t));
        if (!j.memory) {
            complain("%s", socle_error());
            socle_device_close(b.device);
            return 1;
        }
        memset(j.memory, 0, j.words * (size_t)threads * sizeof(uint32_t));
        for (int triad = 0; triad < 2; triad++) {
            j.triad = triad;
            gb[i][triad] = bandwidth(&j, threads, seconds);
        }
        socle_mem_free(j.memory);
    }
    print(&b, best_yardstick(&b), gb);
    socle_device_close(b.device);
    return 0;
}

int bench_peak(int threads, double seconds, bool json)
{
    int failed = 0;
    for (int t = 1; t <= threads && !failed; t++)
        failed = measure(t, seconds / (2 * LEVELS + 1), json);
    return failed;
}
