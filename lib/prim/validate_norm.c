/* Rules of norms. */
#include <math.h>
#include "core/error.h"
#include "core/shape.h"
#include "prim/validate.h"

static socle_status check_params(const socle_norm *p, const socle_tensor *x)
{
    SOCLE_CHECK(p, SOCLE_ERR_ARG, "normalize: the parameters are missing");
    socle_shape s = view_shape(&x->view);
    SOCLE_CHECK(s.ndim >= 2, SOCLE_ERR_SHAPE,
                "normalize: input has shape %s, expected (N, C) or (N, C, pixels ...)", shape_text(s).text);
    SOCLE_CHECK(p->batch || (p->groups >= 1 && s.dim[1] % p->groups == 0), SOCLE_ERR_ARG,
                "normalize: %d groups do not divide the %lld channels of %s", p->groups, (long long)s.dim[1],
                shape_text(s).text);
    SOCLE_CHECK(p->eps >= 0 && p->var_min >= 0, SOCLE_ERR_ARG, "normalize: eps %g, smallest variance %g",
                (double)p->eps, (double)p->var_min);
    SOCLE_CHECK(!p->act || !isnan(p->max), SOCLE_ERR_ARG, "normalize: the activation's maximum is not a number");
    return SOCLE_OK;
}

static socle_shape stat_shape(const socle_norm *p, const socle_tensor *x)
{
    return p->batch ? socle_shape1(x->view.dim[1]) : socle_shape2(x->view.dim[0], p->groups);
}

/* (C), (C, 1 ...), one element, or x's shape without the images. */
static socle_status check_affine(const char *name, const socle_tensor *t, const socle_tensor *x)
{
    socle_shape got = view_shape(&t->view), each = { .ndim = x->view.ndim - 1 };
    for (int i = 0; i < each.ndim; i++)
        each.dim[i] = x->view.dim[i + 1];
    int64_t n = shape_numel(got);
    bool channels = n == each.dim[0] && got.ndim >= 1 && got.ndim <= each.ndim && got.dim[0] == n;
    SOCLE_CHECK(n == 1 || channels || socle_shape_equal(got, each), SOCLE_ERR_SHAPE,
                "normalize: %s has shape %s, expected (%lld), (1) or %s", name, shape_text(got).text,
                (long long)each.dim[0], shape_text(each).text);
    return SOCLE_OK;
}

static socle_status check_operands(const socle_norm *p, const socle_tensor *y, const socle_tensor *x,
                                   const socle_tensor *mean, const socle_tensor *var, const socle_tensor *gamma,
                                   const socle_tensor *beta)
{
    SOCLE_TRY(validate_operand("normalize", "input", x, y, TYPE_REAL));
    SOCLE_TRY(check_params(p, x));
    SOCLE_TRY(validate_operand("normalize", "mean", mean, y, TYPE_REAL));
    SOCLE_TRY(validate_operand("normalize", "variance", var, y, TYPE_REAL));
    SOCLE_TRY(validate_shape("normalize", "mean", mean, stat_shape(p, x)));
    SOCLE_TRY(validate_shape("normalize", "variance", var, stat_shape(p, x)));
    if (gamma) {
        SOCLE_TRY(validate_operand("normalize", "gamma", gamma, y, TYPE_REAL));
        SOCLE_TRY(check_affine("gamma", gamma, x));
    }
    if (beta) {
        SOCLE_TRY(validate_operand("normalize", "beta", beta, y, TYPE_REAL));
        SOCLE_TRY(check_affine("beta", beta, x));
    }
    return SOCLE_OK;
}

socle_status validate_moments(const socle_norm *p, const socle_tensor *mean, const socle_tensor *var,
                              const socle_tensor *x)
{
    SOCLE_TRY(validate_result("moments", mean, TYPE_REAL));
    SOCLE_TRY(validate_output("moments", "variance", var, mean, TYPE_REAL));
    SOCLE_TRY(validate_operand("moments", "input", x, mean, TYPE_REAL));
    SOCLE_TRY(check_params(p, x));
    SOCLE_TRY(validate_shape("moments", "mean", mean, stat_shape(p, x)));
    SOCLE_TRY(validate_shape("moments", "variance", var, stat_shape(p, x)));
    SOCLE_CHECK(tensor_is_empty(mean) || !tensor_is_empty(x), SOCLE_ERR_SHAPE,
                "moments: input %s has nothing to take a mean of", shape_text(view_shape(&x->view)).text);
    return SOCLE_OK;
}

socle_status validate_normalize(const socle_norm *p, const socle_tensor *y, const socle_tensor *x,
                                const socle_tensor *mean, const socle_tensor *var, const socle_tensor *gamma,
                                const socle_tensor *beta)
{
    SOCLE_TRY(validate_result("normalize", y, TYPE_REAL));
    SOCLE_TRY(check_operands(p, y, x, mean, var, gamma, beta));
    return validate_shape("normalize", "result", y, view_shape(&x->view));
}

/* A gradient, where it is wanted, has its operand's shape. */
static socle_status check_gradient(const char *name, const socle_tensor *d, const socle_tensor *of,
                                   const socle_tensor *dy)
{
    if (!d)
        return SOCLE_OK;
    SOCLE_TRY(validate_output("normalize", name, d, dy, TYPE_REAL));
    SOCLE_CHECK(of, SOCLE_ERR_ARG, "normalize: there is a %s, but nothing it belongs to", name);
    return validate_shape("normalize", name, d, view_shape(&of->view));
}

socle_status validate_normalize_grad(const socle_norm *p, const socle_tensor *dx, const socle_tensor *dgamma,
                                     const socle_tensor *dbeta, const socle_tensor *dy, const socle_tensor *x,
                                     const socle_tensor *mean, const socle_tensor *var, const socle_tensor *gamma,
                                     const socle_tensor *beta)
{
    SOCLE_CHECK(dx || dgamma || dbeta, SOCLE_ERR_ARG, "normalize: no gradient is wanted");
    const socle_tensor *first = dx ? dx : dgamma ? dgamma : dbeta;
    SOCLE_TRY(validate_result("normalize", first, TYPE_REAL));
    SOCLE_TRY(validate_operand("normalize", "gradient", dy, first, TYPE_REAL));
    SOCLE_TRY(check_operands(p, first, x, mean, var, gamma, beta));
    SOCLE_TRY(validate_shape("normalize", "gradient", dy, view_shape(&x->view)));
    SOCLE_TRY(check_gradient("input gradient", dx, x, dy));
    SOCLE_TRY(check_gradient("gamma gradient", dgamma, gamma, dy));
    return check_gradient("beta gradient", dbeta, beta, dy);
}
