/* The tape: a flat array of nodes in execution order, so that backward is one loop from the end without a graph
 * search.
 *
 * A node knows its op's table, a copy of the attributes, the specs, where the gradient of each input goes, and
 * the few tensors that the op asked to keep, each with the version its storage had. Tensors point at nodes by
 * (generation, index), never by pointer, and the generation moves on when the tape is cleared: no cycles, no
 * stale links.
 *
 * Backward calls primitives, not ops: there is no derivative of a derivative. */
#include "tape.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <socle/sys/memory.h>
#include "core/ctx.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/tensor.h"

/* Something backward will look at, and its storage's version when it was recorded. */
typedef struct kept {
    socle_tensor *tensor;
    unsigned long long version;
} kept;

/* Where a gradient goes: to a leaf (owned), or to an output of an earlier node, or (node < 0) nowhere. */
typedef struct target {
    socle_tensor *leaf;
    int32_t node, output;
} target;

typedef struct node {
    const socle_op *op;
    _Alignas(max_align_t) unsigned char attr[SOCLE_OP_ATTR_MAX];
    int n_in, n_out;
    socle_spec spec[SOCLE_OP_MAX_IN], out_spec[SOCLE_OP_MAX_OUT];
    target to[SOCLE_OP_MAX_IN];
    kept in[SOCLE_OP_MAX_IN], out[SOCLE_OP_MAX_OUT];
    socle_tensor *gout[SOCLE_OP_MAX_OUT]; /* arrived so far; owned */
} node;

typedef struct tape {
    socle_device *device; /* its ctx's */
    uint64_t generation;
    node *nodes;
    size_t n, cap;
} tape;

/* ---- life ---- */

static uint64_t next_generation(socle_device *d)
{
    return atomic_fetch_add(&d->generations, 1) + 1;
}

/* Gives back everything a node holds; the memory is hot and goes to whoever asks next. */
static void node_release(node *n)
{
    for (int i = 0; i < n->n_in; i++) {
        socle_release(n->in[i].tensor);
        socle_release(n->to[i].leaf);
    }
    for (int i = 0; i < n->n_out; i++) {
        socle_release(n->out[i].tensor);
        socle_release(n->gout[i]);
    }
    n->n_in = n->n_out = 0;
}

static void tape_truncate(tape *t, size_t n)
{
    while (t->n > n)
        node_release(&t->nodes[--t->n]);
}

/* Also moves the generation on: what was recorded is out of reach from now on. */
static void tape_clear(tape *t)
{
    tape_truncate(t, 0);
    t->generation = next_generation(t->device);
}

static void tape_free(tape *t)
{
    if (t == NULL)
        return;
    tape_clear(t);
    socle_mem_free(t->nodes);
    socle_mem_free(t);
}

/* The ctx's tape, made at the first recorded op; NULL when memory runs out. */
static tape *tape_of(socle_ctx *c)
{
    if (c->tape == NULL) {
        tape *t = socle_mem_zeroed(1, sizeof *t);
        if (t == NULL)
            return NULL;
        t->device = c->device;
        t->generation = next_generation(c->device);
        c->tape = t;
        c->tape_clear = tape_clear;
        c->tape_free = tape_free;
    }
    return c->tape;
}

/* ---- recording ---- */

static bool is_on(const tape *t, const socle_tensor *x)
{
    return t != NULL && x->generation == t->generation;
}

bool tape_wants(const socle_ctx *c, const socle_tensor *t)
{
    return t != NULL && (t->requires_grad || is_on(c->tape, t));
}

static kept keep(socle_tensor *t)
{
    if (t == NULL)
        return (kept){ 0 };
    return (kept){ socle_retain(t), atomic_load(&t->store->version) };
}

static target target_of(const socle_ctx *c, socle_tensor *t)
{
    if (!tape_wants(c, t))
        return (target){ .node = -1 };
    if (is_on(c->tape, t))
        return (target){ .node = t->node, .output = t->output };
    return (target){ .leaf = socle_retain(t), .node = -1 };
}

