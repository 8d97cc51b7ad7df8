/* histogram: every element counted by the formula of socle_bins, moments in two passes. */

static int bin_of(const socle_bins *b, double x)
{
    float v = (float)x;
    float t = ((b->absolute && v < 0 ? -v : v) - b->low) * b->scale;
    return t >= 0 && t < (float)b->n ? (int)t : -1;
}

static socle_status histogram(void *self, const socle_bins *b, socle_out counts, socle_out moments, socle_in x)
{
    (void)self;
    int64_t count[SOCLE_BINS_MAX] = { 0 }, i[SOCLE_MAX_DIMS] = { 0 };
    double n = 0, sum = 0, squares = 0;
    do {
        int bin = bin_of(b, load(x, i));
        if (bin >= 0)
            count[bin]++;
        sum += load(x, i);
        n++;
    } while (next(x, i));
    do {
        double deviation = load(x, i) - sum / n;
        squares += deviation * deviation;
    } while (next(x, i));
    for (int bin = 0; bin < b->n; bin++)
        store1(counts, bin, (double)count[bin]);
    store1(moments, 0, sum / n);
    store1(moments, 1, n > 1 ? squares / (n - 1) : 0);
    return SOCLE_OK;
}
