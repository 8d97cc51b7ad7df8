/* Drawing the parameters of a whole tree: each from the stream of its place in the walk, so that what one of
 * them is does not depend on how many numbers the ones before it took, or on which of them are drawn at all. */
#include <string.h>
#include <socle/weights.h>
#include <socle/sys/philox.h>
#include "module.h"

socle_rng draw_stream(uint64_t seed, uint64_t place)
{
    return (socle_rng){ .key = socle_philox_key(seed, SOCLE_PURPOSE_INIT, place, 0) };
}

typedef struct drawing {
    socle_init_choose choose; /* NULL: all, each from the initialiser it was made with */
    void *user;
    uint64_t seed, place; /* of the next tensor; buffers have a place, but nothing to draw */
} drawing;

static const socle_init *own_init(const socle_module *owner, const socle_tensor *t)
{
    size_t i = 0;
    while (owner->tensors[i].tensor != t)
        i++;
    return &owner->tensors[i].init;
}

static int draw(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    drawing *d = user;
    uint64_t place = d->place++;
    if (!trainable)
        return 0;
    socle_init init = *own_init(owner, t);
    if (d->choose != NULL && !d->choose(path, owner, t, &init, d->user))
        return 0;
    socle_rng r = draw_stream(d->seed, place);
    return socle_init_tensor(t, init, &r);
}

static socle_status draw_all(socle_module *m, const char *name, drawing d)
{
    if (m != NULL)
        return (socle_status)socle_module_each_param(m, draw, &d);
    module_missing("the module", name);
    return socle_error_status();
}

socle_status socle_reset_parameters(socle_module *m, uint64_t seed)
{
    return draw_all(m, "reset_parameters", (drawing){ .seed = seed });
}

socle_status socle_init_parameters(socle_module *m, socle_init_choose choose, void *user, uint64_t seed)
{
    if (choose == NULL)
        return socle_fail(SOCLE_ERR_ARG, "init_parameters: the function that chooses is missing");
    return draw_all(m, "init_parameters", (drawing){ .choose = choose, .user = user, .seed = seed });
}

/* ---- networks of convolutions ---- */

static bool is_named(const char *path, const char *name)
{
    const char *dot = strrchr(path, '.');
    return strcmp(dot == NULL ? path : dot + 1, name) == 0;
}

static bool choose_cnn(const char *path, socle_module *owner, socle_tensor *t, socle_init *init, void *user)
{
    (void)t;
    const socle_init_cnn_desc *o = user;
    const char *type = socle_module_type_of(owner)->name;
    if (strcmp(type, "Conv2d") != 0 && !(o->linear && strcmp(type, "Linear") == 0))
        return false;
    if (is_named(path, "bias"))
        *init = socle_init_constant(0.0);
    else if (is_named(path, "weight"))
        *init = o->uniform ? socle_init_kaiming_uniform(o->leak, false) : socle_init_kaiming_normal(o->leak, false);
    else
        return false;
    return true;
}

socle_status socle_init_cnn(socle_module *m, socle_init_cnn_desc o)
{
    return draw_all(m, "init_cnn", (drawing){ .choose = choose_cnn, .user = &o, .seed = o.seed });
}
