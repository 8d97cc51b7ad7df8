/* The augmentation callbacks in a fit: whose batches they change, and that weights do not depend on threads or workers. */
#include <criterion/criterion.h>
#include <string.h>
#include "images.h"

/* The first batch of every pass, as the model gets it. */
enum { PASSES = 4 };
typedef struct seen {
    int passes;
    float x[PASSES][BATCH * PIXELS];
} seen;

static socle_flow keep_first(socle_learner *l, void *user)
{
    seen *s = user;
    if (l->batch_index == 0)
        cr_assert_eq(socle_read(l->batch.x, s->x[s->passes++], sizeof s->x[0]), SOCLE_OK, "%s", socle_error());
    return 0;
}

static void fit_with(images_setup s, bool on_valid, seen *to)
{
    socle_learner_add(s.l, socle_cb_normalize(0.3, 0.35));
    socle_learner_add(s.l, socle_cb_random_crop((socle_crop_desc){ .pad = 1, .flip = 0.5 }, on_valid));
    socle_learner_add(s.l, (socle_callback){ .name = "keep", .order = 5, .user = to, .after_predict = keep_first });
    cr_assert_eq(socle_fit(s.l, 2, 0.1), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(to->passes, PASSES);
}

Test(augment, changes_training_batches_alone_unless_asked_and_differently_each_epoch)
{
    seen plain = { 0 }, all = { 0 };
    images_setup s = images_set_up(1, 0);
    fit_with(s, false, &plain);
    images_tear_down(s);
    s = images_set_up(1, 0);
    fit_with(s, true, &all);
    images_tear_down(s);
    enum { TRAIN, VALID, TRAIN_2, VALID_2 };
    cr_assert_eq(memcmp(plain.x[VALID], plain.x[VALID_2], sizeof plain.x[0]), 0);
    cr_assert_neq(memcmp(plain.x[TRAIN], plain.x[VALID], sizeof plain.x[0]), 0);
    cr_assert_neq(memcmp(plain.x[TRAIN], plain.x[TRAIN_2], sizeof plain.x[0]), 0);
    cr_assert_eq(memcmp(all.x[TRAIN], plain.x[TRAIN], sizeof plain.x[0]), 0);
    cr_assert_neq(memcmp(all.x[VALID], plain.x[VALID], sizeof plain.x[0]), 0);
}

Test(augment, does_not_depend_on_threads_or_workers)
{
    static const int ways[][2] = { { 1, 0 }, { 2, 0 }, { 2, 3 } }; /* threads, workers */
    seen first = { 0 };
    for (int i = 0; i < 3; i++) {
        seen now = { 0 };
        images_setup s = images_set_up(ways[i][0], ways[i][1]);
        socle_learner_add(s.l, socle_cb_random_copy((socle_patch_desc){ .pct = 0.4 }, false));
        socle_learner_add(s.l, socle_cb_random_erase((socle_patch_desc){ .pct = 0.4, .per_batch = true }, false));
        fit_with(s, false, i == 0 ? &first : &now);
        images_tear_down(s);
        cr_assert(i == 0 || memcmp(first.x, now.x, sizeof now.x) == 0, "%d threads, %d workers", ways[i][0],
                  ways[i][1]);
    }
}

Test(augment, what_cannot_be_drawn_ends_the_fit)
{
    images_setup s = images_set_up(1, 0);
    socle_learner_add(s.l, socle_cb_random_crop((socle_crop_desc){ .flip = 2 }, false));
    cr_assert_eq(socle_fit(s.l, 1, 0.1), SOCLE_ERR_ARG);
    cr_assert_str_eq(socle_error(), "random_crop: probability 2 is not in [0, 1]");
    images_tear_down(s);
}
