/* Children one after the other. What a child makes is let go as soon as the next child has used it (the tape keeps what
 * backward will need), so that an evaluation holds one layer's values at a time and not the network's. */
#include <stdio.h>
#include <socle/layers.h>
#include "module.h"

/* Runs a child in a scope of its own and takes its result out of it: an owned reference, NULL on failure. */
static socle_tensor *run_owned(socle_module *child, socle_ctx *c, socle_tensor *x)
{
    socle_scope scope = socle_scope_begin(c);
    socle_tensor *y = socle_retain(socle_forward(child, c, x));
    socle_scope_end(c, scope, NULL);
    return y;
}

static socle_tensor *forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    socle_tensor *held = NULL; /* x, where it is a child's result */
    for (size_t i = 0; i + 1 < m->n_children && x != NULL; i++) {
        socle_tensor *y = run_owned(m->children[i], c, x);
        socle_release(held);
        held = x = y;
    }
    socle_tensor *y = m->n_children > 0 ? socle_forward(m->children[m->n_children - 1], c, x) : x;
    if (y != NULL && y == held) /* the last child handed its input on: the ctx needs a handle of its own */
        y = socle_reshape(c, y, socle_shape_of(y));
    socle_release(held);
    return y;
}

static const socle_module_type type = { .name = "Sequential", .forward = forward };

socle_module *socle_sequential_new(socle_device *d)
{
    return socle_module_new(&type, d);
}

socle_module *socle_append(socle_module *seq, socle_module *child)
{
    char name[24] = "0";
    if (seq != NULL && seq->type != &type) {
        socle_fail(SOCLE_ERR_ARG, "append: %s is not a Sequential", seq->type->name);
        seq->broken = true;
        socle_module_child(NULL, name, child); /* consumed all the same */
        return seq;
    }
    if (seq != NULL)
        snprintf(name, sizeof name, "%zu", seq->n_children);
    socle_module_child(seq, name, child);
    return seq;
}
