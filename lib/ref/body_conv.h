/* im2col, col2im, convolution and its gradients, straight from their definitions.
 *
 *     y[n, k, i, j] = bias[k] + sum over c, r, s of w[k, c, r, s] x[n, c0 + c, i p - pad + r dil, j p - pad + s dil]
 *
 * where c0 is the first channel of k's group and pixels outside x are 0. */

static double pixel(socle_in x, int64_t n, int64_t c, int64_t h, int64_t w)
{
    bool inside = h >= 0 && h < x->dim[2] && w >= 0 && w < x->dim[3];
    return inside ? load4(x, n, c, h, w) : 0;
}

/* Row (d = 0) or column (d = 1) of the input that tap t of output pixel i falls on. */
static int64_t tap_at(const socle_conv *p, int d, int64_t i, int64_t t)
{
    return i * p->stride[d] - p->pad[d] + t * p->dilation[d];
}

/* The output pixel whose tap t falls on input pixel h; false where there is none. */
static bool tap_from(const socle_conv *p, int d, int64_t h, int64_t t, int64_t outputs, int64_t *i)
{
    int64_t px = h + p->pad[d] - t * p->dilation[d];
    *i = px / p->stride[d];
    return px >= 0 && px % p->stride[d] == 0 && *i < outputs;
}

static socle_status im2col(void *self, const socle_conv *p, socle_out cols, socle_in x, int r, int s, int ho,
                           int wo)
{
    (void)self;
    for (int64_t n = 0; n < cols->dim[0]; n++)
        for (int64_t row = 0; row < cols->dim[1]; row++) {
            int64_t c = row / (r * s), tr = row / s % r, ts = row % s;
            for (int64_t i = 0; i < ho; i++)
                for (int64_t j = 0; j < wo; j++)
                    store3(cols, n, row, i * wo + j, pixel(x, n, c, tap_at(p, 0, i, tr), tap_at(p, 1, j, ts)));
        }
    return SOCLE_OK;
}

static socle_status col2im(void *self, const socle_conv *p, socle_out x, socle_in cols, int r, int s, int ho,
                           int wo)
{
    (void)self;
    int64_t px[4] = { 0 }, i, j;
    do {
        double sum = 0;
        for (int64_t tr = 0; tr < r; tr++)
            for (int64_t ts = 0; ts < s; ts++)
                if (tap_from(p, 0, px[2], tr, ho, &i) && tap_from(p, 1, px[3], ts, wo, &j))
                    sum += load3(cols, px[0], (px[1] * r + tr) * s + ts, i * wo + j);
        store(x, px, sum);
    } while (next(x, px));
    return SOCLE_OK;
}

static socle_status conv(void *self, const socle_conv *p, socle_epilogue e, socle_out y, socle_in x, socle_in w,
                         socle_in bias)
{
    (void)self;
    int64_t per_group = w->dim[0] / p->groups;
    int64_t o[4] = { 0 }; /* n, k, i, j */
    do {
        int64_t first = o[1] / per_group * w->dim[1], t[4] = { o[1], 0, 0, 0 }; /* k, c, r, s */
        double sum = bias ? load1(bias, o[1]) : 0;
        do {
            sum += load(w, t) * pixel(x, o[0], first + t[1], tap_at(p, 0, o[2], t[2]), tap_at(p, 1, o[3], t[3]));
        } while (next_along(w, ~1u, t));
        store(y, o, epilogue(e, sum));
    } while (next(y, o));
    return SOCLE_OK;
}

static double conv_passed(socle_epilogue e, socle_in dy, socle_in y, int64_t n, int64_t k, int64_t i, int64_t j)
{
    const int64_t o[] = { n, k, i, j };
    return passes(e, y, o) ? load(dy, o) : 0;
}

/* dx[n, c, h, w] = sum over the k of c's group and the taps that fall on (h, w) */
static void conv_grad_x(const socle_conv *p, socle_epilogue e, socle_out dx, socle_in dy, socle_in w, socle_in y)
{
    int64_t per_group = w->dim[0] / p->groups, i, j;
    int64_t px[4] = { 0 }; /* n, c, h, w */
    do {
        int64_t first = px[1] / w->dim[1] * per_group, c = px[1] % w->dim[1];
        double sum = 0;
        for (int64_t k = first; k < first + per_group; k++)
            for (int64_t r = 0; r < w->dim[2]; r++)
                for (int64_t s = 0; s < w->dim[3]; s++)
                    if (tap_from(p, 0, px[2], r, dy->dim[2], &i) && tap_from(p, 1, px[3], s, dy->dim[3], &j))
                        sum += conv_passed(e, dy, y, px[0], k, i, j) * load4(w, k, c, r, s);
        store(dx, px, sum);
    } while (next(dx, px));
}

static void conv_grad_w(const socle_conv *p, socle_epilogue e, socle_out dw, socle_in dy, socle_in x, socle_in y)
{
    int64_t per_group = dw->dim[0] / p->groups;
    int64_t t[4] = { 0 }; /* k, c, r, s */
    do {
        int64_t c = t[0] / per_group * dw->dim[1] + t[1];
        double sum = 0;
        for (int64_t n = 0; n < dy->dim[0]; n++)
            for (int64_t i = 0; i < dy->dim[2]; i++)
                for (int64_t j = 0; j < dy->dim[3]; j++)
                    sum += conv_passed(e, dy, y, n, t[0], i, j) *
                           pixel(x, n, c, tap_at(p, 0, i, t[2]), tap_at(p, 1, j, t[3]));
        store(dw, t, sum);
    } while (next(dw, t));
}

static void conv_grad_b(socle_epilogue e, socle_out db, socle_in dy, socle_in y)
{
    for (int64_t k = 0; k < dy->dim[1]; k++) {
        double sum = 0;
        for (int64_t n = 0; n < dy->dim[0]; n++)
            for (int64_t i = 0; i < dy->dim[2]; i++)
                for (int64_t j = 0; j < dy->dim[3]; j++)
                    sum += conv_passed(e, dy, y, n, k, i, j);
        store1(db, k, sum);
    }
}

static socle_status conv_grad(void *self, const socle_conv *p, socle_epilogue e, socle_out dx, socle_out dw,
                              socle_out db, socle_in dy, socle_in x, socle_in w, socle_in y)
{
    (void)self;
    if (dx)
        conv_grad_x(p, e, dx, dy, w, y);
    if (dw)
        conv_grad_w(p, e, dw, dy, x, y);
    if (db)
        conv_grad_b(e, db, dy, y);
    return SOCLE_OK;
}
