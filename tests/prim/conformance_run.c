/* One trial: what the reference expects, the layouts to walk, the judgement of each call, the report. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conformance_session.h"
#include "cases/case.h"
#include "support/die.h"
#include "support/support.h"

enum { MAX_ARRANGEMENTS = 64, TEXT = TRIAL_TEXT };

static bool is_output(const operand *o)
{
    return o->role == TRIAL_OUT || o->role == TRIAL_INOUT;
}

/* Views of nothing never reach a slot; primitives answer them. */
static bool is_empty(const trial *t)
{
    for (int i = 0; i < t->n && !t->takes_empty; i++)
        if (t->op[i].role != TRIAL_ABSENT && shape_count(t->op[i].shape) == 0)
            return true;
    return false;
}

/* ---- expectations ---- */

arrangement trial_uniform(const trial *t, layout l)
{
    arrangement a;
    for (int i = 0; i < TRIAL_MAX_OPERANDS; i++) {
        a.layout[i] = i < t->n ? layout_for(&t->op[i], l) : LAYOUT_PLAIN;
        a.shared[i] = -1;
    }
    return a;
}

/* Results of the reference on t's values, row-major, one array per output. */
static bool run_reference(session *s, const trial *t, double **out)
{
    arrangement plain = trial_uniform(t, LAYOUT_PLAIN);
    layout_set l = layout_set_make(t, &plain, s->reference.real);
    rig r = s->reference;
    r.prims = is_empty(t);
    bool ok = rig_call(&r, t, &l) == SOCLE_OK;
    for (int i = 0; ok && i < t->n; i++)
        if (is_output(&t->op[i])) {
            out[i] = support_alloc(l.operand[i]->count * sizeof(double));
            placed_values(l.operand[i], out[i]);
        }
    layout_set_free(&l);
    return ok;
}

/* The root of the sum of the terms' squares: the reference on squared operands. */
bool trial_find_scales(session *s, trial *t)
{
    trial squared = *t;
    if (t->attr_squared != NULL)
        squared.attr = t->attr_squared;
    double *sums[TRIAL_MAX_OPERANDS] = { NULL };
    for (int i = 0; i < t->n; i++) {
        operand *o = &squared.op[i];
        if (o->values == NULL || o->dtype != TRIAL_REAL || o->keep_sign)
            continue;
        o->values = support_alloc(operand_count(o) * sizeof(double));
        for (size_t j = 0; j < operand_count(o); j++)
            o->values[j] = t->op[i].values[j] * t->op[i].values[j];
    }
    bool ok = run_reference(s, &squared, sums);
    for (int i = 0; i < t->n; i++) {
        if (squared.op[i].values != t->op[i].values)
            free(squared.op[i].values);
        for (size_t j = 0; sums[i] != NULL && j < operand_count(&t->op[i]); j++)
            sums[i][j] = sqrt(sums[i][j]) * (t->terms_factor != 0 ? t->terms_factor : 1);
        t->op[i].scale = sums[i];
    }
    return ok;
}

bool trial_expect(session *s, trial *t)
{
    double *want[TRIAL_MAX_OPERANDS] = { NULL };
    if (!run_reference(s, t, want))
        return false;
    for (int i = 0; i < t->n; i++) {
        free(t->op[i].want);
        t->op[i].want = want[i];
    }
    return true;
}

/* ---- layouts ---- */

/* An output on an input is in the input's layout. */
static bool same_arrangement(const trial *t, const arrangement *a, const arrangement *b)
{
    for (int i = 0; i < t->n; i++)
        if (t->op[i].role != TRIAL_ABSENT && (a->layout[i] != b->layout[i] || a->shared[i] != b->shared[i]))
            return false;
    return true;
}

static void add_arrangement(const trial *t, arrangement *list, int *n, arrangement a)
{
    for (int i = 0; i < *n; i++)
        if (same_arrangement(t, &list[i], &a))
            return;
    if (*n < MAX_ARRANGEMENTS)
        list[(*n)++] = a;
}

