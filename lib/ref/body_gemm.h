/* gemm, linear and its gradient: sums of products in double. */

/* v before it is stored. */
static double epilogue(socle_epilogue e, double v)
{
    return e == SOCLE_EPILOGUE_RELU && v < 0 ? 0 : v;
}

/* Is the gradient of a result y let through? y NULL: no epilogue. */
static bool passes(socle_epilogue e, socle_in y, const int64_t *i)
{
    return e == SOCLE_EPILOGUE_NONE || load(y, i) > 0;
}

static socle_status gemm(void *self, socle_out c, socle_in a, socle_in b, float alpha, float beta)
{
    (void)self;
    int row = c->ndim - 2, col = c->ndim - 1;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        int64_t ia[SOCLE_MAX_DIMS], ib[SOCLE_MAX_DIMS];
        for (int d = 0; d < c->ndim; d++)
            ia[d] = ib[d] = i[d];
        double sum = 0;
        for (int64_t k = 0; k < a->dim[col]; k++) {
            ia[col] = ib[row] = k;
            sum += load(a, ia) * load(b, ib);
        }
        store(c, i, beta == 0 ? alpha * sum : alpha * sum + beta * load(c, i));
    } while (next(c, i));
    return SOCLE_OK;
}

/* x (N, in), w (out, in), bias (out), y (N, out) */
static socle_status linear(void *self, socle_epilogue e, socle_out y, socle_in x, socle_in w, socle_in bias)
{
    (void)self;
    for (int64_t n = 0; n < y->dim[0]; n++)
        for (int64_t o = 0; o < y->dim[1]; o++) {
            double sum = bias ? load1(bias, o) : 0;
            for (int64_t i = 0; i < x->dim[1]; i++)
                sum += load2(x, n, i) * load2(w, o, i);
            store2(y, n, o, epilogue(e, sum));
        }
    return SOCLE_OK;
}

static double linear_passed(socle_epilogue e, socle_in dy, socle_in y, int64_t n, int64_t o)
{
    const int64_t i[] = { n, o };
    return passes(e, y, i) ? load(dy, i) : 0;
}

static socle_status linear_grad(void *self, socle_epilogue e, socle_out dx, socle_out dw, socle_out db, socle_in dy,
                                socle_in x, socle_in w, socle_in y)
{
    (void)self;
    int64_t images = dy->dim[0], outs = dy->dim[1], ins = x->dim[1];
    for (int64_t n = 0; dx && n < images; n++)
        for (int64_t i = 0; i < ins; i++) {
            double sum = 0;
            for (int64_t o = 0; o < outs; o++)
                sum += linear_passed(e, dy, y, n, o) * load2(w, o, i);
            store2(dx, n, i, sum);
        }
    for (int64_t o = 0; dw && o < outs; o++)
        for (int64_t i = 0; i < ins; i++) {
            double sum = 0;
            for (int64_t n = 0; n < images; n++)
                sum += linear_passed(e, dy, y, n, o) * load2(x, n, i);
            store2(dw, o, i, sum);
        }
    for (int64_t o = 0; db && o < outs; o++) {
        double sum = 0;
        for (int64_t n = 0; n < images; n++)
            sum += linear_passed(e, dy, y, n, o);
        store1(db, o, sum);
    }
    return SOCLE_OK;
}
