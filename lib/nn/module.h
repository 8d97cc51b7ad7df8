/* What a module is made of, for the files of this room. */
#ifndef NN_MODULE_H
#define NN_MODULE_H

#include <stddef.h>
#include <socle/layers.h>

/* Hooks in order of registration. While some run, one that is removed stays in its place without a function. */
typedef struct hook_list {
    socle_hook **hook;
    size_t n, cap;
    int running; /* calls of hooks_run under way */
} hook_list;

typedef struct module_tensor {
    char *name;
    socle_tensor *tensor;
    bool trainable;  /* a parameter, not a buffer */
    socle_init init; /* of a parameter */
} module_tensor;

struct socle_module {
    const socle_module_type *type;
    socle_device *device;
    socle_tensor *pin; /* empty: keeps the device open for a module without parameters */
    module_tensor *tensors;
    size_t n_tensors, cap_tensors;
    socle_module **children; /* owned; each knows its name */
    size_t n_children, cap_children;
    socle_module *parent; /* NULL: a root, owned by the user */
    char *name;           /* within parent; NULL for a root */
    hook_list hooks;
    socle_mode mode;
    socle_act_desc *act; /* in state: the activation that its forward function ends in; NULL: none */
    bool broken;         /* a part is missing */
    bool blamed;         /* a module below has put its name to the failure of this forward pass */
    _Alignas(max_align_t) unsigned char state[];
};

/* Message for a part that is NULL: what went wrong before it says most, so only silence is filled. */
void module_missing(const char *what, const char *name);
/* "Conv2d(8, 16, size 3)", cut at cap bytes. */
void module_text(const socle_module *m, char *buf, size_t cap);

/* What a parameter at this place of a walk is drawn from. */
socle_rng draw_stream(uint64_t seed, uint64_t place);

/* out, or what the hooks replaced it by. */
socle_tensor *hooks_run(socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out);
void hooks_free(hook_list *l);

#endif