static arrangement mixture(const trial *t, int index, bool few)
{
    static const layout plain_or_block[] = { LAYOUT_PLAIN, LAYOUT_BLOCK };
    arrangement a = trial_uniform(t, LAYOUT_PLAIN);
    double drawn[TRIAL_MAX_OPERANDS];
    fill_whole(drawn, TRIAL_MAX_OPERANDS, t->seed + 1000 + (uint64_t)index, 0, few ? 1 : LAYOUT_COUNT - 1);
    for (int i = 0; i < t->n; i++) {
        int pick = (int)drawn[i];
        a.layout[i] = layout_for(&t->op[i], few ? plain_or_block[pick] : (layout)pick);
    }
    return a;
}

static void add_aliased(const trial *t, arrangement *list, int *n, layout l)
{
    for (int out = 0; out < t->n; out++)
        for (int in = 0; in < t->n; in++) {
            const operand *o = &t->op[out], *x = &t->op[in];
            if (!(o->alias >> in & 1) || x->role == TRIAL_ABSENT || x->repeat != 0 || x->dtype != o->dtype)
                continue;
            arrangement a = trial_uniform(t, l);
            a.shared[out] = in;
            add_arrangement(t, list, n, a);
        }
}

/* The row numbered `at` among those that are walked. Some devices build a kernel for each function in each layout: the
 * first rows of a slot meet one plain, one in blocks and one mixed, later ones take turns. */
static int list_quick(const trial *t, int at, arrangement *list)
{
    arrangement all[] = { trial_uniform(t, LAYOUT_PLAIN), trial_uniform(t, LAYOUT_BLOCK), mixture(t, 0, false) };
    int n = 0;
    for (int i = 0; i < (int)CASE_COUNT(all); i++)
        if (at < 6 || at % (int)CASE_COUNT(all) == i)
            add_arrangement(t, list, &n, all[i]);
    return n;
}

static int list_arrangements(const trial *t, arrangement *list)
{
    bool few = (t->flags & (CASE_LARGE | CASE_HUGE)) != 0;
    int n = 0;
    for (int l = 0; l < LAYOUT_COUNT; l++)
        if (!few || l == LAYOUT_PLAIN || l == LAYOUT_BLOCK)
            add_arrangement(t, list, &n, trial_uniform(t, (layout)l));
    int mixes = few ? 1 : t->mixes ? t->mixes : 3;
    for (int i = 0; i < mixes; i++)
        add_arrangement(t, list, &n, mixture(t, i, few));
    static const layout aliased[] = { LAYOUT_PLAIN, LAYOUT_BLOCK, LAYOUT_GAPPED, LAYOUT_BLOCK_GAPPED };
    for (size_t i = 0; i < (few ? 2 : CASE_COUNT(aliased)); i++)
        add_aliased(t, list, &n, aliased[i]);
    return n;
}

static void describe(const trial *t, const arrangement *a, char text[TEXT])
{
    int used = 0;
    text[0] = '\0';
    for (int i = 0; i < t->n && used < TEXT - 40; i++) {
        if (t->op[i].role == TRIAL_ABSENT)
            continue;
        const char *where = a->shared[i] >= 0 ? t->op[a->shared[i]].name : layout_name(a->layout[i]);
        used += snprintf(text + used, (size_t)(TEXT - used), "%s%s%s%s", used ? " " : "", t->op[i].name,
                         a->shared[i] >= 0 ? "=" : ":", where);
    }
}

/* ---- judgement ---- */

static double bound_of(const operand *o, size_t i, socle_dtype real)
{
    if (o->dtype != TRIAL_REAL || o->exact)
        return 0;
    double scale = fabs(o->want[i]);
    scale = fmax(scale, o->floor);
    if (o->scale != NULL)
        scale = fmax(scale, o->scale[i]);
    double length = o->length > 1 ? o->length : 1, k = o->budget > 0 ? o->budget : 4;
    /* Results too small for full precision may be flushed to 0. */
    return k * eps_of(real) * sqrt(length) * scale + (real == SOCLE_F32 ? 1e-30 : 1e-290);
}

