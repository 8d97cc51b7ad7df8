/* Gradients of norms. See norm.clh for how the work is cut. KERNEL_...: the one kernel that is wanted, since some drivers
 * compile every kernel of a program, and these are long. */

/* Of each piece and lane: sum of dz and of dz (x - mean); dz times gamma r where gamma varies within rows. sums: where those
 * of piece i go. */
ALWAYS_INLINE void sums_of_piece(const norm *a, const space *s, const cut *c, const places *m, const place *dm,
                                 const operands *o, __global const float *dy, index_t unit, index_t i,
                                 __global float *sums, __local float *room)
{
    piece w;
    piece_of(s, c, unit, i, &w);
    stats t;
    stats_of(a, s, m, o, &w, &t);
    const int along = ALONG(*c);
    V sum = (V)(0), with_x = (V)(0);
    EACH_ROW(row, w, along)
    {
        line l;
        line_of(a, m, o, &w, &t, row, &l);
        const index_t at = row_of(dm, &w, row);
        V line_sum = (V)(0), line_with_x = (V)(0);
        EACH_P(p, w, along)
        {
            const int lanes = lanes_at(s, w.outer, row, p);
            point v;
            point_of(a, m, o, &t, &l, p, lanes, &v);
            V dz = passed(a, load_large(dy, dm, at + p * dm->p, lanes), v.z);
            if (a->gamma == ELEMENT)
                dz *= v.scale;
            line_sum += in_row(dz, lanes);
            line_with_x += in_row(dz * v.c, lanes);
        }
        const int lanes = lanes_of_row(s, w.outer, row);
        sum += keep(line_sum, lanes);
        with_x += keep(line_with_x, lanes);
    }
    sum = total(sum, room, true);
    with_x = total(with_x, room, true);
    if (VECTOR == 0) {
        STORE_PARTIAL(sums, 2 * i, sum);
        STORE_PARTIAL(sums, 2 * i + 1, with_x);
    }
}

#ifdef KERNEL_normalize_sums
__kernel void normalize_sums(norm a, space s, cut c, places m, place dm, __global float *sums, index_t sums_at,
                             __global const float *dy, __global const float *x, __global const float *mean,
                             __global const float *var, __global const float *gamma, __global const float *beta)
{
    __local float room[ITEMS];
    const index_t unit = get_group_id(1);
    const operands o = { x, mean, var, gamma, beta };
    sums += sums_at + unit * c.row_pieces * c.p_pieces * 32;
    sums_of_piece(&a, &s, &c, &m, &dm, &o, dy, unit, get_group_id(0), sums, room);
}
#endif

/* A parameter: where it lies, and how many there are along groups and rows: 1 where it is shared. */
typedef struct parameter {
    place m;
    index_t groups, rows;
} parameter;

ALWAYS_INLINE index_t parameter_at(const parameter *q, index_t j)
{
    return q->m.at + j / q->rows * q->m.group + j % q->rows * q->m.row;
}

/* This work-item's share of what a unit's pieces add up to, times gamma r where that is not in them already. */
ALWAYS_INLINE void add_pieces(const norm *a, const cut *c, const places *m, const operands *o, const piece *w,
                              const stats *t, __global const float *sums, V *sum, V *with_x)
{
    for (index_t i = VECTOR; i < c->row_pieces * c->p_pieces; i += VECTORS) {
        line l;
        line_of(a, m, o, w, t, i / c->p_pieces * c->rows, &l);
        const V scale = a->gamma == ELEMENT ? (V)(1) : l.scale;
        *sum += scale * LOAD_PARTIAL(sums, 2 * i);
        *with_x += scale * LOAD_PARTIAL(sums, 2 * i + 1);
    }
}

/* This work-item's share of parameter number j, from the pieces of all that shares it. which: of their two sums. */
ALWAYS_INLINE V add_parameter(const norm *a, const space *s, const cut *c, const places *m, const operands *o,
                              const parameter *q, index_t j, int which, __global const float *sums)
{
    const index_t pieces = c->row_pieces * c->p_pieces, group = j / q->rows, row = j % q->rows;
    const index_t g0 = q->groups == 1 ? 0 : group, g1 = q->groups == 1 ? s->groups : group + 1;
    const index_t first = q->rows == 1 ? 0 : row * c->p_pieces, end = q->rows == 1 ? pieces : first + c->p_pieces;
    V acc = (V)(0);
    for (index_t outer = 0; outer < s->outers; outer++)
        for (index_t g = g0; g < g1; g++) {
            piece w;
            w.outer = outer;
            w.group = g;
            V sum = (V)(0);
            for (index_t i = first + VECTOR; i < end; i += VECTORS)
                sum += LOAD_PARTIAL(sums, 2 * ((outer * s->groups + g) * pieces + i) + which);
            if (which == 1) {
                stats t;
                stats_of(a, s, m, o, &w, &t);
                sum *= keep(t.r, a->apart ? lanes_at(s, outer, 0, 0) : 16);
            }
            acc += sum;
        }
    return acc;
}