socle_status tape_record(const socle_op *op, const socle_call *k)
{
    socle_ctx *c = k->ctx;
    tape *t = tape_of(c);
    if (t == NULL)
        return socle_error_status();
    SOCLE_CHECK(t->n < INT32_MAX, SOCLE_ERR_NOMEM, "%s: the tape is full", op->name);
    node *nodes = socle_mem_grow(t->nodes, &t->cap, t->n + 1, sizeof *nodes);
    if (nodes == NULL)
        return socle_error_status();
    t->nodes = nodes;

    node *n = &nodes[t->n];
    memset(n, 0, sizeof *n);
    n->op = op;
    n->n_in = k->n_in;
    n->n_out = k->n_out;
    if (op->attr_size > 0)
        memcpy(n->attr, k->attr, op->attr_size);
    uint32_t mask = op->keep_of != NULL ? op->keep_of(k->attr) : op->keep;
    for (int i = 0; i < k->n_in; i++) {
        n->spec[i] = k->spec[i];
        n->to[i] = target_of(c, k->in[i]);
        if (mask & SOCLE_KEEP_IN(i))
            n->in[i] = keep(k->in[i]);
    }
    for (int i = 0; i < k->n_out; i++) {
        n->out_spec[i] = k->out_spec[i];
        if (mask & SOCLE_KEEP_OUT(i))
            n->out[i] = keep(k->out[i]);
    }
    k->out[0]->generation = t->generation;
    k->out[0]->node = (int32_t)t->n;
    k->out[0]->output = 0;
    t->n++;
    return SOCLE_OK;
}

/* ---- backward ---- */

/* *slot = *slot + g, of one shape; g is consumed. Adds in place only where nobody else looks: a gradient that
 * was moved in may be a view of another node's. */
static socle_status accumulate(socle_tensor **slot, socle_tensor *g)
{
    if (*slot == NULL) {
        *slot = g;
        return SOCLE_OK;
    }
    if (!tensor_is_sole_owner(*slot) && tensor_is_sole_owner(g)) {
        socle_tensor *swap = *slot;
        *slot = g;
        g = swap;
    }
    socle_status s = SOCLE_OK;
    if (!tensor_is_sole_owner(*slot)) {
        const socle_view *v = &(*slot)->view;
        socle_tensor *sum = socle_tensor_dense(socle_device_of(*slot), v->dtype, view_shape(v), v->lanes);
        s = sum == NULL ? socle_error_status() : socle_prim_copy(sum, *slot);
        if (s == SOCLE_OK) {
            socle_release(*slot);
            *slot = sum;
        } else {
            socle_release(sum);
        }
    }
    if (s == SOCLE_OK)
        s = socle_prim_axpby(*slot, 1.0f, g, 1.0f);
    socle_release(g);
    return s;
}

/* Adds g, which is consumed, to a leaf's gradient, which is always dense and row-major. */
static socle_status leaf_accumulate(socle_tensor *leaf, socle_tensor *g)
{
    socle_status s = SOCLE_OK;
    if (leaf->grad != NULL) {
        s = socle_prim_axpby(leaf->grad, 1.0f, g, 1.0f);
        socle_release(g);
        return s;
    }
    if (g->view.lanes != 1 || !view_is_dense(&g->view) || !tensor_is_sole_owner(g)) {
        socle_tensor *copy = socle_tensor_new(socle_device_of(leaf), leaf->view.dtype, socle_shape_of(leaf));
        s = copy == NULL ? socle_error_status() : socle_prim_copy(copy, g);
        socle_release(g);
        g = copy;
    }
    if (s == SOCLE_OK)
        tensor_set_grad(leaf, g);
    else
        socle_release(g);
    return s;
}

static bool is_wanted(const target *to)
{
    return to->leaf != NULL || to->node >= 0;
}

static bool is_touched(const kept *k)
{
    return k->tensor != NULL && atomic_load(&k->tensor->store->version) != k->version;
}

static socle_status check_versions(const node *n)
{
    for (int i = 0; i < n->n_in; i++)
        SOCLE_CHECK(!is_touched(&n->in[i]), SOCLE_ERR_STATE, "%s: input %d was modified in place after forward",
                    n->op->name, i);
    for (int i = 0; i < n->n_out; i++)
        SOCLE_CHECK(!is_touched(&n->out[i]), SOCLE_ERR_STATE, "%s: output %d was modified in place after forward",
                    n->op->name, i);
    return SOCLE_OK;
}

/* The gradient that has arrived for input i of n, taken from where it waits, if n's op can add to it and may: nobody
 * else looks at it, and it has the input's format. Else NULL. */
static socle_tensor *take_gradient(const tape *t, const node *n, int i)
{
    const target *to = &n->to[i];
    if (!(n->op->accumulates & SOCLE_KEEP_IN(i)) || to->node < 0)
        return NULL;
    socle_tensor **slot = &t->nodes[to->node].gout[to->output], *g = *slot;
    if (g == NULL || !tensor_is_sole_owner(g) || g->view.lanes != n->spec[i].lanes)
        return NULL;
    *slot = NULL;
    return g;
}

/* The call that backward of n sees, with gradients to write, or to add to, where somebody wants them. gin is owned by
 * the caller, also on failure. */
