/* A module that is a bag of parameters, with a loss that is quadratic in them, for the optimizer's tests. */
#ifndef OPTIM_BAG_H
#define OPTIM_BAG_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <socle/optim.h>
#include "support/support.h"

enum { BAG_MAX = 300 };
typedef struct bag {
    int n;
    socle_tensor *p[BAG_MAX]; /* named "p0", "p1", ... */
} bag;

static inline socle_tensor *bag_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    (void)m;
    (void)c;
    return x;
}

static const socle_module_type bag_type = { .name = "Bag", .size = sizeof(bag), .forward = bag_forward };

/* Shapes go round: (3), (4, 5), (2, 3, 2, 2), (1). */
static inline socle_module *bag_new(socle_device *d, int n)
{
    const socle_shape shapes[] = { socle_shape1(3), socle_shape2(4, 5), socle_shape4(2, 3, 2, 2), socle_shape1(1) };
    socle_module *m = socle_module_new(&bag_type, d);
    bag *b = socle_module_state(m);
    for (int i = 0; m != NULL && i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        b->p[b->n++] = socle_module_param(m, name, shapes[i % 4], socle_init_normal(0, 1));
    }
    if (socle_module_ready(m) == NULL || socle_reset_parameters(m, 7) != SOCLE_OK) {
        socle_module_free(m);
        return NULL;
    }
    return m;
}

/* Adds the gradients of sum((p - 1/2)^2) over the parameters first .. last - 1. */
static inline socle_status bag_backward(const bag *b, socle_ctx *c, int first, int last)
{
    socle_scope scope = socle_scope_begin(c);
    socle_tensor *loss = NULL;
    for (int i = first; i < last; i++) {
        socle_tensor *own = socle_sum(c, socle_square(c, socle_scale(c, b->p[i], 1, -0.5)), 0, false);
        loss = loss == NULL ? own : socle_add(c, loss, own);
    }
    socle_status s = socle_backward(c, loss);
    socle_scope_end(c, scope, NULL);
    return s;
}

#endif
