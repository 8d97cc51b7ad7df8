/* Elementwise slots: the loop over the operands, the options of its format, the number of the function, and the launch. */
#include "loop.h"
#include "slots.h"

#include <stdio.h>

enum {
    OPTIONS = 384,
    RUN = 64 /* elements of a strided loop that a processor's work-item does */
};

static const char *type_name(socle_dtype t)
{
    return t == SOCLE_U8 ? "uchar" : t == SOCLE_I32 ? "int" : "float";
}

/* On a processor: dense operands of floats as so many float16s, where sizes and places are multiples of that. */
static bool as_sixteens(const ocl_device *d, ocl_loop *l, const socle_in *v)
{
    bool whole = d->is_cpu && l->flat && l->total % 16 == 0;
    for (int i = 0; i < l->n; i++)
        whole &= v[i]->dtype == SOCLE_F32 && l->offset[i] % 16 == 0;
    if (!whole)
        return false;
    l->total /= 16;
    for (int i = 0; i < l->n; i++)
        l->offset[i] /= 16;
    return true;
}

/* Work-items: see EACH in kernels/elementwise.cl. */
static size_t items_of(const ocl_device *d, const ocl_loop *l)
{
    if (!d->is_cpu || l->flat)
        return (size_t)l->total;
    int64_t width = l->dim[l->ndim - 1];
    return (size_t)(l->total / width * ((width + RUN - 1) / RUN));
}

/* Begins a kernel of elementwise.cl over n views, hands over the loop and the views' memory in order. */
static ocl_call begin(ocl_device *d, const char *function, const char *options, int n, const socle_in *v)
{
    ocl_loop l = ocl_loop_over(n, v, false);
    char buf[2 * OPTIONS], all[OPTIONS + 64];
    (void)snprintf(all, sizeof all, "-DKERNEL_%s%s -DRUN=%d %s", function,
                   as_sixteens(d, &l, v) ? " -DSIXTEEN" : "", (int)RUN, options);
    ocl_call k = ocl_begin(d, "elementwise.cl", function, ocl_loop_options(&l, buf, sizeof buf, all));
    ocl_arg_loop(&k, &l);
    for (int i = 0; i < n; i++)
        ocl_arg_buffer(&k, v[i]->buffer);
    k.total = items_of(d, &l);
    return k;
}

static socle_status run(ocl_call *k)
{
    return ocl_run(k, 1, &k->total, NULL);
}

socle_status ocl_fill(void *self, socle_out y, double value)
{
    char options[OPTIONS];
    (void)snprintf(options, sizeof options, "-DT=%s", y->dtype == SOCLE_F32 ? "real" : type_name(y->dtype));
    ocl_call k = begin(self, "fill", options, 1, (socle_in[]){ y });
    ocl_arg_float(&k, (float)value);
    return run(&k);
}

socle_status ocl_copy(void *self, socle_out y, socle_in x)
{
    static const char *const convert[] = {
        [SOCLE_F32] = "convert_float", [SOCLE_I32] = "convert_int_sat", [SOCLE_U8] = "convert_uchar_sat"
    };
    char options[OPTIONS];
    if (x->dtype == y->dtype) {
        (void)snprintf(options, sizeof options, "-DT=%s", x->dtype == SOCLE_F32 ? "real" : type_name(x->dtype));
        ocl_call k = begin(self, "copy", options, 2, (socle_in[]){ y, x });
        return run(&k);
    }
    (void)snprintf(options, sizeof options, "-DT=%s -DTX=%s -DCONVERT=%s%s", type_name(y->dtype),
                   type_name(x->dtype), convert[y->dtype], x->dtype == SOCLE_F32 ? "_rtz -DFROM_FLOAT" : "");
    ocl_call k = begin(self, "cast", options, 2, (socle_in[]){ y, x });
    return run(&k);
}

/* The kernels' lists of functions: see EACH_UNARY and EACH_BINARY in kernels/elementwise.cl. */
static const char each_unary[] = "-DEACH_UNARY(F)="
#define U(name, value, derivative, keep) "F(" #name ")"
#include <socle/sys/unary.def>
#undef U
    ;
static const char each_binary[] = "-DEACH_BINARY(F,C)="
#define B(name, value, da, db, keep) "F(" #name ")"
#define C(name, value)               "C(" #name ")"
#include <socle/sys/binary.def>
#undef B
#undef C
    ;

socle_status ocl_unary(void *self, socle_unary op, socle_out y, socle_in x, float a, float b, float c)
{
    ocl_call k = begin(self, "unary", each_unary, 2, (socle_in[]){ y, x });
    ocl_arg_int(&k, op);
    ocl_arg_float(&k, a);
    ocl_arg_float(&k, b);
    ocl_arg_float(&k, c);
    return run(&k);
}

socle_status ocl_unary_grad(void *self, socle_unary op, socle_out dx, socle_in dy, socle_in x, socle_in y, float a,
                            float b, float c)
{
    ocl_call k = begin(self, "unary_grad", each_unary, 4, (socle_in[]){ dx, dy, x ? x : dy, y ? y : dy });
    ocl_arg_int(&k, op);
    ocl_arg_float(&k, a);
    ocl_arg_float(&k, b);
    ocl_arg_float(&k, c);
    return run(&k);
}

socle_status ocl_binary(void *self, socle_binary op, socle_out y, socle_in a, socle_in b)
{
    char options[OPTIONS];
    bool compares = y->dtype == SOCLE_U8;
    (void)snprintf(options, sizeof options, "%s%s%s", each_binary, compares ? " -DOPERAND=" : "",
                   compares ? type_name(a->dtype) : "");
    ocl_call k = begin(self, compares ? "compare" : "binary", options, 3, (socle_in[]){ y, a, b });
    ocl_arg_int(&k, op);
    return run(&k);
}

socle_status ocl_binary_grad(void *self, socle_binary op, int side, socle_out d, socle_in dy, socle_in a,
                             socle_in b)
{
    ocl_call k = begin(self, "binary_grad", each_binary, 4, (socle_in[]){ d, dy, a ? a : dy, b ? b : dy });
    ocl_arg_int(&k, op);
    ocl_arg_int(&k, side);
    return run(&k);
}

socle_status ocl_where(void *self, socle_out y, socle_in cond, socle_in a, socle_in b)
{
    char options[OPTIONS];
    (void)snprintf(options, sizeof options, "-DT=%s", type_name(y->dtype));
    ocl_call k = begin(self, "where", options, 4, (socle_in[]){ y, cond, a, b });
    return run(&k);
}

socle_status ocl_axpby(void *self, socle_out y, float a, socle_in x, float b)
{
    ocl_call k = begin(self, "axpby", "", 2, (socle_in[]){ y, x });
    ocl_arg_float(&k, a);
    ocl_arg_float(&k, b);
    return run(&k);
}

socle_status ocl_add_relu(void *self, socle_unary op, socle_out y, socle_in a, socle_in b, float leak, float sub,
                          float max)
{
    ocl_call k = begin(self, "add_relu", "", 3, (socle_in[]){ y, a, b });
    ocl_arg_int(&k, op == SOCLE_UNARY_monotone_relu);
    ocl_arg_float(&k, leak);
    ocl_arg_float(&k, sub);
    ocl_arg_float(&k, max);
    return run(&k);
}
