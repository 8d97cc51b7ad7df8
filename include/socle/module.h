/* Modules: an opaque object with private state, named parameters, buffers and children, hooks, and a forward function.
 *
 * Construction needs no checks: a parameter or child that fails marks the module broken, socle_module_ready frees a
 * broken module and answers NULL, and NULL handed to a constructor makes that one fail too, without a new message. */
#ifndef SOCLE_MODULE_H
#define SOCLE_MODULE_H

#include "init.h"
#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct socle_module socle_module;
typedef struct socle_module_type {
    const char *name; /* "Conv2d" */
    size_t size;      /* bytes of private state, zeroed at birth */
    /* x and the result are borrowed from c. NULL with c failed on error. */
    socle_tensor *(*forward)(socle_module *m, socle_ctx *c, socle_tensor *x);
    void (*drop)(socle_module *m); /* or NULL; parameters, buffers and children free themselves */
    /* Writes what follows the name in a summary ("8, 16, size 3, stride 2"); or NULL. */
    void (*describe)(const socle_module *m, char *buf, size_t cap);
    /* Multiply-adds of one forward pass from x to y, for the summary; or NULL (none). */
    int64_t (*macs)(const socle_module *m, socle_shape x, socle_shape y);
} socle_module_type;

/* type must outlive the module (a static table). Free with socle_module_free, or give it to a parent. */
SOCLE_API socle_module *socle_module_new(const socle_module_type *type, socle_device *d);
SOCLE_API socle_module *socle_module_ready(socle_module *m); /* m, or NULL with m freed */
SOCLE_API void socle_module_free(socle_module *m);           /* and all below; NULL is allowed */
SOCLE_API void *socle_module_state(const socle_module *m);
SOCLE_API const socle_module_type *socle_module_type_of(const socle_module *m);
SOCLE_API socle_device *socle_module_device(const socle_module *m);

/* Borrowed from m; NULL on failure (m is broken then). param: trainable, drawn from init at once (see
 * socle_reset_parameters for the seed). buffer: saved with the model, never trained. child: consumed. A name is unique
 * within its module and holds no dot. */
SOCLE_API socle_tensor *socle_module_param(socle_module *m, const char *name, socle_shape s, socle_init init);
SOCLE_API socle_tensor *socle_module_buffer(socle_module *m, const char *name, socle_shape s, double fill);
SOCLE_API socle_module *socle_module_child(socle_module *m, const char *name, socle_module *child);

/* Opens a scope, runs type->forward, runs hooks in order of registration, and keeps the result alone. */
SOCLE_API socle_tensor *socle_forward(socle_module *m, socle_ctx *c, socle_tensor *x);

/* Training or evaluation follows the ctx unless a module overrides it for itself and all below. */
typedef enum socle_mode { SOCLE_FOLLOW_CTX, SOCLE_ALWAYS_TRAIN, SOCLE_ALWAYS_EVAL } socle_mode;
SOCLE_API void socle_module_set_mode(socle_module *m, socle_mode mode);
/* Frozen parameters require no gradient and optimizers leave them alone. m and all below. */
SOCLE_API void socle_module_freeze(socle_module *m, bool frozen);

/* Depth first, in order of registration, a module's own parameters and buffers before its children's. path: "0.weight",
 * "body.1.bias"; the root's is "". trainable: a parameter, frozen or not, and no buffer. A nonzero answer stops and is
 * returned, as is ERR_NOMEM where a path finds no memory. */
typedef int (*socle_param_visit)(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user);
typedef int (*socle_module_visit)(const char *path, socle_module *m, void *user);
SOCLE_API int socle_module_each_param(socle_module *m, socle_param_visit f, void *user);
SOCLE_API int socle_module_each(socle_module *m, socle_module_visit f, void *user);
/* The parameter or buffer at that path, borrowed from its module; NULL, without a message, where there is none. */
SOCLE_API socle_tensor *socle_module_named(const socle_module *m, const char *path);
/* The modules that `which` accepts, in the order of socle_module_each, without looking inside an accepted one. list is
 * filled (and freed with socle_module_list_free) or, on failure, left alone; paths are owned by it, modules are not. */
