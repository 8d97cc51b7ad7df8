/* What is remembered about a device's kernels: near which sizes it counts, what it does not override, and its file. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cl/choice.h"
#include "support/support.h"

static char folder[] = "/tmp/socle-choice-XXXXXX";
static socle_device *device;
static ocl_device *self;
static const ocl_size size = { 500, 500, 500, 1 };

static void open_cl(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(setenv("SOCLE_CACHE_DIR", folder, 1), 0);
    device = open_device("cl", 1);
    self = socle_device_self(device);
}

static void reopen(void)
{
    socle_device_close(device);
    device = open_device("cl", 1);
    self = socle_device_self(device);
}

/* The path of the only file in the folder. */
static void path_of_file(char *out, size_t cap)
{
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir);
    int files = 0;
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.') {
            snprintf(out, cap, "%s/%s", folder, e->d_name);
            files++;
        }
    closedir(dir);
    cr_assert_eq(files, 1, "%d files in %s", files, folder);
}

static void close_cl(void)
{
    char path[512];
    socle_device_close(device);
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.' && snprintf(path, sizeof path, "%s/%s", folder, e->d_name) > 0)
            unlink(path);
    if (dir)
        closedir(dir);
    rmdir(folder);
}

TestSuite(choice, .init = open_cl, .fini = close_cl);

/* One that the table would not choose. */
static ocl_variant another(void)
{
    const ocl_variant first = ocl_choose_gemm(self, size, 0);
    for (int v = 0; v < OCL_gemm_any; v++)
        if ((ocl_variant)v != first)
            return (ocl_variant)v;
    return OCL_VARIANTS;
}

Test(choice, a_measured_size_counts_for_its_neighbours_and_not_further)
{
    const ocl_variant v = another(), table = ocl_choose_gemm(self, size, 0);
    ocl_choice_set_gemm(self, size, v);
    cr_expect_eq(ocl_choose_gemm(self, size, 0), v);
    cr_expect_eq(ocl_choose_gemm(self, (ocl_size){ 900, 300, 500, 1 }, 0), v);
    cr_expect_neq(ocl_choose_gemm(self, (ocl_size){ 1100, 500, 500, 1 }, 0), v);
    cr_expect_neq(ocl_choose_gemm(self, (ocl_size){ 500, 500, 500, 2 }, 0), v);
    ocl_choice_set_gemm(self, size, OCL_VARIANTS);
    cr_expect_eq(ocl_choose_gemm(self, size, 0), table);
}

Test(choice, of_two_measured_sizes_the_nearer_counts)
{
    const ocl_variant v = another(), table = ocl_choose_gemm(self, size, 0);
    ocl_choice_set_gemm(self, size, v);
    ocl_choice_set_gemm(self, (ocl_size){ 800, 800, 800, 1 }, table);
    cr_expect_eq(ocl_choose_gemm(self, (ocl_size){ 600, 500, 500, 1 }, 0), v);
    cr_expect_eq(ocl_choose_gemm(self, (ocl_size){ 700, 800, 700, 1 }, 0), table);
}

Test(choice, what_is_aside_is_not_chosen_even_where_it_was_the_fastest)
{
    const ocl_variant v = another();
    ocl_choice_set_gemm(self, size, v);
    ocl_put_aside(self, v, "it is wrong", false);
    cr_expect_neq(ocl_choose_gemm(self, size, 0), v);
}

Test(choice, the_last_resort_is_always_there)
{
    for (int v = 0; v <= OCL_gemm_any; v++)
        ocl_put_aside(self, (ocl_variant)v, "it is wrong", false);
    cr_expect_eq(ocl_choose_gemm(self, size, 0), OCL_gemm_any);
    cr_expect_eq(ocl_choose_gemm(self, size, UINT32_MAX), OCL_gemm_any);
}

Test(choice, another_device_of_the_kind_knows_what_was_kept)
{
    char why[256] = "";
    const ocl_variant v = another(), w = ocl_choose_gemm(self, size, 0);
    ocl_choice_set_gemm(self, size, v);
    ocl_put_aside(self, w, "element 3 is 1\ninstead of 2", true);
    ocl_put_aside(self, OCL_linear_direct, "it does not build today", false);
    ocl_choice_store(self);
    reopen();
    cr_expect_eq(ocl_choose_gemm(self, size, 0), v);
    cr_expect(ocl_is_aside(self, w, why, sizeof why));
    cr_expect_str_eq(why, "element 3 is 1 instead of 2");
    cr_expect(!ocl_is_aside(self, OCL_linear_direct, NULL, 0));
}

static void rewrite(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert(fputs(text, f) >= 0);
    cr_assert_eq(fclose(f), 0);
}

/* The first line of the file, which says the format and the kernels. */
static void first_line(const char *path, char *out, int cap)
{
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    cr_assert_not_null(fgets(out, cap, f));
    fclose(f);
}

Test(choice, a_file_of_another_driver_or_other_kernels_says_nothing)
{
    char path[512], first[512], text[2048];
    const ocl_variant table = ocl_choose_gemm(self, size, 0), v = another();
    ocl_choice_store(self);
    path_of_file(path, sizeof path);
    first_line(path, first, sizeof first);
    snprintf(text, sizeof text, "%s%s and more\ngemm 500 500 500 %s\n", first, self->identity, ocl_variant_name(v));
    rewrite(path, text);
    reopen();
    cr_expect_eq(ocl_choose_gemm(self, size, 0), table);
    snprintf(text, sizeof text, "0%s%s\ngemm 500 500 500 %s\n", first, self->identity, ocl_variant_name(v));
    rewrite(path, text);
    reopen();
    cr_expect_eq(ocl_choose_gemm(self, size, 0), table);
    snprintf(text, sizeof text, "%s%s\ngemm 500 500 500 %s\n", first, self->identity, ocl_variant_name(v));
    rewrite(path, text);
    reopen();
    cr_expect_eq(ocl_choose_gemm(self, size, 0), v);
}

Test(choice, lines_that_make_no_sense_are_passed_over)
{
    char path[512], first[512], text[4096], longer[1500];
    const ocl_variant v = another();
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ocl_choice_store(self);
    path_of_file(path, sizeof path);
    first_line(path, first, sizeof first);
    snprintf(text, sizeof text,
             "%s%s\n\naside\naside gemm\naside gemm nobody x\ngemm 0 5 5 any\ngemm 500 500 500 nobody\n"
             "gemm 99999999999999999999999 1 1 any\n%s\ngemm 500 500 500 %s\n",
             first, self->identity, longer, ocl_variant_name(v));
    rewrite(path, text);
    reopen();
    cr_expect_eq(ocl_choose_gemm(self, size, 0), v);
}
