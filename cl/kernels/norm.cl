/* Means, variances and norms. See norm.clh for how the work is cut. */

/* ---- moments ---- */

/* What a piece leaves of each lane: how many numbers, a mean, what rounding left out of it, and the squared distances from
 * their sum. */
enum { COUNT, MEAN, REST, SQUARES, MOMENTS };
#define OF_PIECE(i, which) (MOMENTS * (i) + (which))

/* Mean and variance of a unit. Means are only ever compared with one of them, so that nothing large cancels. */
ALWAYS_INLINE void finish_moments(const space *s, index_t unit, index_t pieces, int apart, float unbiased,
                                  const place *mm, const place *vm, __global float *mean, __global float *var,
                                  __global const float *partial, __local float *room)
{
    const piece w = { unit / s->groups, unit % s->groups, 0, 0, 0, 0 };
    __global const float *own = partial + unit * pieces * MOMENTS * 16;
    const V near = apart ? LOAD_PARTIAL(own, MEAN) : (V)(own[MEAN * 16]);
    V n = (V)(0), sum = (V)(0), squares = (V)(0);
    for (index_t i = VECTOR; i < pieces; i += VECTORS) {
        const V count = LOAD_PARTIAL(own, OF_PIECE(i, COUNT));
        n += count;
        sum += count * (LOAD_PARTIAL(own, OF_PIECE(i, MEAN)) - near + LOAD_PARTIAL(own, OF_PIECE(i, REST)));
    }
    n = max(total(n, room, apart), (V)(1));
    const V middle = total(sum, room, apart) / n; /* beyond near */
    for (index_t i = VECTOR; i < pieces; i += VECTORS) {
        const V d = LOAD_PARTIAL(own, OF_PIECE(i, MEAN)) - near + LOAD_PARTIAL(own, OF_PIECE(i, REST)) - middle;
        squares += LOAD_PARTIAL(own, OF_PIECE(i, SQUARES)) + LOAD_PARTIAL(own, OF_PIECE(i, COUNT)) * d * d;
    }
    squares = total(squares, room, apart) / max(n - unbiased, (V)(1));
    const index_t mean_at = row_of(mm, &w, 0), var_at = row_of(vm, &w, 0);
    if (apart && VECTOR == 0) {
        const int lanes = lanes_at(s, w.outer, 0, 0);
        store(mean, mm, mean_at, lanes, near + middle);
        store(var, vm, var_at, lanes, squares);
    } else if (!apart && item() == 0) {
        mean[mean_at] = ONE_LANE(near + middle);
        var[var_at] = ONE_LANE(squares);
    }
}

/* Numbers of this work-item's lane in a piece. */
ALWAYS_INLINE V count_lanes(const space *s, const piece *w)
{
    const index_t rows = w->row1 - w->row0, ps = w->p1 - w->p0;
    const index_t short_of = s->edge == EDGE_OUTER ? (w->outer == s->outers - 1 ? rows * ps : 0)
                             : s->edge == EDGE_ROW ? (w->row1 == s->rows ? ps : 0)
                                                   : (w->p1 == s->ps ? rows : 0);
    return (V)(rows * ps - short_of) + keep((V)(short_of), s->tail);
}

ALWAYS_INLINE void add_vector(const space *s, const place *xm, __global const float *x, const piece *w, index_t row,
                              index_t at, index_t p, V middle, V *sum, V *squares)
{
    const int lanes = lanes_at(s, w->outer, row, p);
    const V d = in_row(load_large(x, xm, at + p * xm->p, lanes) - middle, lanes);
    *sum += d;
    *squares += d * d;
}

/* Sum of a row's numbers, and of their squares, less middle: in four chains, since each addition waits for the one before
 * it. */
