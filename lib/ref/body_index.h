/* gather and scatter_add. Indices are judged before anything is written. */

/* index is walked over `over`'s shape, to which it is broadcast. */
static socle_status check_index(const char *what, socle_in index, socle_in over, int64_t size)
{
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        double v = load(index, i);
        if (v < 0 || v >= (double)size)
            return socle_fail(SOCLE_ERR_ARG, "%s: index %.0f is outside [0, %lld)", what, v, (long long)size);
    } while (next(over, i));
    return SOCLE_OK;
}

/* i with i[axis] replaced by the index there: the element of the indexed operand that i belongs to. */
static void indexed(socle_in index, int axis, const int64_t *i, int64_t *out)
{
    for (int d = 0; d < SOCLE_MAX_DIMS; d++)
        out[d] = i[d];
    out[axis] = (int64_t)load(index, i);
}

static socle_status gather(void *self, socle_out y, socle_in x, socle_in index, int axis)
{
    (void)self;
    socle_status s = check_index("gather", index, y, x->dim[axis]);
    if (s != SOCLE_OK)
        return s;
    int64_t i[SOCLE_MAX_DIMS] = { 0 }, from[SOCLE_MAX_DIMS];
    do {
        indexed(index, axis, i, from);
        store(y, i, load(x, from));
    } while (next(y, i));
    return SOCLE_OK;
}

static socle_status scatter_add(void *self, socle_out y, socle_in x, socle_in index, int axis)
{
    (void)self;
    socle_status s = check_index("scatter_add", index, x, y->dim[axis]);
    if (s != SOCLE_OK)
        return s;
    int64_t i[SOCLE_MAX_DIMS] = { 0 }, to[SOCLE_MAX_DIMS];
    do {
        indexed(index, axis, i, to);
        store(y, to, load(y, to) + load(x, i));
    } while (next(x, i));
    return SOCLE_OK;
}