/* Error in units of the bound; infinite where nothing would do. */
static double error_ratio(double got, double want, double bound, socle_dtype real)
{
    if (real == SOCLE_F32 && fabs(want) > FLT_MAX && !isinf(want))
        want = want > 0 ? INFINITY : -INFINITY; /* overflows where double does not */
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want) ? 0 : INFINITY;
    if (got == want)
        return 0;
    if (isinf(got) || isinf(want) || bound == 0)
        return INFINITY;
    return fabs(got - want) / bound;
}

static bool judge_values(const operand *o, const placed *p, socle_dtype real, double *worst, char *text)
{
    double *got = support_alloc(p->count * sizeof(*got));
    placed_values(p, got);
    bool ok = true;
    for (size_t i = 0; ok && i < p->count; i++) {
        double want = o->want[i];
        if (o->dtype == TRIAL_REAL && o->exact && real == SOCLE_F32)
            want = (double)(float)want;
        double bound = bound_of(o, i, real), ratio = error_ratio(got[i], want, bound, real);
        *worst = fmax(*worst, ratio);
        ok = ratio <= 1;
        char where[80];
        if (!ok && placed_unwritten(p, i))
            snprintf(text, TEXT, "%s%s holds the filling: not written, or made from what lies around operands",
                     o->name, element_words(o, i, where));
        else if (!ok)
            snprintf(text, TEXT, "%s%s is %.9g instead of %.9g: off by %.3g, allowed %.3g", o->name,
                     element_words(o, i, where), got[i], want, fabs(got[i] - want), bound);
    }
    free(got);
    return ok;
}

/* Only outputs may have changed, and those only in their elements and pad lanes. */
static bool judge_memory(const trial *t, const layout_set *l, bool nothing, char *text)
{
    for (int i = 0; i < t->n; i++) {
        if (l->operand[i] == NULL)
            continue;
        bool strict = nothing || !is_output(&t->op[i]);
        for (int j = 0; !nothing && j < t->n; j++)
            if (l->arrangement->shared[j] == i)
                strict = false;
        if (!placed_intact(l->operand[i], t->op[i].name, strict, text, TEXT))
            return false;
    }
    return true;
}

bool trial_judge(const trial *t, const layout_set *l, socle_status status, socle_dtype real, double *worst,
                 char *text)
{
    bool refused = status == SOCLE_ERR_UNSUPPORTED && t->slot->optional;
    bool rejected = status == SOCLE_ERR_ARG && t->may_reject;
    if (status != SOCLE_OK && !refused && !rejected) {
        snprintf(text, TEXT, "%s: %.200s", socle_status_text(status), socle_error());
        return false;
    }
    if (!judge_memory(t, l, refused, text))
        return false;
    for (int i = 0; i < t->n && status == SOCLE_OK && !t->may_reject; i++)
        if (is_output(&t->op[i]) && !judge_values(&t->op[i], layout_set_of(l, i), real, worst, text))
            return false;
    return true;
}

/* Logical elements only: what is written into pad lanes is nobody's business. */
static bool same_bits(const trial *t, const layout_set *a, const layout_set *b, char *text)
{
    for (int i = 0; i < t->n; i++) {
        if (!is_output(&t->op[i]))
            continue;
        const placed *p = layout_set_of(a, i), *q = layout_set_of(b, i);
        for (size_t j = 0; j < p->count; j++) {
            size_t at = (size_t)p->at[j] * p->size;
            char where[80];
            if (memcmp(p->after + at, q->after + at, p->size) == 0)
                continue;
            snprintf(text, TEXT, "%s%s depends on the number of threads", t->op[i].name,
                     element_words(&t->op[i], j, where));
            return false;
        }
    }
    return true;
}

/* ---- the walk ---- */

typedef struct outcome {
    double worst;
    bool refused;
    int failed;
} outcome;

static bool try_arrangement(session *s, const trial *t, const arrangement *a, outcome *v, char *text)
{
    layout_set first = layout_set_make(t, a, s->rig[0].real);
    socle_status status = rig_call(&s->rig[0], t, &first);
    bool ok = trial_judge(t, &first, status, s->rig[0].real, &v->worst, text);
    s->summary->calls++;
    v->refused |= status == SOCLE_ERR_UNSUPPORTED;
    for (int i = 1; ok && status == SOCLE_OK && i < s->n_rigs; i++) {
        layout_set more = layout_set_make(t, a, s->rig[0].real);
        socle_status again = rig_call(&s->rig[i], t, &more);
        if (again != status)
            snprintf(text, TEXT, "with %d threads: %.200s", i + 1, socle_error());
        ok = again == status && judge_memory(t, &more, false, text) && same_bits(t, &first, &more, text);
        s->summary->calls++;
        layout_set_free(&more);
    }
    layout_set_free(&first);
    return ok;
}