typedef bool (*socle_module_filter)(const char *path, const socle_module *m, void *user);
typedef struct socle_module_list {
    size_t n;
    socle_module **module;
    char **path;
} socle_module_list;
SOCLE_API socle_status socle_module_find(socle_module *m, socle_module_filter which, void *user, socle_module_list *list);
SOCLE_API void socle_module_list_free(socle_module_list *l);
/* Filters. The module's type has the name that user points at: "Conv2d". It ends in an activation; user is not read. */
SOCLE_API bool socle_module_is(const char *path, const socle_module *m, void *user);
SOCLE_API bool socle_module_activates(const char *path, const socle_module *m, void *user);
SOCLE_API int64_t socle_module_numel(socle_module *m); /* numbers in the parameters of m and below, frozen or not */

/* A copy, on the device, of every parameter and buffer of m and below, to return to. NULL on failure. Restoring into another
 * module is ERR_ARG. Neither waits; gradients and frozen flags stay as they are. */
typedef struct socle_snapshot socle_snapshot;
SOCLE_API socle_snapshot *socle_module_snapshot(socle_module *m);
SOCLE_API socle_status socle_module_restore(socle_module *m, const socle_snapshot *s);
SOCLE_API void socle_snapshot_free(socle_snapshot *s); /* NULL is allowed */

/* Draws every parameter again from the initialiser it was made with. Its stream is a function of seed and of its place
 * in the walk alone: same seed, same weights, on every device. A fresh module has the weights of seed 0 at place 0. */
SOCLE_API socle_status socle_reset_parameters(socle_module *m, uint64_t seed);

/* Draws anew the parameters for which choose answers true, from *init, which comes filled with the initialiser that the
 * parameter was made with (and that socle_reset_parameters goes on to use). Streams as there. The others keep their
 * values. */
typedef bool (*socle_init_choose)(const char *path, socle_module *owner, socle_tensor *t, socle_init *init, void *user);
SOCLE_API socle_status socle_init_parameters(socle_module *m, socle_init_choose choose, void *user, uint64_t seed);

/* After forward: f sees input and output and may return a replacement for out, or NULL to leave it. Removing a hook, or
 * freeing its module, ends it; a hook must not outlive its module. */
typedef struct socle_hook socle_hook;
typedef socle_tensor *(*socle_hook_fn)(socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out, void *user);
SOCLE_API socle_hook *socle_module_hook(socle_module *m, socle_hook_fn f, void *user); /* NULL on failure */
SOCLE_API void socle_hook_remove(socle_hook *h);                                       /* NULL is allowed */
/* The same on every module that socle_module_find finds, all removed together by socle_hooks_free (NULL is allowed),
 * which must come before the model's end. index: the module's place in the list. NULL on failure, with no hook left. */
typedef struct socle_hooks socle_hooks;
typedef socle_tensor *(*socle_hooks_fn)(size_t index, socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out,
                                        void *user);
SOCLE_API socle_hooks *socle_hooks_new(socle_module *m, socle_module_filter which, void *which_user, socle_hooks_fn f,
                                       void *user);
SOCLE_API void socle_hooks_free(socle_hooks *h);
SOCLE_API const socle_module_list *socle_hooks_list(const socle_hooks *h); /* borrowed */

/* A table of modules with output shapes, parameters and multiply-adds, for an input of shape x. Runs one forward pass of
 * zeros in evaluation mode and changes nothing. text gets the whole table, owned by the caller: free it with
 * socle_text_free. */
SOCLE_API socle_status socle_summary(socle_module *m, socle_shape x, char **text);
SOCLE_API void socle_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
