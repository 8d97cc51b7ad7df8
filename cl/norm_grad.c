/* Gradients of norms: sums of pieces, then dx and the parameters from them in one launch. Parameters that vary within rows
 * have a launch of their own before that, because dx may lie on dy. */
#include "norm.h"
#include "slots.h"
#include "temp.h"

#include <stdio.h>

enum { OPTIONS = 48, SUMS = 2 * SOCLE_LANES /* numbers that a piece leaves */ };

/* What is wanted, NULL where it is not, and what it is made from. */
typedef struct grads {
    socle_out dx, dgamma, dbeta;
    socle_in dy;
} grads;

static bool varies(socle_in parameter)
{
    return ocl_norm_parameter_kind(parameter) == OCL_NORM_ELEMENT;
}

static int64_t numel(socle_in parameter)
{
    return parameter ? parameter->dim[0] * parameter->dim[1] * parameter->dim[2] : 0;
}

/* Along a group's channels. */
static bool has_channels(socle_in parameter)
{
    return parameter && parameter->dim[1] > 1;
}

static bool same_dims(socle_in a, socle_in b)
{
    return a->dim[0] == b->dim[0] && a->dim[1] == b->dim[1] && a->dim[2] == b->dim[2];
}

static ocl_call begin(const ocl_norm *w, const char *function)
{
    char option[OPTIONS];
    (void)snprintf(option, sizeof option, "-DKERNEL_%s", function);
    return ocl_norm_begin(w, "norm_grad.cl", function, option);
}

static void arg_gradients(ocl_call *k, const grads *g)
{
    const socle_in any = g->dy; /* not written where a gradient is absent */
    ocl_arg_buffer(k, (g->dgamma ? g->dgamma : any)->buffer);
    ocl_arg_buffer(k, (g->dbeta ? g->dbeta : any)->buffer);
}

/* dgamma and dbeta, of the same dims if both are there, from dy and x themselves. */
static socle_status run_parameters(const ocl_norm *w, const grads *g)
{
    const socle_in q = g->dgamma ? g->dgamma : g->dbeta;
    ocl_call k = begin(w, "normalize_parameters");
    ocl_norm_arg_norm(&k, w);
    ocl_norm_arg_places(&k, w);
    ocl_norm_arg_place(&k, w, g->dy);
    ocl_norm_arg_parameter(&k, w, g->dgamma);
    ocl_norm_arg_parameter(&k, w, g->dbeta);
    ocl_arg_int(&k, (g->dgamma ? 1 : 0) | (g->dbeta ? 2 : 0));
    arg_gradients(&k, g);
    ocl_arg_buffer(&k, g->dy->buffer);
    ocl_norm_arg_operands(&k, w);
    return ocl_norm_run(&k, varies(q) ? w->ps : 1, q->dim[0] * q->dim[1]);
}

/* Those that sums do not tell: where they vary within rows, or gamma does, which enters the sums. They go from g. */
static socle_status run_varying(const ocl_norm *w, grads *g)
{
    const bool all = varies(w->gamma);
    grads own = { .dgamma = all ? g->dgamma : NULL,
                  .dbeta = all || varies(g->dbeta) ? g->dbeta : NULL,
                  .dy = g->dy };
    if (own.dgamma)
        g->dgamma = NULL;
    if (own.dbeta)
        g->dbeta = NULL;
    if (!own.dgamma && !own.dbeta)
        return SOCLE_OK;
    if (!own.dgamma || !own.dbeta || same_dims(own.dgamma, own.dbeta))
        return run_parameters(w, &own);
    socle_status status = run_parameters(w, &(grads){ .dgamma = own.dgamma, .dy = g->dy });
    return status == SOCLE_OK ? run_parameters(w, &(grads){ .dbeta = own.dbeta, .dy = g->dy }) : status;
}

static socle_status run_sums(const ocl_norm *w, const grads *g, const ocl_norm_cut *c, const ocl_temp *sums)
{
    ocl_call k = begin(w, "normalize_sums");
    ocl_norm_arg_norm(&k, w);
    ocl_norm_arg_cut(&k, w, c);
    ocl_norm_arg_places(&k, w);
    ocl_norm_arg_place(&k, w, g->dy);
    ocl_arg_buffer(&k, sums->owned);
    ocl_arg_index(&k, w->wide, ocl_start(&sums->view));
    ocl_arg_buffer(&k, g->dy->buffer);
    ocl_norm_arg_operands(&k, w);
    return ocl_norm_run(&k, ocl_norm_pieces(c), ocl_norm_units(w));
}