/* dx = gamma r dz + level + linear (x - mean): what flows through the statistics, from a unit's sums. */
typedef struct through {
    V level, linear;
} through;

ALWAYS_INLINE void through_stats(const norm *a, const stats *t, V sum, V with_x, through *f)
{
    f->level = -a->share * (sum / a->n);
    f->linear = select(-a->share * t->r * t->r * (with_x / a->n_var), (V)(0), t->var < (V)(a->var_min));
}

ALWAYS_INLINE void dx_of_piece(const norm *a, const space *s, int along, const places *m, const place *dm,
                               const place *xm, const operands *o, __global const float *dy, const piece *w,
                               const stats *t, const through *f, __global float *dx)
{
    EACH_ROW(row, *w, along)
    {
        line l;
        line_of(a, m, o, w, t, row, &l);
        const index_t from = row_of(dm, w, row), to = row_of(xm, w, row);
        EACH_P(p, *w, along)
        {
            const int lanes = lanes_at(s, w->outer, row, p);
            point v;
            point_of(a, m, o, t, &l, p, lanes, &v);
            const V dz = passed(a, load_large(dy, dm, from + p * dm->p, lanes), v.z);
            store_large(dx, xm, to + p * xm->p, lanes, v.scale * dz + f->level + f->linear * v.c);
        }
    }
}

#ifdef KERNEL_normalize_backward
/* dx, and behind its units the parameters, those of gamma first. made: how the sums were cut. */
__kernel void normalize_backward(norm a, space s, cut c, cut made, places m, place dm, place xm, index_t units,
                                 parameter gammas, parameter betas, index_t n_gammas, __global float *dx,
                                 __global float *dgamma, __global float *dbeta, __global const float *sums,
                                 index_t sums_at, __global const float *dy, __global const float *x,
                                 __global const float *mean, __global const float *var, __global const float *gamma,
                                 __global const float *beta)
{
    __local float room[ITEMS];
    const index_t unit = get_group_id(1), i = get_group_id(0);
    const operands o = { x, mean, var, gamma, beta };
    sums += sums_at;
    const bool is_parameter = unit >= units, is_gamma = unit - units < n_gammas;
    const index_t j = is_gamma ? unit - units : unit - units - n_gammas;
    piece w;
    piece_of(&s, &c, is_parameter ? 0 : unit, i, &w);
    stats t;
    stats_of(&a, &s, &m, &o, &w, &t);
    V sum = (V)(0), with_x = (V)(0);
    if (is_parameter)
        sum = add_parameter(&a, &s, &made, &m, &o, is_gamma ? &gammas : &betas, j, is_gamma, sums);
    else if (a.share != 0)
        add_pieces(&a, &made, &m, &o, &w, &t, sums + unit * made.row_pieces * made.p_pieces * 32, &sum, &with_x);
    /* for both, because barriers in branches are too much for some compilers, even where a group takes only one */
    sum = total(sum, room, a.apart && !is_parameter);
    with_x = total(with_x, room, a.apart);
    if (is_parameter) {
        if (i == 0 && item() == 0 && is_gamma)
            dgamma[parameter_at(&gammas, j)] = ONE_LANE(sum);
        else if (i == 0 && item() == 0)
            dbeta[parameter_at(&betas, j)] = ONE_LANE(sum);
        return;
    }
    through f;
    through_stats(&a, &t, sum, with_x, &f);
    dx_of_piece(&a, &s, ALONG(c), &m, &dm, &xm, &o, dy, &w, &t, &f, dx);
}
#endif

/* All of it in one launch, a work-group a unit, whose two passes then read what its processor's caches hold: where units are
 * channels with parameters of their own. want: 1 for dgamma, 2 for dbeta. */