static socle_status make_call(socle_ctx *c, const tape *t, const node *n, socle_call *k)
{
    *k = (socle_call){ .ctx = c, .attr = n->attr, .n_in = n->n_in, .n_out = n->n_out };
    memcpy(k->spec, n->spec, sizeof k->spec);
    memcpy(k->out_spec, n->out_spec, sizeof k->out_spec);
    for (int i = 0; i < n->n_out; i++) {
        k->out[i] = n->out[i].tensor;
        k->gout[i] = n->gout[i];
    }
    for (int i = 0; i < n->n_in; i++) {
        k->in[i] = n->in[i].tensor;
        if (n->op->view || !is_wanted(&n->to[i]))
            continue;
        k->gin[i] = take_gradient(t, n, i);
        if (k->gin[i] != NULL) {
            k->accumulate |= SOCLE_KEEP_IN(i);
            continue;
        }
        const socle_spec *s = &n->spec[i];
        k->gin[i] = socle_tensor_dense(c->device, s->dtype, s->shape, s->lanes);
        if (k->gin[i] == NULL)
            return socle_error_status();
    }
    return SOCLE_OK;
}

/* Runs backward of node `at` and passes its gradients on. */
static socle_status step_back(socle_ctx *c, tape *t, size_t at)
{
    node *n = &t->nodes[at];
    SOCLE_TRY(check_versions(n));
    socle_call k;
    socle_status s = make_call(c, t, n, &k);
    if (s == SOCLE_OK)
        s = n->op->backward(&k);

    target to[SOCLE_OP_MAX_IN];
    int n_in = n->n_in;
    memcpy(to, n->to, sizeof to);
    for (int i = 0; i < n_in; i++)
        n->to[i].leaf = NULL; /* ours now */
    node_release(n); /* before the sums below, so that a gradient that was passed through has one owner again */
    for (int i = 0; i < n_in; i++) {
        if (s != SOCLE_OK || k.gin[i] == NULL)
            socle_release(k.gin[i]);
        else if (to[i].leaf != NULL)
            s = leaf_accumulate(to[i].leaf, k.gin[i]);
        else if (to[i].node >= 0)
            s = accumulate(&t->nodes[to[i].node].gout[to[i].output], k.gin[i]);
        else
            socle_release(k.gin[i]); /* a view op answers whether asked or not */
        socle_release(to[i].leaf);
    }
    return s;
}

static socle_status check_loss(const socle_ctx *c, const socle_tensor *loss)
{
    SOCLE_CHECK(loss != NULL, SOCLE_ERR_ARG, "backward: the loss is NULL");
    SOCLE_CHECK(socle_numel(loss) == 1, SOCLE_ERR_SHAPE, "backward: the loss has shape %s, not one element",
                shape_text(socle_shape_of(loss)).text);
    SOCLE_CHECK(socle_device_of(loss) == c->device && is_on(c->tape, loss), SOCLE_ERR_STATE,
                "backward: the loss is not a recorded result of this ctx since its last backward, clear or end of "
                "the outermost scope (a training step is one scope, from its forward pass on)");
    return SOCLE_OK;
}

static socle_status walk_back(socle_ctx *c, tape *t, socle_tensor *loss)
{
    tape_truncate(t, (size_t)loss->node + 1); /* what came later does not lead to the loss */
    socle_tensor *one = socle_tensor_dense(c->device, loss->view.dtype, view_shape(&loss->view), loss->view.lanes);
    if (one == NULL)
        return socle_error_status();
    t->nodes[loss->node].gout[loss->output] = one;
    SOCLE_TRY(socle_prim_fill(one, 1.0));
    while (t->n > 0) {
        const node *n = &t->nodes[t->n - 1];
        if (n->gout[0] != NULL)
            SOCLE_TRY(step_back(c, t, t->n - 1));
        tape_truncate(t, t->n - 1);
    }
    return SOCLE_OK;
}

socle_status socle_backward(socle_ctx *c, socle_tensor *loss)
{
    if (socle_ctx_status(c) != SOCLE_OK)
        return socle_ctx_status(c);
    socle_status s = check_loss(c, loss);
    if (s == SOCLE_OK) {
        s = walk_back(c, c->tape, loss);
        tape_clear(c->tape);
    }
    return s == SOCLE_OK ? s : socle_ctx_fail(c, s);
}

bool socle_call_owns_gout(const socle_call *k, int i)
{
    assert(i >= 0 && i < k->n_out);
    return k->gout[i] != NULL && tensor_is_sole_owner(k->gout[i]);
}
