/* The rows of tests/cases/conv.h: forward, backward to the input, to the weights, and both in the one call that training
 * makes (with bias and ReLU).
 *
 * Only products with a pixel of the image count; "nominal" counts those with padding too, as other libraries' figures do.
 * Before a row is timed its results are compared with "ref": all of them, or for rows too large for a scalar reference the
 * first and last image (y, dx) and the first and last output channel (dw, db). */
#include "cases/conv.h"

#include <stdio.h>

#include "data.h"
#include "harness.h"

enum { X, W, BIAS, DY, Y, DX, DW, DB, OPERANDS };

typedef struct conv_bench {
    const conv_row *row;
    socle_shape shape[OPERANDS];
    data d[OPERANDS];
} conv_bench;

/* ---- tasks ---- */

static socle_status run_forward(void *arg)
{
    conv_bench *c = arg;
    return socle_prim_conv(&c->row->p, SOCLE_EPILOGUE_RELU, c->d[Y].tensor, c->d[X].tensor, c->d[W].tensor,
                           c->d[BIAS].tensor);
}

static socle_status run_grad(conv_bench *c, socle_epilogue e, bool x, bool w, bool b)
{
    return socle_prim_conv_grad(&c->row->p, e, x ? c->d[DX].tensor : NULL, w ? c->d[DW].tensor : NULL,
                                b ? c->d[DB].tensor : NULL, c->d[DY].tensor, c->d[X].tensor, c->d[W].tensor,
                                e == SOCLE_EPILOGUE_NONE ? NULL : c->d[Y].tensor);
}

static socle_status run_grad_x(void *arg)
{
    return run_grad(arg, SOCLE_EPILOGUE_NONE, true, false, false);
}

static socle_status run_grad_w(void *arg)
{
    return run_grad(arg, SOCLE_EPILOGUE_NONE, false, true, false);
}

static socle_status run_backward(void *arg)
{
    return run_grad(arg, SOCLE_EPILOGUE_RELU, true, true, true);
}

/* ---- what is right ---- */

static socle_shape narrowed(socle_shape s, int axis, int64_t size)
{
    s.dim[axis] = size;
    return s;
}

/* Images [from, from + count): y, and dx as the epilogue says. */
static bool check_images(const conv_bench *c, socle_device *ref, socle_epilogue e, int64_t from, int64_t count)
{
    const conv_row *row = c->row;
    socle_tensor *t[OPERANDS] = { NULL };
    for (int i = 0; i < OPERANDS; i++) {
        bool images = i == X || i == Y || i == DY || i == DX;
        socle_shape s = images ? narrowed(c->shape[i], 0, count) : c->shape[i];
        const float *host = images ? c->d[i].host + (size_t)from * data_slice(s) : c->d[i].host;
        t[i] = data_on(ref, s, i == DX ? NULL : host);
    }
    double taps = (double)row->r * row->s, depth = (double)row->c / row->p.groups * taps;
    bool good = socle_prim_conv_grad(&row->p, e, t[DX], NULL, NULL, t[DY], t[X], t[W],
                                     e == SOCLE_EPILOGUE_NONE ? NULL : t[Y]) == SOCLE_OK &&
                data_agrees("conv", row->name, "dx", c->d[DX].host + (size_t)from * data_slice(c->shape[DX]), t[DX],
                            (double)row->k / row->p.groups * taps, row->budget) &&
                socle_prim_conv(&row->p, SOCLE_EPILOGUE_RELU, t[Y], t[X], t[W], t[BIAS]) == SOCLE_OK &&
                data_agrees("conv", row->name, "y", c->d[Y].host + (size_t)from * data_slice(c->shape[Y]), t[Y],
                            depth, row->budget);
    for (int i = 0; i < OPERANDS; i++)
        socle_release(t[i]);
    return good;
}

/* Channels [from, from + count) of y alone, row-major; owned by the caller. */
static socle_tensor *channels_on(socle_device *ref, const data *d, socle_shape s, int64_t from, int64_t count)
{
    socle_tensor *all = data_on(ref, s, d->host), *some = NULL;
    if (all) {
        socle_view v = socle_view_of(all);
        v.offset += from * v.stride[1];
        v.dim[1] = count;
        some = socle_tensor_view(all, &v);
    }
    socle_release(all);
    return some;
}

/* dw and db of output channels [from, from + count); of all of them if there are groups. */
static bool check_channels(const conv_bench *c, socle_device *ref, socle_epilogue e, int64_t from, int64_t count)
{
    const conv_row *row = c->row;
    const size_t filter = data_slice(c->shape[W]);
    socle_tensor *dy = channels_on(ref, &c->d[DY], c->shape[DY], from, count);
    socle_tensor *y = channels_on(ref, &c->d[Y], c->shape[Y], from, count);
    socle_tensor *x = data_on(ref, c->shape[X], c->d[X].host);
    socle_tensor *w = data_on(ref, narrowed(c->shape[W], 0, count), c->d[W].host + (size_t)from * filter);
    socle_tensor *dw = data_on(ref, narrowed(c->shape[W], 0, count), NULL);
    socle_tensor *db = data_on(ref, socle_shape1(count), NULL);
    double pairs = (double)row->n * conv_row_out(row, 0) * conv_row_out(row, 1);
    bool good =
        socle_prim_conv_grad(&row->p, e, NULL, dw, db, dy, x, w, e == SOCLE_EPILOGUE_NONE ? NULL : y) == SOCLE_OK &&
        data_agrees("conv", row->name, "dw", c->d[DW].host + (size_t)from * filter, dw, pairs, row->budget) &&
        (e == SOCLE_EPILOGUE_NONE ||
         data_agrees("conv", row->name, "db", c->d[DB].host + from, db, 9 * pairs, row->budget));
    socle_tensor *all[] = { dy, y, x, w, dw, db };
    for (int i = 0; i < 6; i++)
        socle_release(all[i]);
    return good;
}

