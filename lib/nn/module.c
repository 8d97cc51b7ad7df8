/* Modules: their life, their parameters and buffers, their children, and what holds for whole trees.
 *
 * Nothing here needs to be checked by the caller step by step: a part that cannot be made marks its module broken, and
 * socle_module_ready turns a broken module into NULL. A child is consumed whatever happens, so nested constructors
 * leak nothing. */
#include "module.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <socle/sys/memory.h>

/* ---- life ---- */

socle_module *socle_module_new(const socle_module_type *type, socle_device *d)
{
    assert(type != NULL && type->name != NULL && type->forward != NULL);
    if (d == NULL)
        return NULL;
    socle_module *m = socle_mem_zeroed(1, sizeof *m + type->size);
    if (m == NULL)
        return NULL;
    m->type = type;
    m->device = d;
    m->pin = socle_tensor_new(d, SOCLE_F32, socle_shape1(0));
    if (m->pin == NULL) {
        socle_mem_free(m);
        return NULL;
    }
    return m;
}

socle_module *socle_module_ready(socle_module *m)
{
    if (m != NULL && m->broken) {
        socle_module_free(m);
        return NULL;
    }
    return m;
}

static void tensor_drop(module_tensor *t)
{
    socle_release(t->tensor);
    socle_mem_free(t->name);
}

void socle_module_free(socle_module *m)
{
    if (m == NULL)
        return;
    assert(m->parent == NULL); /* its parent frees it */
    hooks_free(&m->hooks);
    if (m->type->drop != NULL)
        m->type->drop(m);
    for (size_t i = 0; i < m->n_children; i++) {
        m->children[i]->parent = NULL;
        socle_module_free(m->children[i]);
    }
    for (size_t i = 0; i < m->n_tensors; i++)
        tensor_drop(&m->tensors[i]);
    socle_mem_free(m->children);
    socle_mem_free(m->tensors);
    socle_mem_free(m->name);
    socle_release(m->pin);
    socle_mem_free(m);
}

void *socle_module_state(const socle_module *m)
{
    return m == NULL ? NULL : (void *)m->state;
}

const socle_module_type *socle_module_type_of(const socle_module *m)
{
    return m == NULL ? NULL : m->type;
}

socle_device *socle_module_device(const socle_module *m)
{
    return m == NULL ? NULL : m->device;
}

void module_text(const socle_module *m, char *buf, size_t cap)
{
    char parts[160] = "";
    if (m->type->describe != NULL)
        m->type->describe(m, parts, sizeof parts);
    if (parts[0] == '\0')
        snprintf(buf, cap, "%s", m->type->name);
    else
        snprintf(buf, cap, "%s(%s)", m->type->name, parts);
}

void module_missing(const char *what, const char *name)
{
    if (socle_error_status() == SOCLE_OK)
        socle_fail(SOCLE_ERR_ARG, "%s: %s is NULL", name, what);
}

/* ---- names ---- */

