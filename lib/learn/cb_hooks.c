/* Forward hooks for the length of a fit. */
#include <socle/callbacks.h>
#include <socle/sys/memory.h>

typedef struct watch {
    socle_hooks_desc o;
    socle_learner *l; /* of the fit under way */
    socle_hooks *hooks;
} watch;

/* Whether the pass trains is the learner's to say: a module may run in a mode of its own. */
static socle_tensor *run(size_t index, socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out,
                         void *user)
{
    const watch *w = user;
    bool wanted = w->l->training ? !w->o.no_train : w->o.on_valid;
    return wanted ? w->o.f(index, m, c, in, out, w->o.user) : NULL;
}

static socle_flow before_fit(socle_learner *l, void *user)
{
    watch *w = user;
    w->l = l;
    w->hooks = socle_hooks_new(l->model, w->o.which, w->o.which_user, run, w);
    return w->hooks ? 0 : (socle_flow)socle_error_status();
}

static socle_flow cleanup_fit(socle_learner *l, void *user)
{
    (void)l;
    watch *w = user;
    socle_hooks_free(w->hooks);
    w->hooks = NULL;
    return 0;
}

socle_callback socle_cb_hooks(socle_hooks_desc o)
{
    if (!o.f) {
        (void)socle_fail(SOCLE_ERR_ARG, "hooks: the function is missing");
        return (socle_callback){ 0 };
    }
    watch *w = socle_mem_zeroed(1, sizeof *w);
    if (!w)
        return (socle_callback){ 0 };
    w->o = o;
    if (!o.which)
        w->o.which = socle_module_activates;
    return (socle_callback){
        .name = "hooks", .user = w, .drop = socle_mem_free, .before_fit = before_fit, .cleanup_fit = cleanup_fit
    };
}
