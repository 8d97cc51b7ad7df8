/* Optimizer steps, in the order and with the roundings of socle_sgd_args. */

/* One parameter p, gradient g, momentum m (NULL: none). */
static void sgd(socle_out p, socle_in g, socle_out m, const socle_sgd_args *a)
{
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        real value = (real)load(p, i), step = (real)load(g, i) + (real)a->l2 * value;
        value = value * (R(1) - (real)a->lr * (real)a->wd);
        if (m) {
            real v = (real)a->mom * (real)load(m, i) + (R(1) - (real)a->damp) * step;
            store(m, i, v);
            step = a->nesterov ? step + (real)a->mom * v : v;
        }
        store(p, i, value - (real)a->lr * step);
    } while (next(p, i));
}

static socle_status sgd_many(void *self, size_t n, const socle_view *p, const socle_view *g, const socle_view *m,
                             const socle_sgd_args *a)
{
    (void)self;
    for (size_t k = 0; k < n; k++)
        sgd(&p[k], &g[k], m ? &m[k] : NULL, a);
    return SOCLE_OK;
}
