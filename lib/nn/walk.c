/* Visiting the modules and the tensors of a tree, each with its path from the root, and picking modules out of
 * it. */
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

/* ---- finding ---- */

/* What follows name in a path that begins with it: the rest behind the dot, "" at the end; NULL: it does not. */
static const char *behind(const char *where, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(where, name, n) != 0 || (where[n] != '.' && where[n] != '\0'))
        return NULL;
    return where[n] == '.' ? where + n + 1 : where + n;
}

socle_tensor *socle_module_named(const socle_module *m, const char *where)
{
    if (m == NULL || where == NULL)
        return NULL;
    for (size_t i = 0; i < m->n_tensors; i++)
        if (strcmp(m->tensors[i].name, where) == 0)
            return m->tensors[i].tensor;
    for (size_t i = 0; i < m->n_children; i++) {
        const char *rest = behind(where, m->children[i]->name);
        if (rest != NULL)
            return socle_module_named(m->children[i], rest);
    }
    return NULL;
}

typedef struct finding {
    socle_module_filter which;
    void *user;
    socle_module_list list;
    size_t cap_modules, cap_paths;
} finding;

static int add_found(finding *f, socle_module *m, const char *where)
{
    socle_module_list *l = &f->list;
    socle_module **modules = socle_mem_grow(l->module, &f->cap_modules, l->n + 1, sizeof(socle_module *));
    if (modules == NULL)
        return SOCLE_ERR_NOMEM;
    l->module = modules;
    char **paths = socle_mem_grow(l->path, &f->cap_paths, l->n + 1, sizeof(char *));
    if (paths == NULL)
        return SOCLE_ERR_NOMEM;
    l->path = paths;
    char *copy = socle_mem_string(where);
    if (copy == NULL)
        return SOCLE_ERR_NOMEM;
    l->path[l->n] = copy;
    l->module[l->n++] = m;
    return 0;
}

static int find(socle_module *m, path *p, finding *f)
{
    if (f->which(path_text(p), m, f->user))
        return add_found(f, m, path_text(p));
    size_t here = p->length;
    int answer = 0;
    for (size_t i = 0; i < m->n_children && answer == 0; i++) {
        answer = path_push(p, m->children[i]->name);
        if (answer == 0)
            answer = find(m->children[i], p, f);
        path_cut(p, here);
    }
    return answer;
}

socle_status socle_module_find(socle_module *m, socle_module_filter which, void *user, socle_module_list *list)
{
    if (m == NULL || which == NULL || list == NULL) {
        module_missing(m == NULL ? "the module" : which == NULL ? "the filter" : "the list", "module_find");
        return socle_error_status();
    }
    finding f = { .which = which, .user = user };
    path p = { 0 };
    int answer = find(m, &p, &f);
    socle_mem_free(p.text);
    if (answer != 0)
        socle_module_list_free(&f.list);
    else
        *list = f.list;
    return (socle_status)answer;
}

void socle_module_list_free(socle_module_list *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n; i++)
        socle_mem_free(l->path[i]);
    socle_mem_free(l->path);
    socle_mem_free(l->module);
    *l = (socle_module_list){ 0 };
}

bool socle_module_is(const char *where, const socle_module *m, void *user)
{
    (void)where;
    return strcmp(m->type->name, user) == 0;
}

bool socle_module_activates(const char *where, const socle_module *m, void *user)
{
    (void)where, (void)user;
    return socle_act_of(m).kind != SOCLE_ACT_NONE;
}
