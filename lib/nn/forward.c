/* Running a module: its scope, its mode, its hooks, and its name in the message when it fails.
 *
 * Only who detects an error words it, and that is an op, which knows shapes and values but not whose they are: in a
 * network of sixty convolutions "conv2d: input has 3 channels, weight expects 8" leaves the reader searching. So the
 * innermost module that a failure comes out of appends its name and path, once, and leaves the text itself alone; the
 * modules around it are told that this has been done. */
#include "module.h"

#include <stdio.h>
#include <string.h>

/* Appends m's path below its root, "body.1", to buf. */
static void append_path(const socle_module *m, char *buf, size_t cap)
{
    if (m->parent == NULL)
        return;
    append_path(m->parent, buf, cap);
    size_t n = strlen(buf);
    snprintf(buf + n, cap - n, "%s%s", n == 0 ? "" : ".", m->name);
}

/* The thread's message, which is the one of c's failure, with m's name behind it. role: "" or "a hook of ". */
static void blame(socle_module *m, const socle_ctx *c, const char *role)
{
    const socle_module *root = m;
    for (; root->parent != NULL; root = root->parent)
        root->parent->blamed = true;
    if (socle_error_status() != socle_ctx_status(c))
        return; /* somebody has failed and recovered since: not our text */
    char name[200], path[160] = "";
    module_text(m, name, sizeof name);
    append_path(m, path, sizeof path);
    if (root == m)
        socle_fail(socle_ctx_status(c), "%s (in %s%s)", socle_error(), role, name);
    else
        socle_fail(socle_ctx_status(c), "%s (in %s%s, child \"%s\" of %s)", socle_error(), role, name, path,
                   root->type->name);
}

/* What must hold before m can run. The first failure wins: a ctx that has failed is not failed again. What is missing
 * is most often missing because of what went wrong before. */
static bool is_ready(const socle_module *m, socle_ctx *c, const socle_tensor *x)
{
    if (socle_ctx_status(c) != SOCLE_OK)
        return false;
    if (m != NULL && !m->broken && x != NULL)
        return true;
    const char *what = m == NULL   ? "the module is NULL"
                       : m->broken ? "a part could not be made"
                                   : "the input is NULL";
    const char *name = m == NULL ? "forward" : m->type->name;
    if (socle_error_status() == SOCLE_OK)
        socle_fail(SOCLE_ERR_ARG, "%s: %s", name, what);
    else
        socle_fail(SOCLE_ERR_ARG, "%s: %s (before that: %s)", name, what, socle_error());
    socle_ctx_fail(c, SOCLE_ERR_ARG);
    return false;
}

static socle_tensor *run(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    m->blamed = false;
    socle_tensor *y = m->type->forward(m, c, x);
    const char *role = "";
    if (y != NULL && socle_ctx_status(c) == SOCLE_OK) {
        role = "a hook of ";
        y = hooks_run(m, c, x, y);
    } else if (socle_ctx_status(c) == SOCLE_OK) {
        socle_ctx_fail(c, socle_fail(SOCLE_ERR_STATE, "forward: a module gave no result and no reason"));
    }
    if (socle_ctx_status(c) == SOCLE_OK)
        return y;
    if (!m->blamed)
        blame(m, c, role);
    return NULL;
}

socle_tensor *socle_forward(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    if (!is_ready(m, c, x))
        return NULL;
    bool training = socle_ctx_training(c);
    if (m->mode != SOCLE_FOLLOW_CTX)
        socle_ctx_set_training(c, m->mode == SOCLE_ALWAYS_TRAIN);
    socle_scope scope = socle_scope_begin(c);
    socle_tensor *y = socle_scope_end(c, scope, run(m, c, x));
    socle_ctx_set_training(c, training);
    return y;
}
