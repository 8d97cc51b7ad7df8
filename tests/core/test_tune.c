/* Variants and tuning as tools ask for them: what the device's backend answers, and what is said where it has no answer. */
#include <criterion/criterion.h>
#include <string.h>
#include <socle/sys/backend.h>
#include <socle/sys/tune.h>

#include "support/support.h"

static void count_variant(void *user, const socle_variant *v)
{
    (void)v;
    ++*(int *)user;
}

static void count_result(void *user, const socle_tune_result *r)
{
    (void)r;
    ++*(int *)user;
}

Test(tune, a_device_without_a_choice_has_no_variants_and_cannot_be_tuned)
{
    int n = 0;
    socle_device *d = open_device("ref", 1);
    cr_assert_eq(socle_device_variants(d, true, count_variant, &n), SOCLE_OK);
    cr_assert_eq(socle_device_tune(d, count_result, &n), SOCLE_ERR_UNSUPPORTED);
    cr_assert_not_null(strstr(socle_error(), "nothing to tune"), "%s", socle_error());
    cr_assert_eq(n, 0);
    socle_device_close(d);
}

Test(tune, nothing_is_asked_of_no_device)
{
    socle_device *d = open_device("ref", 1);
    cr_assert_eq(socle_device_variants(NULL, false, count_variant, NULL), SOCLE_ERR_ARG);
    cr_assert_eq(socle_device_variants(d, false, NULL, NULL), SOCLE_ERR_ARG);
    cr_assert_eq(socle_device_tune(NULL, count_result, NULL), SOCLE_ERR_ARG);
    socle_device_close(d);
}

static socle_status two_variants(void *self, bool check, socle_variant_report fn, void *user)
{
    (void)self;
    fn(user, &(socle_variant){ .family = "gemm", .name = "plain" });
    fn(user, &(socle_variant){ .family = "gemm", .name = "fast", .aside = check, .reason = "it is wrong" });
    return SOCLE_OK;
}

static socle_status tune_nothing(void *self, socle_tune_report fn, void *user)
{
    (void)self;
    if (fn)
        fn(user, &(socle_tune_result){ .family = "gemm", .variant = "plain", .shape = "1x1 of 1" });
    return socle_fail(SOCLE_ERR_DEVICE, "it is gone");
}

static void count_aside(void *user, const socle_variant *v)
{
    *(int *)user += v->aside ? 10 : 1;
}

Test(tune, a_backend_that_chooses_is_asked_and_its_failure_is_the_answer)
{
    static socle_backend chooser;
    socle_device *ref = open_device("ref", 1);
    chooser = *socle_device_backend(ref);
    chooser.name = "chooser";
    chooser.variants = two_variants;
    chooser.tune = tune_nothing;
    cr_assert_eq(socle_backend_register(&chooser), SOCLE_OK, "%s", socle_error());
    socle_device *d = open_device("chooser", 1);
    int n = 0;
    cr_assert_eq(socle_device_variants(d, false, count_aside, &n), SOCLE_OK);
    cr_assert_eq(n, 2);
    cr_assert_eq(socle_device_variants(d, true, count_aside, &n), SOCLE_OK);
    cr_assert_eq(n, 2 + 11);
    n = 0;
    cr_assert_eq(socle_device_tune(d, count_result, &n), SOCLE_ERR_DEVICE);
    cr_assert_eq(n, 1);
    cr_assert_eq(socle_device_tune(d, NULL, NULL), SOCLE_ERR_DEVICE);
    socle_device_close(d);
    socle_device_close(ref);
}
