/* See choice.h. Everything here is a few comparisons: what a call costs is dwarfed by its launch.
 *
 * The file is text: a line with its format and the kernels it is about, a line with the device and driver, then a line a
 * fact:
 *
 *     aside gemm gpu_8x8 37x53 of 29: element 12 is 0.5 instead of 0.25
 *     gemm 512 512 512 cpu_14x32 */
#include "choice.h"
#include "cache_folder.h"
#include "program.h"

#include <math.h>
#include <socle/sys/memory.h>
#include <stdio.h>
#include <string.h>

enum { REASON = 256, TUNED = 64, LINE = 640 /* an identity has up to 511 */ };

typedef struct aside {
    bool is, kept;
    char why[REASON];
} aside;

typedef struct tuned {
    ocl_size size;
    double m, n, k; /* log2 of it */
    ocl_variant variant;
} tuned;

struct ocl_choice {
    int vector; /* floats a register of the device holds */
    aside aside[OCL_VARIANTS];
    int n_tuned;
    tuned tuned[TUNED];
};

static const struct {
    const char *family, *name;
} variants[] = {
#define V(family, name) { #family, #name },
#include "variants.def"
#undef V
};

const char *ocl_variant_family(ocl_variant v)
{
    return variants[v].family;
}

const char *ocl_variant_name(ocl_variant v)
{
    return variants[v].name;
}

static ocl_variant find(const char *family, const char *name)
{
    for (int v = 0; v < OCL_VARIANTS; v++)
        if (strcmp(variants[v].family, family) == 0 && strcmp(variants[v].name, name) == 0)
            return (ocl_variant)v;
    return OCL_VARIANTS;
}

/* ---- the table ---- */

enum { ON_CPU = 1, ON_GPU = 2 };
/* The first rule that holds wins. Zero: no bound. */
typedef struct rule {
    ocl_variant variant;
    int devices;
    int vector;                       /* floats in a register, at least */
    int64_t least_k, least_c, most_c; /* c: m n */
} rule;

static const rule gemm_rules[] = {
    { OCL_gemm_cpu_14x32, ON_CPU, 16, 0, 0, 0 },
    { OCL_gemm_cpu_8x48, ON_CPU, 16, 0, 0, 0 },
    { OCL_gemm_cpu_8x32, ON_CPU, 16, 0, 0, 0 },
    { OCL_gemm_cpu_6x16, ON_CPU, 0, 0, 0, 0 },
    { OCL_gemm_gpu_4x4, ON_GPU, 0, 2048, 0,
      15 * 64 * 64 }, /* few results of long sums: only our own kernel cuts k */
    { OCL_gemm_clblast, ON_GPU, 0, 0, 0, 0 },
    { OCL_gemm_gpu_8x8, ON_GPU, 0, 0, 512 * 512, 0 },
    { OCL_gemm_gpu_4x4, ON_CPU | ON_GPU, 0, 0, 0, 0 },
    { OCL_gemm_gpu_8x8, ON_GPU, 0, 0, 0, 0 },
    { OCL_gemm_any, ON_CPU | ON_GPU, 0, 0, 0, 0 },
};
enum { RULES = sizeof gemm_rules / sizeof *gemm_rules };

static bool is_for(const rule *r, const ocl_device *d)
{
    return (r->devices & (d->is_cpu ? ON_CPU : ON_GPU)) && d->choice->vector >= r->vector;
}

static bool holds(const rule *r, const ocl_device *d, ocl_size s)
{
    return is_for(r, d) && s.k >= r->least_k && s.m * s.n >= r->least_c &&
           (r->most_c == 0 || s.m * s.n <= r->most_c);
}

enum { ANY_PASS = OCL_FORWARD | OCL_BACKWARD_DATA | OCL_BACKWARD_WEIGHTS };
/* The first rule that holds wins: of these passes, with windows of at most so many pixels, with at least so many channels
 * that a result sums, channels in and out, and pixels of an image's result. Zero: no bound. */
typedef struct conv_rule {
    ocl_variant variant;
    int devices, passes;
    bool strided; /* too */
    int64_t most_window, least_terms, least_channels, least_pixels;
} conv_rule;