/* sums: of pieces as `made` has them; without memory where nothing needs them. */
static socle_status run_backward(const ocl_norm *w, const grads *g, const ocl_norm_cut *made, const ocl_temp *sums)
{
    const ocl_norm_cut c = ocl_norm_cut_of(w, false);
    const int64_t units = g->dx ? ocl_norm_units(w) : 0;
    ocl_call k = begin(w, "normalize_backward");
    ocl_norm_arg_norm(&k, w);
    ocl_norm_arg_cut(&k, w, &c);
    ocl_norm_arg_cut(&k, w, made);
    ocl_norm_arg_places(&k, w);
    ocl_norm_arg_place(&k, w, g->dy);
    ocl_norm_arg_place(&k, w, g->dx ? g->dx : g->dy);
    ocl_arg_index(&k, w->wide, units);
    ocl_norm_arg_parameter(&k, w, g->dgamma);
    ocl_norm_arg_parameter(&k, w, g->dbeta);
    ocl_arg_index(&k, w->wide, numel(g->dgamma));
    ocl_arg_buffer(&k, (g->dx ? g->dx : g->dy)->buffer);
    arg_gradients(&k, g);
    ocl_arg_buffer(&k, sums->owned ? sums->owned : g->dy->buffer);
    ocl_arg_index(&k, w->wide, sums->owned ? ocl_start(&sums->view) : 0);
    ocl_arg_buffer(&k, g->dy->buffer);
    ocl_norm_arg_operands(&k, w);
    return ocl_norm_run(&k, g->dx ? ocl_norm_pieces(&c) : 1, units + numel(g->dgamma) + numel(g->dbeta));
}

/* Is v absent, or one number for each of the groups? */
static bool is_of_groups(const ocl_norm *w, socle_in v)
{
    return !v || numel(v) == w->groups;
}

/* Whether units do all by themselves; then sums stay theirs, and dx and the sums are the same bits. */
static bool in_one_launch(const ocl_norm *w, const grads *g)
{
    return w->batch && g->dx && w->args.share != 0 && !varies(w->gamma) && is_of_groups(w, g->dgamma) &&
           is_of_groups(w, g->dbeta) && ocl_norm_whole_units(w);
}

static socle_status run_channels(const ocl_norm *w, const grads *g, const ocl_norm_cut *c, const ocl_temp *sums)
{
    ocl_call k = begin(w, "normalize_channels");
    ocl_norm_arg_norm(&k, w);
    ocl_norm_arg_cut(&k, w, c);
    ocl_norm_arg_places(&k, w);
    ocl_norm_arg_place(&k, w, g->dy);
    ocl_norm_arg_place(&k, w, g->dx);
    ocl_norm_arg_parameter(&k, w, g->dgamma);
    ocl_norm_arg_parameter(&k, w, g->dbeta);
    ocl_arg_int(&k, (g->dgamma ? 1 : 0) | (g->dbeta ? 2 : 0));
    ocl_arg_buffer(&k, g->dx->buffer);
    arg_gradients(&k, g);
    ocl_arg_buffer(&k, sums->owned);
    ocl_arg_index(&k, w->wide, ocl_start(&sums->view));
    ocl_arg_buffer(&k, g->dy->buffer);
    ocl_norm_arg_operands(&k, w);
    return ocl_norm_run(&k, 1, ocl_norm_units(w));
}

/* All but what run_varying has done. */
static socle_status run_rest(ocl_norm *w, const grads *g)
{
    const bool through = g->dx && w->args.share != 0, needed = through || g->dgamma || g->dbeta;
    const bool by_rows = !w->batch && !varies(w->gamma) && (has_channels(w->gamma) || has_channels(g->dbeta));
    const ocl_norm_cut c = ocl_norm_cut_of(w, by_rows);
    const int64_t numbers = ocl_norm_units(w) * ocl_norm_pieces(&c) * SUMS;
    ocl_temp sums = { 0 };
    socle_status status = SOCLE_OK;
    if (needed) {
        status = ocl_temp_new(w->d, SOCLE_F32, 1, &numbers, 1, &sums);
        if (status != SOCLE_OK)
            return status;
        w->wide |= ocl_start(&sums.view) + numbers > INT32_MAX / 2;
        status = in_one_launch(w, g) ? run_channels(w, g, &c, &sums) : run_sums(w, g, &c, &sums);
    }
    if (status == SOCLE_OK && !in_one_launch(w, g))
        status = run_backward(w, g, &c, &sums);
    ocl_temp_free(w->d, &sums);
    return status;
}

socle_status ocl_normalize_grad(void *self, const socle_norm *p, socle_out dx, socle_out dgamma, socle_out dbeta,
                                socle_in dy, socle_in x, socle_in mean, socle_in var, socle_in gamma, socle_in beta)
{
    const socle_in large[] = { x, dy, dx ? dx : dy };
    ocl_norm w = ocl_norm_of(self, p, 3, large, mean, var, gamma, beta);
    grads g = { dx, dgamma, dbeta, dy };
    socle_status status = run_varying(&w, &g);
    return status == SOCLE_OK && (g.dx || g.dgamma || g.dbeta) ? run_rest(&w, &g) : status;
}
