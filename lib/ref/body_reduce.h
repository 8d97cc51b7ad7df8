/* reduce and argreduce: for every element of the result, a walk in row-major order over what is reduced. */

/* Does v replace the best so far? NaN wins, and of equal values the first. */
static bool beats(socle_reduce op, double v, double best)
{
    if (best != best)
        return false;
    return v != v || (op == SOCLE_REDUCE_MAX ? v > best : v < best);
}

static double reduce_step(socle_reduce op, double sum, double v)
{
    switch (op) {
    case SOCLE_REDUCE_SUM:
    case SOCLE_REDUCE_MEAN:
        return sum + v;
    case SOCLE_REDUCE_SUMSQ:
        return sum + v * v;
    case SOCLE_REDUCE_MAX:
    case SOCLE_REDUCE_MIN:
        break;
    }
    return beats(op, v, sum) ? v : sum;
}

static socle_status reduce(void *self, socle_reduce op, socle_out y, socle_in x, uint32_t axes)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        double sum = op == SOCLE_REDUCE_MAX || op == SOCLE_REDUCE_MIN ? load(x, i) : 0, count = 0;
        do {
            sum = reduce_step(op, sum, load(x, i));
            count++;
        } while (next_along(x, axes, i));
        store(y, i, op == SOCLE_REDUCE_MEAN ? sum / count : sum);
    } while (next_along(x, ~axes, i));
    return SOCLE_OK;
}

static socle_status argreduce(void *self, socle_reduce op, socle_out index, socle_in x, int axis)
{
    (void)self;
    int64_t i[SOCLE_MAX_DIMS] = { 0 };
    do {
        double best = load(x, i);
        int64_t winner = 0;
        do {
            double v = load(x, i);
            if (beats(op, v, best)) {
                best = v;
                winner = i[axis];
            }
        } while (next_along(x, 1u << axis, i));
        store(index, i, (double)winner);
    } while (next_along(x, ~(1u << axis), i));
    return SOCLE_OK;
}
