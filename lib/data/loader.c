/* The loader: order of the samples, memory of the batches, and handing them over.
 *
 * Tensors are made in the calling thread, in the device's own format, before a worker fills their memory; devices
 * whose memory the host cannot reach are filled through a staging block. What a batch holds depends on (seed,
 * epoch, batch number) alone, so workers and prefetch change nothing but the time it takes. */
#include <string.h>
#include <socle/sys/philox.h>
#include "core/alloc.h"
#include "core/ctx.h"
#include "core/error.h"
#include "core/tensor.h"
#include "ring.h"

enum {
    DEFAULT_BATCH = 64,
    MAX_WORKERS = 256,
    MAX_PREFETCH = 1024,
    SHARES = 16,           /* at most, of a batch that the device's threads make together */
    SHARED_BYTES = 1 << 15 /* a batch of less is made by the caller alone */
};

struct socle_loader {
    socle_dataset *dataset;
    socle_device *device;
    socle_loader_desc desc; /* with the defaults filled in */
    size_t samples, batches;
    batch_plan plan;
    sample_draw draw;
    size_t *order; /* NULL: in order */
    char *scratch; /* one room a worker, or a share */
    size_t room;   /* bytes, a multiple of a cache line */
    bool shared; /* without workers: batches are made by the device's threads, which have nothing else to do then */
    ring *ring;
    bool running;
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t size_of_batch(const socle_loader *l, size_t batch)
{
    return min_size(l->desc.batch, l->samples - batch * l->desc.batch);
}

static socle_status fill(const socle_loader *l, const ring_slot *slot, size_t first, size_t last, size_t room)
{
    size_t from = slot->batch * l->desc.batch;
    return batch_fill(&l->plan, l->order ? l->order + from : NULL, from, first, last, l->draw,
                      l->scratch + room * l->room, slot->to_x, slot->to_y);
}

typedef struct share_job {
    const socle_loader *loader;
    const ring_slot *slot;
    size_t n, each; /* samples of the batch, and of a share */
} share_job;

static void fill_shares(void *arg, int64_t from, int64_t to)
{
    const share_job *j = arg;
    for (size_t i = (size_t)from; i < (size_t)to; i++) {
        socle_status s = fill(j->loader, j->slot, i * j->each, min_size((i + 1) * j->each, j->n), i);
        (void)s; /* arrays do not fail */
    }
}

static socle_status make_batch(void *user, int worker, ring_slot *slot)
{
    const socle_loader *l = user;
    size_t n = size_of_batch(l, slot->batch), blocks = (n + SOCLE_LANES - 1) / SOCLE_LANES;
    if (!l->shared || n * batch_sample_bytes(&l->plan.x) < SHARED_BYTES)
        return fill(l, slot, 0, n, (size_t)worker);
    share_job j = { l, slot, n, (blocks + SHARES - 1) / SHARES * SOCLE_LANES };
    socle_device_backend(l->device)->host_for(socle_device_self(l->device), (int64_t)((n + j.each - 1) / j.each),
                                              fill_shares, &j);
    return SOCLE_OK;
}

/* ---- the memory of a batch ---- */

typedef struct side_room {
    socle_tensor *tensor;
    batch_memory to;
} side_room;

/* n rounded up to blocks of images: no format of a batch takes more. */
static size_t whole_blocks(size_t n)
{
    return (n + SOCLE_LANES - 1) / SOCLE_LANES * SOCLE_LANES;
}

/* A tensor for n samples of one side, and where to write them. stage: the slot's staging block, made on demand. */
static socle_status side_new(const socle_loader *l, const batch_side *side, socle_shape sample, size_t n,
                             void **stage, side_room *out)
{
    socle_shape s = { .ndim = sample.ndim + 1, .dim = { (int64_t)n } };
    memcpy(s.dim + 1, sample.dim, (size_t)sample.ndim * sizeof *s.dim);
    socle_tensor *t = socle_tensor_dense(l->device, side->to, s, side->to == SOCLE_I32 ? 1 : 0);
    if (!t)
        return socle_error_status();
    /* Fresh memory, but maybe used before: devices that show theirs to the host must be done with what is freed. */
    batch_memory to = { .at = tensor_host(t), .lanes = socle_view_of(t).lanes };
    if (!to.at) { /* the same bytes in the same order, on their way */
        size_t bytes;
        bool fits = size_mul(whole_blocks(l->desc.batch), side->length * socle_dtype_size(side->to), &bytes);
        if (!*stage)
            *stage = fits ? socle_mem_alloc(bytes) : NULL;
        if (!*stage) {
            socle_release(t);
            return fits ? SOCLE_ERR_NOMEM : socle_fail(SOCLE_ERR_SHAPE, "loader: a batch of %zu is too large", n);
        }
        to.at = *stage;
    }
    *out = (side_room){ .tensor = t, .to = to };
    return SOCLE_OK;
}

/* Room for the batch that ring_put comes to next, into its slot, whose tensors have been taken. */
static void put_room(socle_loader *l, side_room x, side_room y)
{
    ring_slot *slot = ring_slot_at(l->ring, ring_ahead(l->ring) % ring_slots(l->ring));
    slot->x = x.tensor;
    slot->y = y.tensor;
    slot->to_x = x.to;
    slot->to_y = y.to;
    ring_put(l->ring);
}

static socle_status new_room(socle_loader *l, size_t batch, side_room *x, side_room *y)
{
    ring_slot *slot = ring_slot_at(l->ring, batch % ring_slots(l->ring));
    size_t n = size_of_batch(l, batch);
    side_room made;
    SOCLE_TRY(side_new(l, &l->plan.x, l->dataset->desc.x_shape, n, &slot->stage_x, &made));
    socle_status s = side_new(l, &l->plan.y, l->dataset->desc.y_shape, n, &slot->stage_y, y);
    if (s != SOCLE_OK) {
        socle_release(made.tensor);
        return s;
    }
    *x = made;
    return SOCLE_OK;
}

static socle_status upload_side(socle_tensor *t, const batch_side *side, batch_memory from, size_t n)
{
    size_t images = from.lanes == 1 ? n : whole_blocks(n);
    return tensor_upload_dense(t, from.at, images * side->length * socle_dtype_size(side->to));
}

/* Staged batches go to the device here. */
static socle_status upload(const socle_loader *l, const ring_slot *slot)
{
    size_t n = size_of_batch(l, slot->batch);
    if (slot->to_x.at == slot->stage_x)
        SOCLE_TRY(upload_side(slot->x, &l->plan.x, slot->to_x, n));
    if (slot->to_y.at == slot->stage_y)
        SOCLE_TRY(upload_side(slot->y, &l->plan.y, slot->to_y, n));
    return SOCLE_OK;
}

/* ---- life ---- */

static socle_status check(const socle_dataset *ds, const socle_device *d, const socle_loader_desc *o)
{
    if ((!ds || !d) && socle_error_status() != SOCLE_OK)
        return socle_error_status(); /* who could not make it has said why */
    SOCLE_CHECK(ds && d, SOCLE_ERR_ARG, "loader: the %s is missing", ds ? "device" : "dataset");
    SOCLE_CHECK(o->workers >= 0 && o->workers <= MAX_WORKERS, SOCLE_ERR_ARG, "loader: %d workers, not 0 to %d",
                o->workers, MAX_WORKERS);
    SOCLE_CHECK(o->prefetch >= 0, SOCLE_ERR_ARG, "loader: prefetch is %d", o->prefetch);
    return SOCLE_OK;
}

static void set_sizes(socle_loader *l)
{
    size_t length = l->dataset->desc.length, batch = l->desc.batch ? l->desc.batch : DEFAULT_BATCH;
    l->desc.batch = batch = min_size(batch, length ? length : 1);
    l->batches = l->desc.drop_last ? length / batch : length / batch + (length % batch != 0);
    l->samples = l->desc.drop_last ? l->batches * batch : length;
}

static void set_plan(socle_loader *l)
{
    const socle_dataset_desc *o = &l->dataset->desc;
    socle_dtype real = socle_device_real(l->device), y = o->y_type == SOCLE_I32 ? SOCLE_I32 : real;
    l->plan = (batch_plan){ .dataset = l->dataset,
                            .x = batch_side_of(o->x_type, real, o->x_shape, o->mul, o->add),
                            .y = batch_side_of(o->y_type, y, o->y_shape, 1, 0) };
    l->room = (batch_room_bytes(&l->plan) + 63) / 64 * 64;
}

/* A user's get is not called from threads that were not asked for. Bytes and labels are only looked up and copied, so flushed
 * denormals do not matter. */
static bool can_share(const socle_loader *l)
{
    const socle_backend *b = socle_device_backend(l->device);
    return l->desc.workers == 0 && b->size > offsetof(socle_backend, host_for) && b->host_for &&
           dataset_is_memory(l->dataset) && l->plan.x.from == SOCLE_U8 && l->plan.x.to == SOCLE_F32 &&
           l->plan.y.to == SOCLE_I32;
}

static socle_status make_parts(socle_loader *l)
{
    size_t workers = l->desc.workers ? (size_t)l->desc.workers : 1;
    l->shared = can_share(l);
    size_t ahead = l->desc.prefetch ? min_size((size_t)l->desc.prefetch, MAX_PREFETCH) : 2 * workers;
    size_t slots = l->desc.workers ? min_size(ahead, l->batches ? l->batches : 1) : 1;
    l->scratch = socle_mem_zeroed(l->shared ? SHARES : workers, l->room);
    if (l->scratch && l->desc.shuffle)
        l->order = socle_mem_zeroed(l->dataset->desc.length, sizeof *l->order);
    if (l->scratch && (l->order || !l->desc.shuffle))
        l->ring = ring_new(slots, l->desc.workers, make_batch, l);
    return l->ring ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

socle_loader *socle_loader_new(socle_dataset *ds, socle_device *d, socle_loader_desc o)
{
    socle_loader *l = check(ds, d, &o) == SOCLE_OK ? socle_mem_zeroed(1, sizeof *l) : NULL;
    if (!l) {
        socle_dataset_free(ds);
        return NULL;
    }
    l->dataset = ds;
    l->device = d;
    device_retain(d);
    l->desc = o;
    set_sizes(l);
    set_plan(l);
    if (make_parts(l) != SOCLE_OK) {
        socle_loader_free(l);
        return NULL;
    }
    return l;
}

void socle_loader_free(socle_loader *l)
{
    if (!l)
        return;
    if (l->ring) {
        socle_loader_end(l);
        for (size_t i = 0; i < ring_slots(l->ring); i++) {
            socle_mem_free(ring_slot_at(l->ring, i)->stage_x);
            socle_mem_free(ring_slot_at(l->ring, i)->stage_y);
        }
        ring_free(l->ring);
    }
    socle_mem_free(l->order);
    socle_mem_free(l->scratch);
    socle_dataset_free(l->dataset);
    device_release(l->device);
    socle_mem_free(l);
}

size_t socle_loader_batches(const socle_loader *l)
{
    return l->batches;
}

size_t socle_loader_samples(const socle_loader *l)
{
    return l->samples;
}

socle_dataset *socle_loader_dataset(const socle_loader *l)
{
    return l->dataset;
}

/* ---- an epoch ---- */

/* Fisher-Yates from the identity: each of the length! orders is equally likely, up to the generator. */
static void shuffle(size_t *order, size_t length, uint64_t key)
{
    socle_rng rng = { .key = key };
    for (size_t i = 0; i < length; i++)
        order[i] = i;
    for (size_t i = length; i > 1; i--) {
        size_t j = (size_t)socle_rng_below(&rng, i);
        size_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

socle_status socle_loader_begin(socle_loader *l, uint64_t epoch)
{
    SOCLE_CHECK(l, SOCLE_ERR_ARG, "loader: none was given");
    socle_loader_end(l);
    l->draw = (sample_draw){ .train = l->desc.train, .seed = l->desc.seed, .epoch = epoch };
    if (l->order)
        shuffle(l->order, l->dataset->desc.length, socle_philox_key(l->desc.seed, SOCLE_PURPOSE_SHUFFLE, epoch, 0));
    SOCLE_TRY(ring_begin(l->ring, l->batches));
    l->running = true;
    while (ring_ahead(l->ring) < min_size(ring_slots(l->ring), l->batches)) {
        side_room x, y;
        socle_status s = new_room(l, ring_ahead(l->ring), &x, &y);
        if (s != SOCLE_OK) {
            socle_loader_end(l);
            return s;
        }
        put_room(l, x, y);
    }
    return SOCLE_OK;
}

int socle_loader_next(socle_loader *l, socle_ctx *c, socle_batch *out)
{
    SOCLE_CHECK(l && c && out, SOCLE_ERR_ARG, "loader: an argument of next is missing");
    SOCLE_CHECK(l->running, SOCLE_ERR_STATE, "loader: next without begin");
    SOCLE_CHECK(socle_ctx_device(c) == l->device, SOCLE_ERR_ARG, "loader: its batches are for %s, the ctx is on %s",
                socle_device_name(l->device), socle_device_name(socle_ctx_device(c)));
    ring_slot *slot = ring_front(l->ring);
    if (!slot)
        return 0;
    if (slot->status != SOCLE_OK)
        return socle_fail(slot->status, "%s", slot->text);
    SOCLE_TRY(upload(l, slot));

    side_room x = { 0 }, y = { 0 };
    bool more = ring_ahead(l->ring) < l->batches;
    if (more)
        SOCLE_TRY(new_room(l, ring_ahead(l->ring), &x, &y)); /* the front slot's successor: same slot */
    socle_batch b = { .x = slot->x, .y = slot->y, .size = size_of_batch(l, slot->batch) };
    slot->x = slot->y = NULL;
    ring_pop(l->ring);
    if (more)
        put_room(l, x, y);
    b.x = ctx_own(c, b.x);
    b.y = ctx_own(c, b.y);
    if (!b.x || !b.y)
        return socle_ctx_status(c);
    *out = b;
    return 1;
}

void socle_loader_end(socle_loader *l)
{
    if (!l || !l->running)
        return;
    ring_end(l->ring);
    for (size_t i = 0; i < ring_slots(l->ring); i++) {
        ring_slot *slot = ring_slot_at(l->ring, i);
        socle_release(slot->x);
        socle_release(slot->y);
        slot->x = slot->y = NULL;
    }
    l->running = false;
}