static bool name_is_taken(const socle_module *m, const char *name)
{
    for (size_t i = 0; i < m->n_tensors; i++)
        if (strcmp(m->tensors[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < m->n_children; i++)
        if (strcmp(m->children[i]->name, name) == 0)
            return true;
    return false;
}

static bool name_fits(const socle_module *m, const char *name)
{
    const char *type = m->type->name;
    if (name == NULL || name[0] == '\0')
        socle_fail(SOCLE_ERR_ARG, "%s: a part without a name", type);
    else if (strchr(name, '.') != NULL)
        socle_fail(SOCLE_ERR_ARG, "%s: the name \"%s\" holds a dot, which separates names in a path", type, name);
    else if (name_is_taken(m, name))
        socle_fail(SOCLE_ERR_ARG, "%s: the name \"%s\" is taken", type, name);
    else
        return true;
    return false;
}

/* ---- parameters and buffers ---- */

static bool tensor_make(socle_module *m, const char *name, socle_shape s, module_tensor *t)
{
    if (!name_fits(m, name))
        return false;
    t->name = socle_mem_string(name);
    if (t->name == NULL)
        return false;
    t->tensor = socle_tensor_new(m->device, socle_device_real(m->device), s);
    if (t->tensor == NULL)
        return false;
    socle_rng r = draw_stream(0, 0); /* whatever the module will be part of */
    if (socle_init_tensor(t->tensor, t->init, &r) != SOCLE_OK)
        return false;
    if (t->trainable && socle_set_requires_grad(t->tensor, true) != SOCLE_OK)
        return false;
    module_tensor *grown = socle_mem_grow(m->tensors, &m->cap_tensors, m->n_tensors + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    m->tensors = grown;
    m->tensors[m->n_tensors++] = *t;
    return true;
}

static socle_tensor *tensor_add(socle_module *m, const char *name, socle_shape s, module_tensor t)
{
    if (m == NULL || m->broken)
        return NULL;
    if (tensor_make(m, name, s, &t))
        return t.tensor;
    tensor_drop(&t);
    m->broken = true;
    return NULL;
}

socle_tensor *socle_module_param(socle_module *m, const char *name, socle_shape s, socle_init init)
{
    return tensor_add(m, name, s, (module_tensor){ .trainable = true, .init = init });
}

socle_tensor *socle_module_buffer(socle_module *m, const char *name, socle_shape s, double fill)
{
    return tensor_add(m, name, s, (module_tensor){ .init = socle_init_constant(fill) });
}

/* ---- children ---- */

/* False where child is somebody else's, so that it can neither be taken over nor be freed. */
static bool child_is_free(const socle_module *m, const socle_module *child)
{
    if (child->parent != NULL) {
        socle_fail(SOCLE_ERR_ARG, "%s belongs to %s already and cannot have a second parent", child->type->name,
                   child->parent->type->name);
        return false;
    }
    const socle_module *root = m;
    while (root != NULL && root->parent != NULL)
        root = root->parent;
    if (root == child) {
        socle_fail(SOCLE_ERR_ARG, "%s cannot become a part of itself", child->type->name);
        return false;
    }
    return true;
}

static bool child_attach(socle_module *m, const char *name, socle_module *child)
{
    if (m->broken || child->broken || !name_fits(m, name))
        return false;
    if (child->device != m->device) {
        socle_fail(SOCLE_ERR_ARG, "%s: child \"%s\" lives on another device (%s)", m->type->name, name,
                   socle_device_name(child->device));
        return false;
    }
    socle_module **grown = socle_mem_grow(m->children, &m->cap_children, m->n_children + 1, sizeof(socle_module *));
    if (grown == NULL)
        return false;
    m->children = grown;
    child->name = socle_mem_string(name);
    if (child->name == NULL)
        return false;
    child->parent = m;
    m->children[m->n_children++] = child;
    return true;
}

socle_module *socle_module_child(socle_module *m, const char *name, socle_module *child)
{
    bool ours = child != NULL && child_is_free(m, child);
    if (ours && m != NULL && child_attach(m, name, child))
        return child;
    if (child == NULL && m != NULL)
        module_missing("a child", m->type->name);
    if (ours)
        socle_module_free(child);
    if (m != NULL)
        m->broken = true;
    return NULL;
}

/* ---- whole trees. Recursions as deep as the tree, which needs no memory ---- */

void socle_module_set_mode(socle_module *m, socle_mode mode)
{
    if (m != NULL)
        m->mode = mode;
}

void socle_module_freeze(socle_module *m, bool frozen)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n_tensors; i++)
        if (m->tensors[i].trainable) /* a real leaf: cannot fail */
            (void)socle_set_requires_grad(m->tensors[i].tensor, !frozen);
    for (size_t i = 0; i < m->n_children; i++)
        socle_module_freeze(m->children[i], frozen);
}

int64_t socle_module_numel(socle_module *m)
{
    int64_t n = 0;
    if (m == NULL)
        return n;
    for (size_t i = 0; i < m->n_tensors; i++)
        if (m->tensors[i].trainable)
            n += socle_numel(m->tensors[i].tensor);
    for (size_t i = 0; i < m->n_children; i++)
        n += socle_module_numel(m->children[i]);
    return n;
}
