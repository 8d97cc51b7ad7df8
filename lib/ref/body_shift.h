/* Images moved, mirrored and cut: pixel by pixel, as the slot says. */

static socle_status shift_images(void *self, socle_out y, socle_in x, socle_in place, float pad)
{
    (void)self;
    int64_t o[4] = { 0 }; /* n, c, i, j */
    do {
        bool mirrored = load2(place, o[0], 2) != 0;
        int64_t i = o[2] + (int64_t)load2(place, o[0], 0);
        int64_t j = (mirrored ? y->dim[3] - 1 - o[3] : o[3]) + (int64_t)load2(place, o[0], 1);
        bool inside = i >= 0 && i < x->dim[2] && j >= 0 && j < x->dim[3];
        store(y, o, inside ? load4(x, o[0], o[1], i, j) : (double)pad);
    } while (next(y, o));
    return SOCLE_OK;
}