ALWAYS_INLINE void add_row(const space *s, const place *xm, __global const float *x, const piece *w, index_t row, int along,
                           V middle, V *sum, V *squares)
{
    const index_t at = row_of(xm, w, row), end = w->p1;
    index_t p = w->p0 + VECTOR % along;
    V part[4], part_squares[4];
#pragma unroll
    for (int u = 0; u < 4; u++)
        part[u] = part_squares[u] = (V)(0);
    for (; p + 3 * along < end; p += 4 * along)
#pragma unroll
        for (int u = 0; u < 4; u++)
            add_vector(s, xm, x, w, row, at, p + u * along, middle, &part[u], &part_squares[u]);
    for (; p < end; p += along)
        add_vector(s, xm, x, w, row, at, p, middle, &part[0], &part_squares[0]);
    const int lanes = lanes_of_row(s, w->outer, row);
    *sum += keep((part[0] + part[1]) + (part[2] + part[3]), lanes);
    *squares += keep((part_squares[0] + part_squares[1]) + (part_squares[2] + part_squares[3]), lanes);
}

/* partial: where the piece's numbers go. */
ALWAYS_INLINE void moments_of_piece(const space *s, const cut *c, const place *xm, __global const float *x, index_t unit,
                                    index_t i, __global float *partial, __local float *room)
{
    piece w;
    piece_of(s, c, unit, i, &w);
    const int along = ALONG(*c);
    V sum = (V)(0), rest = (V)(0), squares = (V)(0), unused = (V)(0);
    EACH_ROW(row, w, along)
        add_row(s, xm, x, &w, row, along, (V)(0), &sum, &unused);
    const V n = count_lanes(s, &w), divisor = max(n, (V)(1));
    const V middle = total(sum, room, true) / divisor;
    EACH_ROW(row, w, along)
        add_row(s, xm, x, &w, row, along, middle, &rest, &squares);
    rest = total(rest, room, true) / divisor;
    squares = total(squares, room, true) - rest * rest * n;
    if (VECTOR == 0) {
        STORE_PARTIAL(partial, COUNT, n);
        STORE_PARTIAL(partial, MEAN, middle);
        STORE_PARTIAL(partial, REST, rest);
        STORE_PARTIAL(partial, SQUARES, squares);
    }
}

/* A work-group a piece; or one a unit, which then does its pieces one by one and what norm_moments_combine does. */
__kernel void norm_moments(space s, cut c, place xm, place mm, place vm, __global const float *x, __global float *mean,
                           __global float *var, __global float *partial, index_t partial_at, int apart, float unbiased)
{
    __local float room[ITEMS];
    const index_t unit = get_group_id(1), pieces = c.row_pieces * c.p_pieces;
    partial += partial_at;
    for (index_t i = get_group_id(0); i < pieces; i += get_num_groups(0))
        moments_of_piece(&s, &c, &xm, x, unit, i, partial + OF_PIECE(unit * pieces + i, 0) * 16, room);
    if (get_num_groups(0) == 1) {
        barrier(CLK_GLOBAL_MEM_FENCE);
        finish_moments(&s, unit, pieces, apart, unbiased, &mm, &vm, mean, var, partial, room);
    }
}

__kernel void norm_moments_combine(space s, index_t pieces, place mm, place vm, __global float *mean,
                                   __global float *var, __global const float *partial, index_t partial_at, int apart,
                                   float unbiased)
{
    __local float room[ITEMS];
    finish_moments(&s, get_group_id(1), pieces, apart, unbiased, &mm, &vm, mean, var, partial + partial_at, room);
}

__kernel void normalize_forward(norm a, space s, cut c, places m, place ym, __global float *y, __global const float *x,
                                __global const float *mean, __global const float *var, __global const float *gamma,
                                __global const float *beta)
{
    piece w;
    piece_of(&s, &c, get_group_id(1), get_group_id(0), &w);
    const operands o = { x, mean, var, gamma, beta };
    stats t;
    stats_of(&a, &s, &m, &o, &w, &t);
    const int along = ALONG(c);
    EACH_ROW(row, w, along)
    {
        line l;
        line_of(&a, &m, &o, &w, &t, row, &l);
        const index_t at = row_of(&ym, &w, row);
        EACH_P(p, w, along)
        {
            const int lanes = lanes_at(&s, w.outer, row, p);
            point v;
            point_of(&a, &m, &o, &t, &l, p, lanes, &v);
            store_large(y, &ym, at + p * ym.p, lanes, activated(&a, v.z));
        }
    }
}