/* Winograd's transforms round more than short sums may: 64 channels keep it within the budget of conformance. On processors the
 * direct kernels are as fast as products but for windows of one pixel, and faster with strides; see winograd.c. */
static const conv_rule conv_rules[] = {
    { OCL_conv_winograd, ON_CPU | ON_GPU, OCL_FORWARD | OCL_BACKWARD_DATA, false, 9, 64, 16, 9 },
    { OCL_conv_winograd, ON_CPU | ON_GPU, OCL_BACKWARD_WEIGHTS, false, 9, 0, 32, 9 },
    { OCL_conv_gemm, ON_CPU, OCL_FORWARD | OCL_BACKWARD_DATA, false, 1, 0, 32, 4 },
    { OCL_conv_gemm, ON_CPU, OCL_BACKWARD_WEIGHTS, true, 1, 0, 64, 4 },
    { OCL_conv_gemm, ON_GPU, ANY_PASS, false, 0, 0, 32, 4 },
    { OCL_conv_gemm, ON_GPU, ANY_PASS, true, 0, 0, 64, 4 },
    { OCL_conv_direct, ON_CPU | ON_GPU, ANY_PASS, true, 0, 0, 0, 0 },
};
enum { CONV_RULES = sizeof conv_rules / sizeof *conv_rules };

static bool holds_for_layer(const conv_rule *r, const ocl_device *d, const ocl_layer *l)
{
    const int64_t terms = l->pass == OCL_FORWARD ? l->c : l->pass == OCL_BACKWARD_DATA ? l->k : INT64_MAX;
    return (r->devices & (d->is_cpu ? ON_CPU : ON_GPU)) && (r->passes & (int)l->pass) &&
           (r->strided || !l->strided) && (r->most_window == 0 || l->window <= r->most_window) &&
           terms >= r->least_terms && l->c >= r->least_channels && l->k >= r->least_channels &&
           l->pixels >= r->least_pixels;
}

ocl_variant ocl_choose_conv(ocl_device *d, const ocl_layer *l, uint32_t tried)
{
    int r = 0;
    (void)pthread_mutex_lock(&d->lock);
    while (r < CONV_RULES - 1 &&
           (!holds_for_layer(&conv_rules[r], d, l) || d->choice->aside[conv_rules[r].variant].is ||
            (tried >> conv_rules[r].variant & 1u)))
        r++;
    (void)pthread_mutex_unlock(&d->lock);
    return conv_rules[r].variant;
}

ocl_variant ocl_gemm_candidate(const ocl_device *d, int i)
{
    uint32_t seen = 0;
    for (int r = 0; r < RULES; r++) {
        const uint32_t bit = 1u << gemm_rules[r].variant;
        if (!is_for(&gemm_rules[r], d) || gemm_rules[r].most_c > 0)
            continue;
        if (!(seen & bit) && i-- == 0)
            return gemm_rules[r].variant;
        seen |= bit;
    }
    return OCL_VARIANTS;
}

/* ---- what was measured ---- */

/* The measured size nearest to s, if it is within a factor of 2 in each direction. */
static const tuned *nearest(const struct ocl_choice *c, ocl_size s)
{
    const tuned *best = NULL;
    double least = 3;
    if (c->n_tuned == 0 || s.batches != 1)
        return NULL;
    const double m = log2((double)s.m), n = log2((double)s.n), k = log2((double)s.k);
    for (int i = 0; i < c->n_tuned; i++) {
        const tuned *t = &c->tuned[i];
        const double dm = fabs(t->m - m), dn = fabs(t->n - n), dk = fabs(t->k - k);
        if (dm <= 1 && dn <= 1 && dk <= 1 && dm + dn + dk < least) {
            least = dm + dn + dk;
            best = t;
        }
    }
    return best;
}

