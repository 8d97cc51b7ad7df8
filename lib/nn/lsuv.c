/* LSUV: unit variance, layer after layer, by measuring. What a layer makes is seen by a hook for the length of
 * its turn; each change of its weights is followed by a whole forward pass, since what comes before the layer no
 * longer changes. */
#include <math.h>
#include <string.h>
#include <socle/sys/memory.h>
#include <socle/sys/prim.h>
#include <socle/weights.h>
#include "module.h"

typedef struct turn {
    socle_module *model, *layer;
    socle_ctx *ctx;
    socle_tensor *x;
    const socle_lsuv_desc *o;
    socle_tensor *weight, *bias; /* the layer's; bias may be NULL */
    double mean, std;            /* of its last pass */
    int passes;
} turn;

/* ---- measuring ---- */

static socle_tensor *measure(socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out, void *user)
{
    (void)m, (void)in;
    turn *t = user;
    double n = (double)socle_numel(out), squares = 0;
    socle_tensor *mean = socle_mean(c, out, 0, false);
    socle_tensor *sum = socle_sum(c, socle_square(c, socle_sub(c, out, mean)), 0, false);
    socle_status s = mean == NULL || sum == NULL ? socle_ctx_status(c) : socle_item(mean, &t->mean);
    if (s == SOCLE_OK)
        s = socle_item(sum, &squares);
    if (s != SOCLE_OK)
        socle_ctx_fail(c, s);
    t->std = n > 1 ? sqrt(squares / (n - 1)) : 0;
    return NULL;
}

/* One pass of the whole model. */
static socle_status pass(turn *t)
{
    socle_scope scope = socle_scope_begin(t->ctx);
    t->mean = t->std = (double)NAN;
    t->passes++;
    socle_forward(t->model, t->ctx, t->x);
    socle_scope_end(t->ctx, scope, NULL);
    return socle_ctx_status(t->ctx);
}

/* ---- changing ---- */

static bool is_off(const turn *t, double value, double target)
{
    return !(fabs(value - target) <= t->o->tolerance);
}

static bool is_numbers(const turn *t)
{
    return isfinite(t->mean) && isfinite(t->std) && t->std > 0;
}

static bool has_shift(const turn *t)
{
    if (t->o->form == SOCLE_LSUV_SHIFT)
        return socle_act_of(t->layer).kind == SOCLE_ACT_GENERAL_RELU;
    return t->bias != NULL;
}

static socle_status move(turn *t)
{
    if (t->o->form == SOCLE_LSUV_SHIFT)
        return socle_act_set_shift(t->layer, socle_act_of(t->layer).sub + (float)t->mean);
    return socle_prim_unary(SOCLE_UNARY_affine, t->bias, t->bias, 1, -(float)t->mean, 0);
}

static socle_status scale(turn *t)
{
    return socle_prim_unary(SOCLE_UNARY_affine, t->weight, t->weight, (float)(1 / t->std), 0, 0);
}

/* Changes and measures again as long as there is something to do and passes are left. */
static socle_status repeat(turn *t, bool moves, bool scales)
{
    while (is_numbers(t) && t->passes < t->o->max_passes) {
        bool mean_off = moves && is_off(t, t->mean, 0), std_off = scales && is_off(t, t->std, 1);
        if (!mean_off && !std_off)
            return SOCLE_OK;
        socle_status s = moves ? move(t) : SOCLE_OK;
        if (s == SOCLE_OK && scales)
            s = scale(t);
        if (s == SOCLE_OK)
            s = pass(t);
        if (s != SOCLE_OK)
            return s;
    }
    return SOCLE_OK;
}

static socle_status run_turn(turn *t, socle_lsuv_layer *out)
{
    bool joint = t->o->form == SOCLE_LSUV_JOINT, moves = has_shift(t);
    socle_status s = pass(t);
    out->mean_before = t->mean;
    out->std_before = t->std;
    if (s == SOCLE_OK && !joint && moves)
        s = repeat(t, true, false);
    if (s == SOCLE_OK)
        s = repeat(t, joint && moves, true);
    out->mean = t->mean;
    out->std = t->std;
    out->passes = t->passes;
    out->converged = !is_off(t, t->std, 1) && !(joint && moves && is_off(t, t->mean, 0));
    return s;
}