static bool check_all(const conv_bench *c, socle_device *ref, socle_epilogue e)
{
    const conv_row *row = c->row;
    if (!(row->flags & CASE_HUGE))
        return check_images(c, ref, e, 0, row->n) && check_channels(c, ref, e, 0, row->k);
    return check_images(c, ref, e, 0, 1) && check_images(c, ref, e, row->n - 1, 1) &&
           check_channels(c, ref, e, 0, 1) && check_channels(c, ref, e, row->k - 1, 1);
}

static bool check(conv_bench *c, socle_device *ref)
{
    if (run_forward(c) != SOCLE_OK || !data_read(&c->d[Y]))
        return false;
    if (run_grad_x(c) != SOCLE_OK || run_grad_w(c) != SOCLE_OK || !data_read(&c->d[DX]) || !data_read(&c->d[DW]) ||
        !check_all(c, ref, SOCLE_EPILOGUE_NONE))
        return false;
    return run_backward(c) == SOCLE_OK && data_read(&c->d[DX]) && data_read(&c->d[DW]) && data_read(&c->d[DB]) &&
           check_all(c, ref, SOCLE_EPILOGUE_RELU);
}

/* ---- rows ---- */

/* Pairs of an output position and a tap along one axis that meet the image. */
static double pairs_inside(const conv_row *row, int axis)
{
    int size = axis ? row->w : row->h, taps = axis ? row->s : row->r, pairs = 0;
    for (int o = 0; o < conv_row_out(row, axis); o++)
        for (int t = 0; t < taps; t++) {
            int at = o * row->p.stride[axis] - row->p.pad[axis] + t * row->p.dilation[axis];
            pairs += at >= 0 && at < size;
        }
    return pairs;
}

static bool prepare(conv_bench *c, const bench *b)
{
    const conv_row *row = c->row;
    const int ho = conv_row_out(row, 0), wo = conv_row_out(row, 1);
    c->shape[X] = c->shape[DX] = socle_shape4(row->n, row->c, row->h, row->w);
    c->shape[W] = c->shape[DW] = socle_shape4(row->k, row->c / row->p.groups, row->r, row->s);
    c->shape[BIAS] = c->shape[DB] = socle_shape1(row->k);
    c->shape[Y] = c->shape[DY] = socle_shape4(row->n, row->k, ho, wo);
    for (int i = 0; i < OPERANDS; i++) {
        int lanes = i == W || i == DW ? 1 : 0;
        if (!(i < Y ? data_random(&c->d[i], b->device, c->shape[i], lanes, (uint64_t)i + 1)
                    : data_empty(&c->d[i], b->device, c->shape[i], lanes)))
            return false;
    }
    return true;
}

static bool measure(const bench *b, conv_bench *c)
{
    const conv_row *row = c->row;
    double weights = 2.0 * row->n * row->k * (row->c / row->p.groups);
    double useful = weights * pairs_inside(row, 0) * pairs_inside(row, 1);
    double nominal = weights * row->r * row->s * conv_row_out(row, 0) * conv_row_out(row, 1);
    bench_task tasks[] = {
        { .what = "forward", .run = run_forward, .arg = c, .flops = useful, .nominal = nominal },
        { .what = "grad x", .run = run_grad_x, .arg = c, .flops = useful, .nominal = nominal },
        { .what = "grad w", .run = run_grad_w, .arg = c, .flops = useful, .nominal = nominal },
        { .what = "backward", .run = run_backward, .arg = c, .flops = 2 * useful, .nominal = 2 * nominal },
    };
    enum { TASKS = sizeof tasks / sizeof tasks[0] };
    double peak;
    if (bench_measure(b, tasks, TASKS, &peak) != SOCLE_OK)
        return false;
    char shape[64];
    snprintf(shape, sizeof shape, "%dx%dx%dx%d %dx%dx%d", row->n, row->c, row->h, row->w, row->k, row->r, row->s);
    bench_print_row(b, "conv", row->name, shape, tasks, TASKS, peak);
    return true;
}

int bench_conv(const bench *b)
{
    socle_device *ref = socle_device_open("ref", (socle_device_desc){ 0 });
    int failed = ref ? 0 : 1;
    for (size_t i = 0; i < CASE_COUNT(conv_rows) && ref; i++) {
        if (!(conv_rows[i].flags & CASE_BENCH) || !bench_wanted(b, "conv", conv_rows[i].name))
            continue;
        conv_bench c = { .row = &conv_rows[i] };
        if (!prepare(&c, b) || !check(&c, ref) || !measure(b, &c)) {
            complain("conv %s: stopped (last error of the library: %s)", c.row->name, socle_error());
            failed = 1;
        }
        data_free(c.d, OPERANDS);
    }
    socle_device_close(ref);
    return failed;
}
