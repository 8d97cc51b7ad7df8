/* The conformance program's outside: devices, families, the support table. What it checks: conformance.h. */
#include "conformance.h"

#include <stdio.h>
#include <string.h>

#include "conformance_session.h"
#include "cases/case.h"

typedef struct family {
    const char *name;
    void (*run)(session *s);
} family;

static const family families[] = {
    { "elementwise", family_elementwise },
    { "binary", family_binary },
    { "reduce", family_reduce },
    { "gemm", family_gemm },
    { "linear", family_linear },
    { "conv", family_conv },
    { "pool", family_pool },
    { "index", family_index },
    { "random", family_random },
    { "norm", family_norm },
    { "softmax", family_softmax },
    { "optim", family_optim },
    { "histogram", family_histogram },
    { "shift", family_shift },
};

const char *conformance_family(size_t i)
{
    return i < CASE_COUNT(families) ? families[i].name : NULL;
}

bool session_wants(const session *s, unsigned flags)
{
    const conformance_timing *timing = s->options->timing;
    if (timing != NULL)
        return timing->all || (flags & CASE_BENCH);
    return (s->options->huge || !(flags & CASE_HUGE)) && !(s->options->small && (flags & CASE_LARGE));
}

bool session_prims(const session *s)
{
    return s->options->prims || s->options->compose_only;
}

static bool open_rig(rig *r, const char *spec, int threads, bool compose_only, bool prims)
{
    r->device = socle_device_open(spec, (socle_device_desc){ .threads = threads, .compose_only = compose_only });
    if (r->device == NULL)
        return false;
    r->backend = socle_device_backend(r->device);
    r->self = socle_device_self(r->device);
    r->real = socle_device_real(r->device);
    r->prims = prims;
    return true;
}

static bool open_session(session *s)
{
    const conformance_options *o = s->options;
    int threads = o->threads ? o->threads : 3;
    if (!open_rig(&s->reference, "ref64", 1, false, false))
        return false;
    if (o->timing != NULL) {
        s->n_rigs = open_rig(&s->rig[0], o->device, o->threads, false, false);
        return s->n_rigs > 0;
    }
    for (int i = 0; i < threads && i < SESSION_MAX_RIGS; i++) {
        if (!open_rig(&s->rig[i], o->device, i + 1, o->compose_only, session_prims(s)))
            return false;
        s->n_rigs = i + 1;
    }
    snprintf(s->summary->device, sizeof(s->summary->device), "%s", socle_device_name(s->rig[0].device));
    return s->n_rigs > 0;
}

/* How often the library composed what the device might have done. */
static void count_compositions(session *s)
{
    socle_slot_stat stat[CONFORMANCE_MAX_SLOTS];
    for (int r = 0; r < s->n_rigs; r++) {
        size_t n = socle_prim_stats(s->rig[r].device, stat, CASE_COUNT(stat));
        for (size_t i = 0; i < n && i < CASE_COUNT(stat); i++)
            for (size_t j = 0; j < s->summary->n_slots; j++)
                if (strcmp(stat[i].name, s->summary->slot[j].name) == 0)
                    s->summary->slot[j].composed += stat[i].composed;
    }
}

static void close_session(session *s)
{
    socle_device_close(s->reference.device);
    for (int i = 0; i < s->n_rigs; i++)
        socle_device_close(s->rig[i].device);
}

int conformance_run(const conformance_options *o, conformance_report report, void *user,
                    conformance_summary *summary)
{
    conformance_summary own;
    session s = { .options = o, .report = report, .user = user, .summary = summary ? summary : &own };
    *s.summary = (conformance_summary){ 0 };
    int walked = 0;
    if (open_session(&s)) {
        for (size_t i = 0; i < CASE_COUNT(families); i++)
            if (o->family == NULL || strcmp(o->family, families[i].name) == 0) {
                families[i].run(&s);
                walked++;
            }
        if (walked == 0)
            socle_fail(SOCLE_ERR_ARG, "there is no family %s", o->family);
        count_compositions(&s);
    }
    close_session(&s);
    return walked ? s.summary->failed : -1;
}
