/* Visiting the modules and the tensors of a tree, each with its path from the root. */
#include "module.h"

#include <string.h>
#include <socle/sys/memory.h>

typedef struct path {
    char *text; /* NULL: nothing pushed yet */
    size_t length, cap;
} path;

static const char *path_text(const path *p)
{
    return p->text == NULL ? "" : p->text;
}

/* Appends ".name", or "name" to an empty path. */
static int path_push(path *p, const char *name)
{
    size_t n = strlen(name), dot = p->length > 0;
    char *grown = socle_mem_grow(p->text, &p->cap, p->length + dot + n + 1, 1);
    if (grown == NULL)
        return SOCLE_ERR_NOMEM;
    p->text = grown;
    if (dot)
        grown[p->length++] = '.';
    memcpy(grown + p->length, name, n + 1);
    p->length += n;
    return 0;
}

static void path_cut(path *p, size_t length)
{
    p->length = length;
    if (p->text != NULL)
        p->text[length] = '\0';
}

static int walk_params(socle_module *m, path *p, socle_param_visit f, void *user)
{
    int answer = 0;
    size_t here = p->length;
    for (size_t i = 0; i < m->n_tensors && answer == 0; i++) {
        const module_tensor *t = &m->tensors[i];
        answer = path_push(p, t->name);
        if (answer == 0)
            answer = f(path_text(p), m, t->tensor, t->trainable, user);
        path_cut(p, here);
    }
    for (size_t i = 0; i < m->n_children && answer == 0; i++) {
        answer = path_push(p, m->children[i]->name);
        if (answer == 0)
            answer = walk_params(m->children[i], p, f, user);
        path_cut(p, here);
    }
    return answer;
}

static int walk_modules(socle_module *m, path *p, socle_module_visit f, void *user)
{
    size_t here = p->length;
    int answer = f(path_text(p), m, user);
    for (size_t i = 0; i < m->n_children && answer == 0; i++) {
        answer = path_push(p, m->children[i]->name);
        if (answer == 0)
            answer = walk_modules(m->children[i], p, f, user);
        path_cut(p, here);
    }
    return answer;
}

int socle_module_each_param(socle_module *m, socle_param_visit f, void *user)
{
    path p = { 0 };
    int answer = m == NULL ? 0 : walk_params(m, &p, f, user);
    socle_mem_free(p.text);
    return answer;
}

int socle_module_each(socle_module *m, socle_module_visit f, void *user)
{
    path p = { 0 };
    int answer = m == NULL ? 0 : walk_modules(m, &p, f, user);
    socle_mem_free(p.text);
    return answer;
}