ocl_variant ocl_choose_gemm(ocl_device *d, ocl_size s, uint32_t tried)
{
    ocl_variant v = OCL_gemm_any;
    (void)pthread_mutex_lock(&d->lock);
    const struct ocl_choice *c = d->choice;
    const tuned *t = nearest(c, s);
    if (t && !c->aside[t->variant].is && !(tried >> t->variant & 1u)) {
        v = t->variant;
    } else {
        int r = 0;
        while (r < RULES - 1 && (!holds(&gemm_rules[r], d, s) || c->aside[gemm_rules[r].variant].is ||
                                 (tried >> gemm_rules[r].variant & 1u)))
            r++;
        v = gemm_rules[r].variant;
    }
    (void)pthread_mutex_unlock(&d->lock);
    return v;
}

static void set_gemm(struct ocl_choice *c, ocl_size s, ocl_variant v)
{
    int i = 0;
    while (i < c->n_tuned && (c->tuned[i].size.m != s.m || c->tuned[i].size.n != s.n || c->tuned[i].size.k != s.k))
        i++;
    if (v == OCL_VARIANTS) {
        if (i < c->n_tuned)
            c->tuned[i] = c->tuned[--c->n_tuned];
        return;
    }
    if (i == TUNED)
        return;
    c->tuned[i] =
        (tuned){ .size = s, .m = log2((double)s.m), .n = log2((double)s.n), .k = log2((double)s.k), .variant = v };
    if (i == c->n_tuned)
        c->n_tuned++;
}

void ocl_choice_set_gemm(ocl_device *d, ocl_size s, ocl_variant v)
{
    (void)pthread_mutex_lock(&d->lock);
    set_gemm(d->choice, s, v);
    (void)pthread_mutex_unlock(&d->lock);
}

/* ---- what is aside ---- */

/* One line of text, cut where it does not fit. */
static void copy_line(char *to, size_t cap, const char *from)
{
    size_t n = 0;
    for (; *from && n + 1 < cap; from++)
        to[n++] = *from == '\n' || *from == '\r' ? ' ' : *from;
    to[n] = '\0';
}

static void set_aside(struct ocl_choice *c, ocl_variant v, const char *why, bool kept)
{
    c->aside[v].is = true;
    c->aside[v].kept |= kept;
    copy_line(c->aside[v].why, sizeof c->aside[v].why, why);
}

void ocl_put_aside(ocl_device *d, ocl_variant v, const char *why, bool kept)
{
    char text[REASON];
    copy_line(text, sizeof text, why);
    (void)pthread_mutex_lock(&d->lock);
    set_aside(d->choice, v, text, kept);
    (void)pthread_mutex_unlock(&d->lock);
    socle_log_text(SOCLE_LOG_WARN, "opencl: %s is put aside for %s on %s: %s", variants[v].name, variants[v].family,
                   d->name, text);
}

void ocl_put_back(ocl_device *d, ocl_variant v)
{
    (void)pthread_mutex_lock(&d->lock);
    d->choice->aside[v] = (aside){ 0 };
    (void)pthread_mutex_unlock(&d->lock);
}

bool ocl_is_aside(ocl_device *d, ocl_variant v, char *out, size_t cap)
{
    (void)pthread_mutex_lock(&d->lock);
    const aside *a = &d->choice->aside[v];
    const bool is = a->is;
    if (is && out)
        (void)snprintf(out, cap, "%s", a->why);
    (void)pthread_mutex_unlock(&d->lock);
    return is;
}

/* ---- the file ---- */

static void file_name(const ocl_device *d, char *out)
{
    (void)snprintf(out, OCL_FILE, "%016llx.choices",
                   (unsigned long long)ocl_hash(OCL_HASH_START, d->identity, strlen(d->identity)));
}

/* Kernels that have changed since may be faster, or right. */
static void first_line(char *out)
{
    static const char *const files[] = { "common.clh",  "gemm.clh", "gemm.cl",      "gemm_cpu.cl",
                                         "gemm_gpu.cl", "conv.cl",  "conv_gemm.cl", "winograd.cl" };
    uint64_t kernels = OCL_HASH_START;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *text = ocl_source(files[i]);
        kernels = text ? ocl_hash(kernels, text, strlen(text)) : kernels;
    }
    (void)snprintf(out, LINE, "socle choices 1 of kernels %016llx", (unsigned long long)kernels);
}