void trial_tell(session *s, const trial *t, conformance_verdict verdict, const char *where, const char *text,
                double ratio, double seconds)
{
    conformance_result r = { verdict, t->slot->name, t->row, where, text, ratio, seconds };
    if (s->report != NULL)
        s->report(s->user, &r);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static conformance_slot *table_line(session *s, const trial_slot *slot)
{
    conformance_summary *sum = s->summary;
    for (size_t i = 0; i < sum->n_slots; i++)
        if (strcmp(sum->slot[i].name, slot->name) == 0)
            return &sum->slot[i];
    if (sum->n_slots == CONFORMANCE_MAX_SLOTS)
        support_die("more than %d slots", CONFORMANCE_MAX_SLOTS);
    conformance_slot *line = &sum->slot[sum->n_slots++];
    *line = (conformance_slot){ .name = slot->name, .present = slot_present(s->rig[0].backend, slot) };
    return line;
}

static outcome walk(session *s, trial *t, int at)
{
    outcome v = { 0 };
    char text[TEXT] = "", where[TEXT] = "";
    if (!trial_expect(s, t) || (t->terms && !trial_find_scales(s, t))) {
        if (!t->may_reject) {
            snprintf(text, sizeof(text), "the reference: %.200s", socle_error());
            trial_tell(s, t, CONFORMANCE_FAIL, "", text, 0, 0);
            v.failed++;
            return v;
        }
    }
    arrangement list[MAX_ARRANGEMENTS];
    int n = s->options->quick ? list_quick(t, at, list) : list_arrangements(t, list);
    for (int i = 0; i < n; i++) {
        if (try_arrangement(s, t, &list[i], &v, text))
            continue;
        describe(t, &list[i], where);
        trial_tell(s, t, CONFORMANCE_FAIL, where, text, v.worst, 0);
        v.failed++;
    }
    return v;
}

bool trial_wanted(const session *s, const trial *t)
{
    const conformance_options *o = s->options;
    if (session_prims(s) ? t->slot->prim == NULL : is_empty(t))
        return false;
    /* The seed is made from the row's name, its lowest bits from little more than the last letters. */
    return (o->row == NULL || strstr(t->row, o->row) != NULL) &&
           (o->parts == 0 || (int)((t->seed >> 8) % (uint64_t)o->parts) == o->part);
}

void trial_run(session *s, trial *t)
{
    const conformance_options *o = s->options;
    if (o->timing != NULL) {
        trial_time(s, t);
        trial_free(t);
        return;
    }
    if (!trial_wanted(s, t)) {
        trial_free(t);
        return;
    }
    bool prims = session_prims(s);
    for (int i = 0; i < t->n; i++)
        t->op[i].row_major = t->op[i].row_major && !prims;
    conformance_slot *line = table_line(s, t->slot);
    /* Rows run through the shapes of one function before they come to the next: seven is less than any has shapes. */
    if (line->seen++ % (t->quick_step ? t->quick_step : 7) != 0 && o->quick) {
        trial_free(t);
        return;
    }
    line->rows++;
    s->summary->rows++;
    if (!prims && !line->present) {
        trial_tell(s, t, CONFORMANCE_SKIP, "", "there is no such slot", 0, 0);
        trial_free(t);
        return;
    }
    double start = now();
    outcome v = walk(s, t, line->rows - 1);
    line->failed += v.failed;
    line->refused += v.refused;
    line->worst = fmax(line->worst, v.worst);
    s->summary->failed += v.failed;
    if (v.failed == 0)
        trial_tell(s, t, v.refused ? CONFORMANCE_SKIP : CONFORMANCE_PASS, "",
                   v.refused ? "refused in some layout" : "", v.worst, now() - start);
    trial_free(t);
}
