/* onednn-bench: convolutions and matrix products by oneDNN 2, the peer of `socle-bench prim`.
 *
 *     onednn-bench SECONDS conv [TEXT]     the rows of tests/cases/conv.h that are timed, where the name contains TEXT
 *     onednn-bench SECONDS gemm MxNxK...   c (M, N) = a (M, K) b (K, N), dense and row-major
 *
 * A line of JSON for each operation, with the least and the median time of one call. Every tensor of a convolution lies in the
 * format that oneDNN likes best for that operation, and bringing it there is not counted. Forward has a bias and a ReLU; "grad w"
 * is the weights' alone, "backward" the input's, the weights' and the bias's. Threads: OMP_NUM_THREADS. */
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <string.h>

#include "cases/conv.h"
#include "timing.h"

enum { MOST_ARGUMENTS = 6, MOST_STEPS = 2 };

/* A primitive with all it reads and writes. */
typedef struct step {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t argument[MOST_ARGUMENTS];
    int n;
    const char *how; /* oneDNN's name of the implementation; lives as long as desc */
    dnnl_primitive_desc_t desc;
} step;

typedef struct job {
    step step[MOST_STEPS];
    int n;
    dnnl_stream_t stream;
} job;

static void must(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "onednn-bench: %s fails with %d\n", what, (int)status);
    exit(1);
}

/* ---- primitives ---- */

/* Memory in the format that desc asks for, with values that are not all alike. */
static void add_argument(step *s, dnnl_engine_t engine, dnnl_query_t what, int index, int id)
{
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(s->desc, what, index);
    size_t bytes = md ? dnnl_memory_desc_get_size(md) : 0;
    if (bytes == 0)
        return;
    dnnl_memory_t memory;
    must(dnnl_memory_create(&memory, md, engine, DNNL_MEMORY_ALLOCATE), "taking memory");
    void *data;
    must(dnnl_memory_get_data_handle(memory, &data), "reaching memory");
    float *values = data;
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        values[i] = (float)(i * 7919 % 1009) / 504.5f - 1;
    s->argument[s->n++] = (dnnl_exec_arg_t){ id, memory };
}

static void make(step *s, dnnl_engine_t engine, const dnnl_convolution_desc_t *o, dnnl_primitive_attr_t attr,
                 dnnl_primitive_desc_t hint)
{
    *s = (step){ .n = 0 };
    must(dnnl_primitive_desc_create(&s->desc, o, attr, engine, hint), "choosing an implementation");
    must(dnnl_primitive_create(&s->primitive, s->desc), "making a primitive");
    must(dnnl_primitive_desc_query(s->desc, dnnl_query_impl_info_str, 0, &s->how), "asking for its name");
}

static void drop(step *s)
{
    for (int i = 0; i < s->n; i++)
        dnnl_memory_destroy(s->argument[i].memory);
    dnnl_primitive_destroy(s->primitive);
    dnnl_primitive_desc_destroy(s->desc);
}

static void run(void *arg)
{
    job *j = arg;
    for (int i = 0; i < j->n; i++)
        must(dnnl_primitive_execute(j->step[i].primitive, j->stream, j->step[i].n, j->step[i].argument), "a call");
    must(dnnl_stream_wait(j->stream), "waiting");
}

/* ---- convolutions ---- */

typedef struct convolution {
    const conv_row *row;
    dnnl_engine_t engine;
    dnnl_memory_desc_t x, w, bias, y; /* in any format */
    dnnl_dims_t strides, pads;
    dnnl_primitive_desc_t hint; /* of forward */
} convolution;

static dnnl_memory_desc_t any(int n, const dnnl_dims_t dims)
{
    dnnl_memory_desc_t md;
    must(dnnl_memory_desc_init_by_tag(&md, n, dims, dnnl_f32, n == 1 ? dnnl_a : dnnl_format_tag_any), "a shape");
    return md;
}

