/* Building kernels: a table of programs of this device, each with its kernels, filled on first use. */
#include "program.h"

#include <socle/sys/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ocl_program {
    char *name;         /* file, newline, options */
    cl_program program; /* NULL: could not be built, and why is in failure */
    bool fresh;         /* compiled here: not yet on disk */
    char *failure;
    struct ocl_program *next;
} ocl_program;

typedef struct ocl_kernel_entry {
    char *function;
    const ocl_program *program;
    cl_kernel kernel;
    struct ocl_kernel_entry *next;
} ocl_kernel_entry;

enum { BUCKETS = 256, KEY_MAX = 1024, LOG_SHOWN = 400 };

struct ocl_programs {
    ocl_program *programs;
    ocl_kernel_entry *bucket[BUCKETS];
};

struct ocl_programs *ocl_programs_new(ocl_device *d)
{
    (void)d;
    return socle_mem_zeroed(1, sizeof(struct ocl_programs));
}

void ocl_programs_free(struct ocl_programs *p)
{
    if (!p)
        return;
    for (int b = 0; b < BUCKETS; b++)
        while (p->bucket[b]) {
            ocl_kernel_entry *next = p->bucket[b]->next;
            (void)clReleaseKernel(p->bucket[b]->kernel);
            socle_mem_free(p->bucket[b]->function);
            socle_mem_free(p->bucket[b]);
            p->bucket[b] = next;
        }
    while (p->programs) {
        ocl_program *next = p->programs->next;
        if (p->programs->program)
            (void)clReleaseProgram(p->programs->program);
        socle_mem_free(p->programs->name);
        socle_mem_free(p->programs->failure);
        socle_mem_free(p->programs);
        p->programs = next;
    }
    socle_mem_free(p);
}

enum { SOURCES = 5 };

/* The sources of one program: what all kernels share, the two lists where they are asked for, and the file. */
static int sources_of(const char *file, const char *out[SOURCES])
{
    int n = 0;
    out[n++] = ocl_source("common.clh");
    out[n++] = ocl_source("map.clh");
    if (strncmp(file, "gemm", 4) == 0)
        out[n++] = ocl_source("gemm.clh");
    if (strncmp(file, "norm", 4) == 0)
        out[n++] = ocl_source("norm.clh");
    if (strcmp(file, "elementwise.cl") == 0) {
        out[n++] = ocl_source("unary.def");
        out[n++] = ocl_source("binary.def");
    }
    out[n] = ocl_source(file);
    return out[n] ? n + 1 : 0;
}

/* The room that a key's texts take. */
typedef struct key_text {
    char options[KEY_MAX];
    const char *sources[SOURCES];
} key_text;

/* Without sources where there is no such file. */
static ocl_key key_of(const ocl_device *d, const char *file, const char *options, key_text *text)
{
    (void)snprintf(text->options, sizeof text->options, "-cl-std=CL1.2 -cl-mad-enable%s %s",
                   d->is_cpu ? " -DOCL_CPU" : "", options);
    return (ocl_key){ .identity = d->identity,
                      .options = text->options,
                      .sources = text->sources,
                      .n_sources = sources_of(file, text->sources) };
}

static void store_binary(cl_program program, const ocl_key *key)
{
    size_t bytes = 0;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS || bytes == 0)
        return;
    unsigned char *binary = socle_mem_alloc(bytes);
    if (!binary)
        return;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        ocl_cache_store(key, binary, bytes);
    socle_mem_free(binary);
}

/* *program stays NULL where the cache has none that this driver takes. */
static socle_status from_cache(ocl_device *d, const ocl_key *key, cl_program *program)
{
    size_t bytes = 0;
    unsigned char *binary = NULL;
    socle_status loaded = ocl_cache_load(key, &binary, &bytes);
    if (!binary)
        return loaded;
    cl_int status = CL_SUCCESS, code = CL_SUCCESS;
    const unsigned char *const pointer = binary;
    cl_program found =
        clCreateProgramWithBinary(d->context, 1, &d->id, &bytes, (const unsigned char **)&pointer, &status, &code);
    socle_mem_free(binary);
    if (code != CL_SUCCESS)
        return SOCLE_OK;
    if (status == CL_SUCCESS && clBuildProgram(found, 1, &d->id, key->options, NULL, NULL) == CL_SUCCESS) {
        *program = found;
        d->loaded++;
    } else {
        (void)clReleaseProgram(found);
    }
    return SOCLE_OK;
}

/* What the compiler said from its first error on, which may follow pages of warnings; owned by the caller. */
static char *build_log(ocl_device *d, cl_program program)
{
    size_t bytes = 0;
    (void)clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    char *log = socle_mem_zeroed(bytes + 1, 1);
    if (!log)
        return NULL;
    (void)clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, bytes, log, NULL);
    char *from = strstr(log, "error");
    while (from && from > log && from[-1] != '\n')
        from--;
    if (from)
        memmove(log, from, strlen(from) + 1);
    return log;
}