#if defined(OCL_CPU) && defined(KERNEL_normalize_channels)
__kernel void normalize_channels(norm a, space s, cut c, places m, place dm, place xm, parameter gammas, parameter betas,
                                 int want, __global float *dx, __global float *dgamma, __global float *dbeta,
                                 __global float *sums, index_t sums_at, __global const float *dy,
                                 __global const float *x, __global const float *mean, __global const float *var,
                                 __global const float *gamma, __global const float *beta)
{
    __local float room[ITEMS];
    const index_t unit = get_group_id(1), pieces = c.row_pieces * c.p_pieces;
    const operands o = { x, mean, var, gamma, beta };
    sums += sums_at + unit * pieces * 32;
    for (index_t i = 0; i < pieces; i++)
        sums_of_piece(&a, &s, &c, &m, &dm, &o, dy, unit, i, sums, room);
    piece w;
    piece_of(&s, &c, unit, 0, &w);
    stats t;
    stats_of(&a, &s, &m, &o, &w, &t);
    V sum = (V)(0), with_x = (V)(0);
    add_pieces(&a, &c, &m, &o, &w, &t, sums, &sum, &with_x);
    through f;
    through_stats(&a, &t, total(sum, room, false), total(with_x, room, false), &f);
    for (index_t i = 0; i < pieces; i++) {
        piece_of(&s, &c, unit, i, &w);
        dx_of_piece(&a, &s, 1, &m, &dm, &xm, &o, dy, &w, &t, &f, dx);
    }
    sum = with_x = (V)(0);
    for (index_t i = 0; i < pieces; i++) {
        sum += LOAD_PARTIAL(sums, 2 * i);
        with_x += LOAD_PARTIAL(sums, 2 * i + 1);
    }
    if (want & 1)
        dgamma[parameter_at(&gammas, unit)] = ONE_LANE(total(with_x * t.r, room, false));
    if (want & 2)
        dbeta[parameter_at(&betas, unit)] = ONE_LANE(total(sum, room, false));
}
#endif

#ifdef KERNEL_normalize_parameters
/* dgamma and dbeta, of one shape, from all that shares them, where sums of pieces do not tell: work-groups are pixels by
 * groups and rows, as far as those have parameters of their own. */
__kernel void normalize_parameters(norm a, space s, places m, place dm, parameter gammas, parameter betas, int want,
                                   __global float *dgamma, __global float *dbeta, __global const float *dy,
                                   __global const float *x, __global const float *mean, __global const float *var,
                                   __global const float *gamma, __global const float *beta)
{
    __local float room[ITEMS];
    const parameter q = want & 1 ? gammas : betas;
    const index_t group = get_group_id(1) / q.rows, row = get_group_id(1) % q.rows, p = get_group_id(0);
    const index_t g0 = q.groups == 1 ? 0 : group, g1 = q.groups == 1 ? s.groups : group + 1;
    const index_t row0 = q.rows == 1 ? 0 : row, row1 = q.rows == 1 ? s.rows : row + 1;
    const index_t p0 = get_num_groups(0) == 1 ? 0 : p, p1 = get_num_groups(0) == 1 ? s.ps : p + 1;
    const operands o = { x, mean, var, gamma, beta };
    const bool by_outer = s.outers > 1;
    V sum = (V)(0), with_x = (V)(0);
    for (index_t outer = by_outer ? VECTOR : 0; outer < s.outers; outer += by_outer ? VECTORS : 1)
        for (index_t g = g0; g < g1; g++) {
            const piece w = { outer, g, row0, row1, p0, p1 };
            stats t;
            stats_of(&a, &s, &m, &o, &w, &t);
            for (index_t r = row0 + (by_outer ? 0 : VECTOR); r < row1; r += by_outer ? 1 : VECTORS) {
                line l;
                line_of(&a, &m, &o, &w, &t, r, &l);
                const index_t at = row_of(&dm, &w, r);
                for (index_t k = p0; k < p1; k++) {
                    const int lanes = lanes_at(&s, outer, r, k);
                    point v;
                    point_of(&a, &m, &o, &t, &l, k, lanes, &v);
                    const V dz = passed(&a, load_large(dy, &dm, at + k * dm.p, lanes), v.z);
                    sum += keep(dz, lanes);
                    with_x += keep(dz * v.c * t.r, lanes);
                }
            }
        }
    const int apart = q.m.lane != 0, lanes = s.edge == EDGE_P ? lanes_at(&s, 0, 0, p0) : 16;
    sum = total(sum, room, apart);
    with_x = total(with_x, room, apart);
    const index_t gamma_at = gammas.m.at + group * gammas.m.group + row * gammas.m.row + p0 * gammas.m.p;
    const index_t beta_at = betas.m.at + group * betas.m.group + row * betas.m.row + p0 * betas.m.p;
    if (apart && VECTOR == 0) {
        if (want & 1)
            store(dgamma, &gammas.m, gamma_at, lanes, with_x);
        if (want & 2)
            store(dbeta, &betas.m, beta_at, lanes, sum);
    } else if (!apart && item() == 0) {
        if (want & 1)
            dgamma[gamma_at] = ONE_LANE(with_x);
        if (want & 2)
            dbeta[beta_at] = ONE_LANE(sum);
    }
}
#endif