static convolution convolution_of(const conv_row *r, dnnl_engine_t engine)
{
    const int ho = (r->h + 2 * r->p.pad[0] - r->r) / r->p.stride[0] + 1;
    const int wo = (r->w + 2 * r->p.pad[1] - r->s) / r->p.stride[1] + 1;
    return (convolution){ .row = r,
                          .engine = engine,
                          .x = any(4, (dnnl_dims_t){ r->n, r->c, r->h, r->w }),
                          .w = any(4, (dnnl_dims_t){ r->k, r->c, r->r, r->s }),
                          .bias = any(1, (dnnl_dims_t){ r->k }),
                          .y = any(4, (dnnl_dims_t){ r->n, r->k, ho, wo }),
                          .strides = { r->p.stride[0], r->p.stride[1] },
                          .pads = { r->p.pad[0], r->p.pad[1] } };
}

static void make_forward(convolution *c, step *s)
{
    dnnl_post_ops_t relu;
    dnnl_primitive_attr_t attr;
    must(dnnl_post_ops_create(&relu), "post-ops");
    must(dnnl_post_ops_append_eltwise(relu, 1, dnnl_eltwise_relu, 0, 0), "a ReLU");
    must(dnnl_primitive_attr_create(&attr), "attributes");
    must(dnnl_primitive_attr_set_post_ops(attr, relu), "attributes");
    dnnl_convolution_desc_t o;
    must(dnnl_convolution_forward_desc_init(&o, dnnl_forward_training, dnnl_convolution_auto, &c->x, &c->w,
                                            &c->bias, &c->y, c->strides, c->pads, c->pads),
         "forward");
    make(s, c->engine, &o, attr, NULL);
    dnnl_primitive_attr_destroy(attr);
    dnnl_post_ops_destroy(relu);
    add_argument(s, c->engine, dnnl_query_src_md, 0, DNNL_ARG_SRC);
    add_argument(s, c->engine, dnnl_query_weights_md, 0, DNNL_ARG_WEIGHTS);
    add_argument(s, c->engine, dnnl_query_weights_md, 1, DNNL_ARG_BIAS);
    add_argument(s, c->engine, dnnl_query_dst_md, 0, DNNL_ARG_DST);
}

static void make_grad_x(convolution *c, step *s)
{
    dnnl_convolution_desc_t o;
    must(dnnl_convolution_backward_data_desc_init(&o, dnnl_convolution_auto, &c->x, &c->w, &c->y, c->strides,
                                                  c->pads, c->pads),
         "backward to the input");
    make(s, c->engine, &o, NULL, c->hint);
    add_argument(s, c->engine, dnnl_query_diff_dst_md, 0, DNNL_ARG_DIFF_DST);
    add_argument(s, c->engine, dnnl_query_weights_md, 0, DNNL_ARG_WEIGHTS);
    add_argument(s, c->engine, dnnl_query_diff_src_md, 0, DNNL_ARG_DIFF_SRC);
}

static void make_grad_w(convolution *c, step *s, bool bias)
{
    dnnl_convolution_desc_t o;
    must(dnnl_convolution_backward_weights_desc_init(&o, dnnl_convolution_auto, &c->x, &c->w,
                                                     bias ? &c->bias : NULL, &c->y, c->strides, c->pads, c->pads),
         "backward to the weights");
    make(s, c->engine, &o, NULL, c->hint);
    add_argument(s, c->engine, dnnl_query_src_md, 0, DNNL_ARG_SRC);
    add_argument(s, c->engine, dnnl_query_diff_dst_md, 0, DNNL_ARG_DIFF_DST);
    add_argument(s, c->engine, dnnl_query_diff_weights_md, 0, DNNL_ARG_DIFF_WEIGHTS);
    if (bias)
        add_argument(s, c->engine, dnnl_query_diff_weights_md, 1, DNNL_ARG_DIFF_BIAS);
}