/* Hook, and without the activation where the form looks before it, for the length of the turn. */
static socle_status take_turn(turn *t, socle_lsuv_layer *out)
{
    socle_hook *hook = socle_module_hook(t->layer, measure, t);
    if (hook == NULL)
        return socle_error_status();
    socle_act_desc *act = t->o->form == SOCLE_LSUV_BIAS ? t->layer->act : NULL;
    socle_act_kind kind = act == NULL ? SOCLE_ACT_NONE : act->kind;
    if (act != NULL)
        act->kind = SOCLE_ACT_NONE;
    socle_status s = run_turn(t, out);
    if (act != NULL)
        act->kind = kind;
    socle_hook_remove(hook);
    return s;
}

/* ---- layers ---- */

static socle_tensor *parameter(const socle_module *m, const char *name)
{
    for (size_t i = 0; i < m->n_tensors; i++)
        if (m->tensors[i].trainable && strcmp(m->tensors[i].name, name) == 0)
            return m->tensors[i].tensor;
    return NULL;
}

static bool choose(const char *path, const socle_module *m, void *user)
{
    (void)path;
    const socle_lsuv_desc *o = user;
    if (strcmp(m->type->name, "Conv2d") != 0 && strcmp(m->type->name, "Linear") != 0)
        return false;
    return o->form == SOCLE_LSUV_BIAS || socle_act_of(m).kind != SOCLE_ACT_NONE;
}

static socle_status check(socle_module *m, socle_ctx *c, const socle_tensor *x, const socle_lsuv_desc *o)
{
    if (m == NULL || c == NULL || x == NULL) {
        module_missing(m == NULL ? "the model" : c == NULL ? "the ctx" : "the batch", "lsuv");
        return socle_error_status();
    }
    if ((unsigned)o->form > SOCLE_LSUV_JOINT || !(o->tolerance > 0) || o->max_passes < 1)
        return socle_fail(SOCLE_ERR_ARG, "lsuv: form %d, a tolerance of %g, %d passes", (int)o->form, o->tolerance,
                          o->max_passes);
    return socle_ctx_status(c);
}

static socle_status each_layer(socle_module *m, socle_ctx *c, socle_tensor *x, const socle_lsuv_desc *o,
                               socle_module_list *list, socle_lsuv_report *r)
{
    r->layer = socle_mem_zeroed(list->n, sizeof *r->layer);
    if (r->layer == NULL)
        return SOCLE_ERR_NOMEM;
    for (; r->n < list->n; r->n++) {
        socle_module *layer = list->module[r->n];
        turn t = { m, layer, c, x, o, parameter(layer, "weight"), parameter(layer, "bias"), 0, 0, 0 };
        if (t.weight == NULL)
            return socle_fail(SOCLE_ERR_ARG, "lsuv: %s at \"%s\" has no parameter \"weight\"", layer->type->name,
                              list->path[r->n]);
        socle_lsuv_layer *out = &r->layer[r->n];
        socle_status s = take_turn(&t, out);
        if (s != SOCLE_OK)
            return s;
        out->path = list->path[r->n];
        list->path[r->n] = NULL; /* the report's now */
        r->converged += out->converged;
    }
    return SOCLE_OK;
}

socle_status socle_lsuv(socle_module *m, socle_ctx *c, socle_tensor *x, socle_lsuv_desc o,
                        socle_lsuv_report *report)
{
    o.tolerance = o.tolerance != 0 ? o.tolerance : 1e-3;
    o.max_passes = o.max_passes != 0 ? o.max_passes : 20;
    socle_module_list list = { 0 };
    socle_lsuv_report r = { 0 };
    socle_status s = check(m, c, x, &o);
    if (s == SOCLE_OK)
        s = o.which != NULL ? socle_module_find(m, o.which, o.which_user, &list)
                            : socle_module_find(m, choose, &o, &list);
    if (s != SOCLE_OK)
        return s;
    bool training = socle_ctx_set_training(c, false), grad = socle_ctx_set_grad(c, false);
    s = each_layer(m, c, x, &o, &list, &r);
    socle_ctx_set_training(c, training);
    socle_ctx_set_grad(c, grad);
    socle_module_list_free(&list);
    if (s == SOCLE_OK && report != NULL)
        *report = r;
    else
        socle_lsuv_report_free(&r);
    return s;
}

void socle_lsuv_report_free(socle_lsuv_report *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++)
        socle_mem_free(r->layer[i].path);
    socle_mem_free(r->layer);
    *r = (socle_lsuv_report){ 0 };
}
