/* Datasets: windows, copies, what get and peek are asked, and who frees what. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/data.h>

typedef struct probe {
    int drops, gets, gets_with_x;
    size_t last;
    socle_rng seen;
    float x;
    bool peeks;
    socle_status answer;
} probe;

static socle_status probe_get(void *self, size_t index, bool train, socle_rng *rng, void *x, void *y)
{
    probe *p = self;
    (void)train;
    p->gets++;
    p->gets_with_x += x != NULL;
    p->last = index;
    if (rng)
        p->seen = *rng;
    if (x)
        *(float *)x = (float)index;
    *(int32_t *)y = (int32_t)index;
    return p->answer;
}

static const void *probe_peek(void *self, size_t index)
{
    probe *p = self;
    p->x = (float)index + 0.5f;
    return p->peeks ? &p->x : NULL;
}

static void probe_drop(void *self)
{
    ((probe *)self)->drops++;
}

static const socle_dataset_type type = { .get = probe_get, .peek = probe_peek, .drop = probe_drop };

static socle_dataset_desc desc(size_t length)
{
    return (socle_dataset_desc){
        .length = length, .x_type = SOCLE_F32, .y_type = SOCLE_I32, .x_shape = socle_shape1(1)
    };
}

Test(dataset, a_range_of_a_range_counts_from_its_own_start)
{
    probe p = { 0 };
    socle_dataset *d = socle_dataset_range(socle_dataset_range(socle_dataset_new(&type, &p, desc(10)), 2, 8), 3, 4);
    float x;
    int32_t y;
    cr_assert_eq(socle_dataset_desc_of(d).length, 4u);
    cr_assert_eq(socle_dataset_get(d, 1, &x, &y), SOCLE_OK);
    cr_assert_eq(y, 6);
    cr_assert_eq(x, 6.0f);
    cr_assert_eq(socle_dataset_get(d, 4, &x, &y), SOCLE_ERR_ARG, "beyond the window, inside the data");
    socle_dataset_free(d);
    cr_assert_eq(p.drops, 1);
}

Test(dataset, a_range_outside_the_data_consumes_it_and_says_so)
{
    probe p = { 0 };
    cr_assert_null(socle_dataset_range(socle_dataset_new(&type, &p, desc(10)), 8, 3));
    cr_assert_eq(p.drops, 1);
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert_null(socle_dataset_range(socle_dataset_new(&type, &p, desc(10)), SIZE_MAX, 2), "no overflow");
    cr_assert_eq(p.drops, 2);
}

Test(dataset, parts_share_what_the_whole_keeps)
{
    probe p = { 0 };
    socle_dataset *whole = socle_dataset_new(&type, &p, desc(10)), *part = socle_dataset_part(whole, 2, 5);
    float x;
    int32_t y;
    cr_assert_eq(socle_dataset_desc_of(part).length, 5u);
    cr_assert_eq(socle_dataset_get(part, 1, &x, &y), SOCLE_OK);
    cr_assert_eq(y, 3);
    cr_assert_null(socle_dataset_part(whole, 6, 5));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    socle_dataset_free(part);
    cr_assert_eq(p.drops, 0, "the whole is still there");
    cr_assert_eq(socle_dataset_get(whole, 9, &x, &y), SOCLE_OK);
    socle_dataset_free(whole);
    cr_assert_eq(p.drops, 1);
    cr_assert_null(socle_dataset_part(NULL, 0, 0));
}

Test(dataset, a_bad_description_drops_self_and_names_the_fault)
{
    const struct {
        socle_dataset_desc o;
        socle_status status;
    } bad[] = {
        { { .length = 1, .x_type = SOCLE_I32, .y_type = SOCLE_I32 }, SOCLE_ERR_DTYPE },
        { { .length = 1, .x_type = SOCLE_F32, .y_type = SOCLE_U8 }, SOCLE_ERR_DTYPE },
        { { .length = 1, .x_type = SOCLE_F32, .y_type = SOCLE_I32, .x_shape = { .ndim = 6 } }, SOCLE_ERR_SHAPE },
        { { .length = 1, .x_type = SOCLE_F32, .y_type = SOCLE_I32, .y_shape = { .ndim = 1 } }, SOCLE_ERR_SHAPE },
        { { .length = 1, .x_type = SOCLE_F32, .y_type = SOCLE_I32, .x_shape = { .ndim = 1, .dim = { -3 } } },
          SOCLE_ERR_SHAPE },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        probe p = { 0 };
        cr_assert_null(socle_dataset_new(&type, &p, bad[i].o), "case %zu", i);
        cr_assert_eq(socle_error_status(), bad[i].status, "case %zu: %s", i, socle_error());
        cr_assert_eq(p.drops, 1, "case %zu", i);
    }
}

Test(dataset, bytes_are_scaled_to_0_1_unless_told_otherwise)
{
    socle_dataset_desc o = desc(1);
    const uint8_t byte = 0;
    const int32_t label = 0;
    o.x_type = SOCLE_U8;
    socle_dataset *d = socle_dataset_from(&byte, &label, o);
    cr_assert_eq(socle_dataset_desc_of(d).mul, 1.0 / 255.0);
    socle_dataset_free(d);
    o.add = -1;
    d = socle_dataset_from(&byte, &label, o);
    cr_assert_eq(socle_dataset_desc_of(d).mul, 0.0, "an explicit pair stays");
    socle_dataset_free(d);
}

Test(dataset, what_peek_finds_get_is_not_asked_for)
{
    probe p = { .peeks = true };
    socle_dataset *d = socle_dataset_new(&type, &p, desc(10));
    float x = 0;
    int32_t y;
    cr_assert_eq(socle_dataset_get(d, 3, &x, &y), SOCLE_OK);
    cr_assert_eq(x, 3.5f, "copied from where peek pointed");
    cr_assert_eq(p.gets, 1);
    cr_assert_eq(p.gets_with_x, 0);
    p.peeks = false;
    cr_assert_eq(socle_dataset_get(d, 3, &x, &y), SOCLE_OK);
    cr_assert_eq(x, 3.0f);
    cr_assert_eq(p.gets_with_x, 1);
    socle_dataset_free(d);
}

Test(dataset, a_failure_without_a_word_gets_one)
{
    probe p = { .answer = SOCLE_ERR_IO };
    socle_dataset *d = socle_dataset_new(&type, &p, desc(10));
    float x;
    int32_t y;
    cr_assert_eq(socle_dataset_get(d, 7, &x, &y), SOCLE_ERR_IO);
    cr_assert(strstr(socle_error(), "sample 7"), "%s", socle_error());
    p.answer = (socle_status)12;
    cr_assert_eq(socle_dataset_get(d, 7, &x, &y), SOCLE_ERR_USER, "an answer that is no status");
    socle_dataset_free(d);
}

Test(dataset, arrays_are_copied)
{
    float x[] = { 1, 2, 3, 4 };
    float y[] = { 10, 20 };
    socle_dataset_desc o = { .length = 2, .x_type = SOCLE_F32, .y_type = SOCLE_F32, .x_shape = socle_shape1(2) };
    socle_dataset *d = socle_dataset_from(x, y, o);
    x[2] = y[1] = -1;
    float x1[2], y1;
    cr_assert_eq(socle_dataset_get(d, 1, x1, &y1), SOCLE_OK);
    cr_assert_eq(x1[0], 3.0f);
    cr_assert_eq(x1[1], 4.0f);
    cr_assert_eq(y1, 20.0f);
    socle_dataset_free(d);
    cr_assert_null(socle_dataset_from(NULL, y, o));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
}