static void read_fact(struct ocl_choice *c, const char *line)
{
    char family[32], name[32];
    long long m, n, k;
    int at = 0;
    if (sscanf(line, "aside %31s %31s %n", family, name, &at) == 2 && at > 0) {
        ocl_variant v = find(family, name);
        if (v != OCL_VARIANTS)
            set_aside(c, v, line + at, true);
    } else if (sscanf(line, "gemm %lld %lld %lld %31s", &m, &n, &k, name) == 4 && m > 0 && n > 0 && k > 0) {
        ocl_variant v = find("gemm", name);
        if (v != OCL_VARIANTS)
            set_gemm(c, (ocl_size){ m, n, k, 1 }, v);
    }
}

/* False at the end of the file. Of lines that are too long the rest is the next line: no fact begins like that. */
static bool next_line(FILE *f, char *line)
{
    if (!fgets(line, LINE, f))
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static void load(struct ocl_choice *c, const ocl_device *d)
{
    char path[OCL_PATH], name[OCL_FILE], first[LINE], line[LINE];
    if (!ocl_cache_folder(path))
        return;
    file_name(d, name);
    const size_t n = strlen(path);
    (void)snprintf(path + n, OCL_PATH - n, "/%s", name);
    FILE *f = fopen(path, "r");
    if (!f)
        return;
    first_line(first);
    if (next_line(f, line) && strcmp(line, first) == 0 && next_line(f, line) && strcmp(line, d->identity) == 0)
        while (next_line(f, line))
            read_fact(c, line);
    (void)fclose(f);
}

/* Appends to text, of cap bytes, what fits. */
static void add(char *text, size_t cap, size_t *n, const char *line)
{
    const size_t bytes = strlen(line);
    if (*n + bytes < cap) {
        memcpy(text + *n, line, bytes + 1);
        *n += bytes;
    }
}

static void write_facts(const struct ocl_choice *c, char *text, size_t cap, size_t *n)
{
    char line[LINE];
    for (int v = 0; v < OCL_VARIANTS; v++)
        if (c->aside[v].is && c->aside[v].kept) {
            (void)snprintf(line, sizeof line, "aside %s %s %s\n", variants[v].family, variants[v].name,
                           c->aside[v].why);
            add(text, cap, n, line);
        }
    for (int i = 0; i < c->n_tuned; i++) {
        const tuned *t = &c->tuned[i];
        (void)snprintf(line, sizeof line, "gemm %lld %lld %lld %s\n", (long long)t->size.m, (long long)t->size.n,
                       (long long)t->size.k, variants[t->variant].name);
        add(text, cap, n, line);
    }
}

void ocl_choice_store(ocl_device *d)
{
    enum { TEXT = (OCL_VARIANTS + TUNED + 2) * LINE };
    char folder[OCL_PATH], name[OCL_FILE], line[LINE];
    if (!ocl_cache_folder(folder))
        return;
    char *text = socle_mem_alloc(TEXT);
    if (!text)
        return;
    size_t n = 0;
    first_line(line);
    add(text, TEXT, &n, line);
    add(text, TEXT, &n, "\n");
    (void)snprintf(line, sizeof line, "%s\n", d->identity);
    add(text, TEXT, &n, line);
    (void)pthread_mutex_lock(&d->lock);
    write_facts(d->choice, text, TEXT, &n);
    (void)pthread_mutex_unlock(&d->lock);
    file_name(d, name);
    ocl_cache_replace(folder, name, 1, &(ocl_part){ text, n });
    socle_mem_free(text);
}

/* ---- life ---- */

struct ocl_choice *ocl_choice_new(const ocl_device *d)
{
    struct ocl_choice *c = socle_mem_zeroed(1, sizeof *c);
    cl_uint vector = 0;
    if (!c)
        return NULL;
    (void)clGetDeviceInfo(d->id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof vector, &vector, NULL);
    c->vector = (int)vector;
    load(c, d);
    for (int v = 0; v < OCL_VARIANTS; v++)
        if (c->aside[v].is)
            socle_log_text(SOCLE_LOG_WARN, "opencl: %s for %s stays aside on %s since an earlier run: %s",
                           variants[v].name, variants[v].family, d->name, c->aside[v].why);
    return c;
}

void ocl_choice_free(struct ocl_choice *c)
{
    socle_mem_free(c);
}