static void report(const convolution *c, const char *what, job *j, double seconds)
{
    double min, median;
    timing_calls(run, j, seconds, &min, &median);
    printf("{\"name\": \"%s\", \"what\": \"%s\", \"min_s\": %.6g, \"median_s\": %.6g, \"how\": \"%s\"}\n",
           c->row->name, what, min, median, j->step[0].how);
    fflush(stdout);
}

static void measure(const conv_row *row, dnnl_engine_t engine, dnnl_stream_t stream, double seconds)
{
    convolution c = convolution_of(row, engine);
    job j = { .n = 1, .stream = stream };
    step forward;
    make_forward(&c, &forward);
    c.hint = forward.desc;
    j.step[0] = forward;
    report(&c, "forward", &j, seconds);
    make_grad_x(&c, &j.step[0]);
    report(&c, "grad x", &j, seconds);
    make_grad_w(&c, &j.step[1], true);
    j.n = 2;
    report(&c, "backward", &j, seconds);
    drop(&j.step[0]);
    drop(&j.step[1]);
    make_grad_w(&c, &j.step[0], false);
    j.n = 1;
    report(&c, "grad w", &j, seconds);
    drop(&j.step[0]);
    drop(&forward);
}

static void convolutions(const char *text, double seconds)
{
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    must(dnnl_engine_create(&engine, dnnl_cpu, 0), "making an engine");
    must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "making a stream");
    for (size_t i = 0; i < CASE_COUNT(conv_rows); i++) {
        const conv_row *r = &conv_rows[i];
        if ((r->flags & CASE_BENCH) && r->p.groups == 1 && strstr(r->name, text))
            measure(r, engine, stream, seconds);
    }
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
}

/* ---- matrix products ---- */

typedef struct product {
    dnnl_dim_t m, n, k;
    float *a, *b, *c;
} product;

static void multiply(void *arg)
{
    const product *p = arg;
    must(dnnl_sgemm('N', 'N', p->m, p->n, p->k, 1, p->a, p->k, p->b, p->n, 0, p->c, p->n), "a product");
}

static float *matrix(dnnl_dim_t n)
{
    float *values = malloc((size_t)n * sizeof *values);
    if (!values) {
        fprintf(stderr, "onednn-bench: out of memory\n");
        exit(1);
    }
    for (dnnl_dim_t i = 0; i < n; i++)
        values[i] = (float)(i * 7919 % 1009) / 504.5f - 1;
    return values;
}

static void measure_product(const char *shape, double seconds)
{
    long m, n, k;
    if (sscanf(shape, "%ldx%ldx%ld", &m, &n, &k) != 3 || m < 1 || n < 1 || k < 1) {
        fprintf(stderr, "onednn-bench: \"%s\" is no MxNxK\n", shape);
        exit(2);
    }
    product p = { m, n, k, matrix(m * k), matrix(k * n), matrix(m * n) };
    double min, median;
    timing_calls(multiply, &p, seconds, &min, &median);
    printf("{\"name\": \"%s\", \"min_s\": %.6g, \"median_s\": %.6g}\n", shape, min, median);
    fflush(stdout);
    free(p.a);
    free(p.b);
    free(p.c);
}

int main(int argc, char **argv)
{
    const bool conv = argc > 2 && strcmp(argv[2], "conv") == 0, gemm = argc > 3 && strcmp(argv[2], "gemm") == 0;
    if ((!conv && !gemm) || (conv && argc > 4)) {
        fprintf(stderr, "usage: onednn-bench SECONDS conv [TEXT]\n       onednn-bench SECONDS gemm MxNxK...\n");
        return 2;
    }
    if (conv)
        convolutions(argc > 3 ? argv[3] : "", atof(argv[1]));
    for (int i = 3; gemm && i < argc; i++)
        measure_product(argv[i], atof(argv[1]));
    return 0;
}
