/* Convolutions of a few images, those of conv_small.c aside: their windows unrolled (im2col), then matrix products. Blocks of 16
 * images would be mostly empty here. One image at a time, so that the unrolled windows stay small. With P = Ho Wo and per group
 *
 *     y (K, P) = w (K, CRS) cols (CRS, P)    dcols = w^T dz, dx = col2im(dcols)    dw += dz cols^T */
#include "conv_rows.h"

#include "conv_small.h"
#include "gemm.h"

typedef struct rows_job {
    cpu_device *d;
    const socle_conv *p;
    socle_in w;
    int64_t k, crs, pixels; /* of one group */
    int ho, wo;
    float *memory; /* cols, all groups */
} rows_job;

static socle_status prepare(workspace *ws, rows_job *j, const socle_conv *p, socle_in w, socle_in y)
{
    *j = (rows_job){
        .d = ws->device,
        .p = p,
        .w = w,
        .k = w->dim[0] / p->groups,
        .crs = w->dim[1] * w->dim[2] * w->dim[3],
        .pixels = y->dim[2] * y->dim[3],
        .ho = (int)y->dim[2],
        .wo = (int)y->dim[3],
    };
    j->memory = workspace_floats(ws, p->groups * j->crs * j->pixels);
    return j->memory ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

/* Image n alone. */
static socle_view image_of(socle_in v, int64_t n)
{
    socle_view one = *v;
    one.offset += n * v->stride[0];
    one.dim[0] = 1;
    return one;
}

/* The unrolled windows of one image, (1, groups CRS, P). */
static socle_view cols_of(const rows_job *j)
{
    const int64_t rows = j->p->groups * j->crs;
    return (socle_view){
        .buffer = j->memory,
        .dtype = SOCLE_F32,
        .ndim = 3,
        .dim = { 1, rows, j->pixels },
        .stride = { rows * j->pixels, j->pixels, 1 },
        .lanes = 1,
    };
}

static gemm_matrix weights_of(const rows_job *j, int group)
{
    return (gemm_matrix){ view_floats(j->w) + group * j->k * j->crs, j->crs, 1 };
}

static gemm_matrix windows_of(const rows_job *j, int group)
{
    return (gemm_matrix){ j->memory + group * j->crs * j->pixels, j->pixels, 1 };
}

static gemm_matrix transposed(gemm_matrix m)
{
    return (gemm_matrix){ m.at, m.column, m.row };
}

static socle_status unroll(const rows_job *j, socle_in x, int64_t n)
{
    socle_view image = image_of(x, n), cols = cols_of(j);
    return cpu_im2col(j->d, j->p, &cols, &image, (int)j->w->dim[2], (int)j->w->dim[3], j->ho, j->wo);
}

/* y[k][p] = epilogue(y[k][p] + bias[k]) of one image. */
static void finish(float *y, int64_t channels, int64_t pixels, const float *bias, socle_epilogue e)
{
    for (int64_t k = 0; k < channels; k++)
        for (int64_t i = 0; i < pixels; i++) {
            float v = y[k * pixels + i] + (bias ? bias[k] : 0);
            y[k * pixels + i] = e == SOCLE_EPILOGUE_RELU && v < 0 ? 0 : v;
        }
}

socle_status conv_rows_forward(cpu_device *d, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x,
                               socle_in w, const float *bias)
{
    if (conv_small_fits(p, y, w))
        return conv_small_forward(d, p, e, y, x, w, bias);
    workspace ws = workspace_on(d);
    rows_job j;
    socle_status s = prepare(&ws, &j, p, w, y);
    float *out = s == SOCLE_OK ? workspace_floats(&ws, y->dim[1] * j.pixels) : NULL;
    if (!out)
        return workspace_end(&ws, SOCLE_ERR_NOMEM);
    for (int64_t n = 0; n < y->dim[0] && s == SOCLE_OK; n++) {
        s = unroll(&j, x, n);
        for (int g = 0; g < p->groups && s == SOCLE_OK; g++)
            s = gemm_matrices(d, j.k, j.pixels, j.crs, 1, weights_of(&j, g), windows_of(&j, g), 0,
                              (gemm_matrix){ out + g * j.k * j.pixels, j.pixels, 1 });
        if (s != SOCLE_OK)
            break;
        finish(out, y->dim[1], j.pixels, bias, e);
        socle_view image = image_of(y, n), from = image;
        from.buffer = out;
        from.offset = 0;
        from.stride[1] = j.pixels;
        from.stride[2] = j.wo;
        from.stride[3] = 1;
        s = cpu_copy(d, &image, &from);
    }
    return workspace_end(&ws, s);
}

socle_status conv_rows_grad(cpu_device *d, const socle_conv *p, socle_out dx, float *dw, socle_in dz, socle_in x,
                            socle_in w)
{
    if (conv_small_fits(p, dz, w))
        return conv_small_grad(d, p, dx, dw, dz, x, w);
    workspace ws = workspace_on(d);
    rows_job j;
    socle_status s = prepare(&ws, &j, p, w, dz);
    for (int64_t n = 0; n < dz->dim[0] && s == SOCLE_OK; n++) {
        float *z = view_floats(dz) + n * dz->stride[0];
        if (dw)
            s = unroll(&j, x, n);
        for (int g = 0; dw && g < p->groups && s == SOCLE_OK; g++)
            s = gemm_matrices(d, j.k, j.crs, j.pixels, 1, (gemm_matrix){ z + g * j.k * j.pixels, j.pixels, 1 },
                              transposed(windows_of(&j, g)), n > 0,
                              (gemm_matrix){ dw + g * j.k * j.crs, j.crs, 1 });
        for (int g = 0; dx && g < p->groups && s == SOCLE_OK; g++)
            s = gemm_matrices(d, j.crs, j.pixels, j.k, 1, transposed(weights_of(&j, g)),
                              (gemm_matrix){ z + g * j.k * j.pixels, j.pixels, 1 }, 0, windows_of(&j, g));
        if (dx && s == SOCLE_OK) {
            socle_view image = image_of(dx, n), cols = cols_of(&j);
            s = cpu_col2im(d, p, &image, &cols, (int)w->dim[2], (int)w->dim[3], j.ho, j.wo);
        }
    }
    return workspace_end(&ws, s);
}
