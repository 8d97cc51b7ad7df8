/* Optimizer steps over several parameters in one call. */
#ifndef CASES_OPTIM_H
#define CASES_OPTIM_H

#include "case.h"

typedef struct sgd_row {
    const char *name;
    socle_sgd_args a;
    bool momentum; /* has the m operands */
} sgd_row;

/* clang-format off */
static const sgd_row sgd_rows[] = {
    { "plain",               { .lr = 0.1f }, false },
    { "decay",               { .lr = 0.1f, .wd = 0.01f }, false },
    { "l2",                  { .lr = 0.2f, .l2 = 0.05f }, false },
    { "momentum",            { .lr = 0.1f, .mom = 0.9f }, true },
    { "momentum 0",          { .lr = 0.1f, .mom = 0 }, true },
    { "damped",              { .lr = 0.1f, .mom = 0.9f, .damp = 0.9f }, true },
    { "nesterov",            { .lr = 0.05f, .mom = 0.8f, .nesterov = true }, true },
    { "everything",          { .lr = 0.3f, .mom = 0.7f, .damp = 0.2f, .wd = 0.02f, .l2 = 0.03f, .nesterov = true }, true },
};

typedef struct adam_row {
    const char *name;
    socle_adam_args a;
    bool momentum; /* has the m operands; v unless the kind is SIGN */
} adam_row;

static const adam_row adam_rows[] = {
    { "adam",                { SOCLE_ADAM_SCALED, .lr = 0.1f, .keep = 1, .mom = 0.9f, .sqr_mom = 0.99f, .sqr_scale = 1, .eps = 1e-5f }, true },
    { "adam with all",       { SOCLE_ADAM_SCALED, .lr = 0.3f, .keep = 0.9f, .l2 = 0.03f, .mom = 0.7f, .sqr_mom = 0.8f, .sqr_scale = 1.5f, .sqr_eps = 0.01f, .eps = 0.1f }, true },
    { "adam's first",        { SOCLE_ADAM_SCALED, .lr = 1, .keep = 0.99f, .mom = 0, .sqr_mom = 0, .sqr_scale = 1, .eps = 0.5f }, true },
    { "plain average",       { SOCLE_ADAM_PLAIN, .lr = 0.2f, .keep = 0.95f, .l2 = 0.1f, .mom = 0.8f, .sqr_mom = 0.9f, .sqr_scale = 2, .eps = 0.1f }, true },
    { "rms",                 { SOCLE_ADAM_RMS, .lr = 0.1f, .keep = 1, .sqr_mom = 0.9f, .sqr_scale = 1, .eps = 1e-3f }, false },
    { "rms with momentum",   { SOCLE_ADAM_RMS, .lr = 0.1f, .keep = 0.9f, .l2 = 0.05f, .mom = 0.6f, .sqr_mom = 0.9f, .sqr_scale = 1, .eps = 1e-3f }, true },
    { "sign",                { SOCLE_ADAM_SIGN, .lr = 0.1f, .keep = 0.9f, .l2 = 0.05f, .mom = 0.9f, .sqr_mom = 0.99f }, true },
};

typedef struct lamb_row {
    const char *name;
    socle_lamb_args a;
    double most; /* parameters lie within -most and most */
} lamb_row;

static const lamb_row lamb_rows[] = {
    { "lamb",                { .lr = 0.1f, .mom = 0.9f, .mom_scale = 1, .sqr_mom = 0.99f, .sqr_scale = 1, .eps = 1e-6f, .trust = 10 }, 1 },
    { "lamb with all",       { .lr = 0.3f, .l2 = 0.03f, .wd = 0.1f, .mom = 0.7f, .mom_scale = 1.5f, .sqr_mom = 0.8f, .sqr_scale = 1.25f, .sqr_eps = 0.01f, .eps = 0.1f, .trust = 10 }, 1 },
    { "lamb at its limit",   { .lr = 0.2f, .wd = 0.05f, .mom = 0.8f, .mom_scale = 1, .sqr_mom = 0.9f, .sqr_scale = 1, .eps = 1e-3f, .trust = 0.125f }, 1 },
    { "lamb from zero",      { .lr = 0.1f, .wd = 0.1f, .mom = 0.9f, .mom_scale = 1, .sqr_mom = 0.9f, .sqr_scale = 1, .eps = 1e-3f, .trust = 10 }, 0 },
};

/* Of all gradients together: the first cuts each list, but for one of a single number, the second none. */
static const float clip_rows[] = { 0.75f, 1e4f };

static const float list_axpby_rows[][2] = { { 0.25f, 0.75f }, { -2, 1 }, { 1, 0 } };

/* The parameters of one call; a row of any is walked with each list. */
enum { OPTIM_MAX_PARAMETERS = 4 };
typedef struct parameter_list {
    int n;
    shape_row shape[OPTIM_MAX_PARAMETERS];
} parameter_list;

static const parameter_list parameter_lists[] = {
    { 1, { { 1, { 1 }, 0 } } },
    { 1, { { 1, { 17 }, 0 } } },
    { 2, { { 2, { 0, 3 }, 0 }, { 1, { 3 }, 0 } } },
    { 4, { { 4, { 8, 3, 3, 3 }, 0 }, { 1, { 8 }, 0 }, { 2, { 10, 33 }, 0 }, { 1, { 10 }, 0 } } },
    { 3, { { 2, { 16, 16 }, 0 }, { 1, { 15 }, 0 }, { 0, { 0 }, 0 } } },
    { 2, { { 1, { 4097 }, 0 }, { 2, { 64, 64 }, 0 } } },
    { 3, { { 2, { 1000, 130 }, CASE_BENCH | CASE_LARGE }, { 1, { 1000 }, 0 }, { 4, { 64, 32, 3, 3 }, 0 } } },
};
/* clang-format on */

#endif
