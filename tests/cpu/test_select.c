/* SOCLE_CPU_ISA, and the tables of kernels behind it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <socle/sys/test.h>
#include "cpu/features.h"
#include "cpu/select.h"
#include "support/support.h"

static const struct cpu_kernels *select_isa(const char *name)
{
    setenv("SOCLE_CPU_ISA", name, 1);
    const struct cpu_kernels *k = NULL;
    cr_assert_eq(cpu_select(&k), SOCLE_OK, "%s", socle_error());
    return k;
}

Test(select, without_a_cap_the_best_runs)
{
    unsetenv("SOCLE_CPU_ISA");
    const struct cpu_kernels *k = NULL;
    assert_ok(cpu_select(&k));
    unsigned can = cpu_features();
    const char *best = can & CPU_AVX512 ? "avx512" : can & CPU_AVX2 ? "avx2" : can & CPU_NEON ? "neon" : "scalar";
    cr_assert_str_eq(k->name, best);
}

Test(select, a_cap_is_not_exceeded)
{
    cr_assert_str_eq(select_isa("scalar")->name, "scalar");
    if (cpu_features() & CPU_AVX2)
        cr_assert_str_eq(select_isa("avx2")->name, "avx2");
}

Test(select, an_empty_value_is_none)
{
    const struct cpu_kernels *none = select_isa("");
    unsetenv("SOCLE_CPU_ISA");
    const struct cpu_kernels *unset = NULL;
    assert_ok(cpu_select(&unset));
    cr_assert_eq(none, unset);
}

Test(select, an_unknown_name_is_an_error_that_lists_those_there_are)
{
    setenv("SOCLE_CPU_ISA", "AVX-512", 1);
    int64_t live = socle_test_live_blocks();
    cr_assert_null(socle_device_open("cpu", (socle_device_desc){ 0 }));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_ARG);
    cr_assert_not_null(strstr(socle_error(), "AVX-512"), "%s", socle_error());
    cr_assert_not_null(strstr(socle_error(), "scalar"), "%s", socle_error());
    cr_assert_eq(socle_test_live_blocks(), live);
}

Test(select, the_device_says_what_it_runs_on)
{
    setenv("SOCLE_CPU_ISA", "scalar", 1);
    socle_device *d = open_device("cpu", 3);
    cr_assert_not_null(strstr(socle_device_name(d), ", scalar, 3 threads"), "%s", socle_device_name(d));
    socle_device_close(d);
}

Test(select, every_table_is_complete)
{
    static const char *names[] = { "scalar", "avx2", "avx512", "neon" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("SOCLE_CPU_ISA", names[i], 1);
        const struct cpu_kernels *k = NULL;
        if (cpu_select(&k) != SOCLE_OK)
            continue; /* not built for this architecture */
        cr_assert(k->elementwise && k->reduce && k->pool && k->random && k->optim && k->gemm && k->conv, "%s",
                  k->name);
        cr_assert(k->width == 4 || k->width == 8 || k->width == 16, "%s", k->name);
    }
}