/* A program that this compiler will never build: *failure says why. */
static socle_status refused(ocl_device *d, const char *file, const char *options, cl_program program,
                            char **failure)
{
    char text[KEY_MAX + LOG_SHOWN + 256];
    char *log = build_log(d, program);
    if (!log)
        return SOCLE_ERR_NOMEM;
    (void)snprintf(text, sizeof text, "%s does not build on %s: %.*s (built with %s)", file, d->name,
                   (int)LOG_SHOWN, log[0] ? log : "the compiler does not say why", options);
    socle_mem_free(log);
    *failure = socle_mem_string(text);
    return *failure ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

static socle_status compile(ocl_device *d, const char *file, const ocl_key *key, cl_program *program,
                            char **failure)
{
    if (d->compiled == 0) /* a program may show it to its user: it takes seconds */
        socle_log_text(SOCLE_LOG_INFO, "building kernels");
    cl_int code = CL_SUCCESS;
    cl_program made =
        clCreateProgramWithSource(d->context, (cl_uint)key->n_sources, (const char **)key->sources, NULL, &code);
    if (code != CL_SUCCESS)
        return ocl_status(code, file);
    code = clBuildProgram(made, 1, &d->id, key->options, NULL, NULL);
    if (code == CL_SUCCESS) {
        d->compiled++;
        *program = made;
        return SOCLE_OK;
    }
    socle_status status =
        code == CL_BUILD_PROGRAM_FAILURE ? refused(d, file, key->options, made, failure) : ocl_status(code, file);
    (void)clReleaseProgram(made);
    return status;
}

/* OK with either program or failure in p. */
static socle_status build(ocl_device *d, const char *file, const char *options, ocl_program *p)
{
    key_text text;
    const ocl_key key = key_of(d, file, options, &text);
    if (key.n_sources == 0)
        return socle_fail(SOCLE_ERR_DEVICE, "opencl: there is no kernel file %s", file);
    socle_status status = from_cache(d, &key, &p->program);
    if (status != SOCLE_OK || p->program)
        return status;
    status = compile(d, file, &key, &p->program, &p->failure);
    p->fresh = p->program != NULL;
    return status;
}

void ocl_programs_store(ocl_device *d)
{
    const char *folder = getenv("SOCLE_CACHE_DIR");
    if (folder && !*folder) /* nothing is kept: do not even ask for the binaries */
        return;
    for (ocl_program *p = d->programs ? d->programs->programs : NULL; p; p = p->next) {
        char file[KEY_MAX];
        const char *options = strchr(p->name, '\n') + 1;
        if (!p->fresh)
            continue;
        (void)snprintf(file, sizeof file, "%.*s", (int)(options - p->name - 1), p->name);
        key_text text;
        const ocl_key key = key_of(d, file, options, &text);
        store_binary(p->program, &key);
        p->fresh = false;
    }
}

/* The program, built or found to fail, once. NULL with the error raised for what may go better another time. */
static ocl_program *program_of(ocl_device *d, const char *file, const char *options)
{
    char name[KEY_MAX];
    (void)snprintf(name, sizeof name, "%s\n%s", file, options);
    for (ocl_program *p = d->programs->programs; p; p = p->next)
        if (strcmp(p->name, name) == 0)
            return p;
    ocl_program *p = socle_mem_zeroed(1, sizeof *p);
    if (!p || !(p->name = socle_mem_string(name))) {
        socle_mem_free(p);
        return NULL;
    }
    if (build(d, file, options, p) != SOCLE_OK) {
        socle_mem_free(p->name);
        socle_mem_free(p);
        return NULL;
    }
    p->next = d->programs->programs;
    d->programs->programs = p;
    return p;
}

static uint32_t hash(uint32_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static bool is_program(const ocl_program *p, const char *file, const char *options)
{
    size_t n = strlen(file);
    return strncmp(p->name, file, n) == 0 && p->name[n] == '\n' && strcmp(p->name + n + 1, options) == 0;
}

cl_kernel ocl_kernel(ocl_device *d, const char *file, const char *function, const char *options)
{
    ocl_kernel_entry **bucket =
        &d->programs->bucket[hash(hash(hash(2166136261u, file), function), options) % BUCKETS];
    for (ocl_kernel_entry *e = *bucket; e; e = e->next)
        if (strcmp(e->function, function) == 0 && is_program(e->program, file, options))
            return e->kernel;
    ocl_program *p = program_of(d, file, options);
    if (!p)
        return NULL;
    if (!p->program) {
        (void)socle_fail(SOCLE_ERR_DEVICE, "opencl: %s", p->failure);
        return NULL;
    }
    ocl_kernel_entry *e = socle_mem_zeroed(1, sizeof *e);
    if (!e || !(e->function = socle_mem_string(function))) {
        socle_mem_free(e);
        return NULL;
    }
    cl_int code = CL_SUCCESS;
    e->kernel = clCreateKernel(p->program, function, &code);
    if (code != CL_SUCCESS) {
        (void)socle_fail(SOCLE_ERR_DEVICE, "opencl: kernel %s of %s: %s", function, file, ocl_error_name(code));
        socle_mem_free(e->function);
        socle_mem_free(e);
        return NULL;
    }
    e->program = p;
    e->next = *bucket;
    *bucket = e;
    return e->kernel;
}
