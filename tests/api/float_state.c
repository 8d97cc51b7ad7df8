/* Loading the library and computing with it leave the caller's floating-point control register alone: one shared
 * object linked with -ffast-math would make the whole program flush denormals to zero, and so would a kernel that
 * forgets to restore what it changed.
 *
 * The library is loaded at run time (argv[1]), so that there is a state from before. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <socle/socle.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
static unsigned control_state(void)
{
    return _mm_getcsr() & ~0x3Fu; /* without the flags of past exceptions */
}
#elif defined(__aarch64__)
static unsigned control_state(void)
{
    unsigned long long fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return (unsigned)fpcr;
}
#else
#define NO_CONTROL_STATE
#endif

#ifdef NO_CONTROL_STATE
int main(void)
{
    puts("skipped: no floating-point control register is known for this processor");
    return 77;
}
#else

static unsigned at_start;

static int check(const char *when)
{
    unsigned now = control_state();
    if (now == at_start)
        return 0;
    printf("%s: the control register is %#x, it was %#x\n", when, now, at_start);
    return 1;
}

/* The address of function `name`, stored into a pointer to a function. */
static void find(void *library, const char *name, void *function, size_t size)
{
    void *address = dlsym(library, name);
    if (address == NULL) {
        printf("%s is not in the library\n", name);
        exit(1);
    }
    memcpy(function, &address, size);
}

static int compute(void *library, const char *spec)
{
    socle_device *(*device_open)(const char *, socle_device_desc);
    void (*device_close)(socle_device *);
    socle_ctx *(*ctx_new)(socle_device *, uint64_t);
    void (*ctx_free)(socle_ctx *);
    socle_tensor *(*full)(socle_ctx *, socle_dtype, socle_shape, double);
    socle_tensor *(*matmul)(socle_ctx *, socle_tensor *, socle_tensor *);
    socle_tensor *(*softmax)(socle_ctx *, socle_tensor *, int);
    socle_tensor *(*sum)(socle_ctx *, socle_tensor *, uint32_t, bool);
    socle_status (*item)(const socle_tensor *, double *);
    find(library, "socle_device_open", &device_open, sizeof device_open);
    find(library, "socle_device_close", &device_close, sizeof device_close);
    find(library, "socle_ctx_new", &ctx_new, sizeof ctx_new);
    find(library, "socle_ctx_free", &ctx_free, sizeof ctx_free);
    find(library, "socle_full", &full, sizeof full);
    find(library, "socle_matmul", &matmul, sizeof matmul);
    find(library, "socle_softmax", &softmax, sizeof softmax);
    find(library, "socle_sum", &sum, sizeof sum);
    find(library, "socle_item", &item, sizeof item);

    socle_device *d = device_open(spec, (socle_device_desc){ .threads = 2 });
    int failed = check("after opening the device");
    socle_ctx *c = ctx_new(d, 1);
    socle_shape s = { 2, { 128, 128 } }; /* large enough to be shared among threads */
    socle_tensor *product = matmul(c, full(c, SOCLE_F32, s, 1e-20), full(c, SOCLE_F32, s, 1e-20));
    double total = 0;
    if (item(sum(c, softmax(c, product, 1), 0, false), &total) != SOCLE_OK || !(total > 127 && total < 129)) {
        printf("%s: 128 rows of softmax add up to %g\n", spec, total);
        failed = 1;
    }
    failed |= check(spec);
    ctx_free(c);
    device_close(d);
    return failed;
}

int main(int argc, char **argv)
{
    at_start = control_state();
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL) {
        printf("cannot load the library: %s\n", argc == 2 ? dlerror() : "give its path");
        return 1;
    }
    int failed = check("after loading");
    failed |= compute(library, "cpu");
    failed |= compute(library, "ref");
    /* Not unloaded: the threads of OpenMP stay. */
    return failed;
}
#endif
