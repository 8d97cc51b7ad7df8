/* Compiled programs on disk: found again by the next device, never trusted, never in the way. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <socle/sys/backend.h>
#include "support/support.h"

static char folder[64];

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/socle-cache-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    setenv("SOCLE_CACHE_DIR", folder, 1);
}

/* Calls each on every file's path and returns their number. */
static int files(void (*each)(const char *path))
{
    int n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char path[512];
        if (e->d_name[0] == '.')
            continue;
        n++;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (each != NULL)
            each(path);
    }
    if (dir != NULL)
        closedir(dir);
    return n;
}

static void drop(const char *path)
{
    remove(path);
}

static void tear_down(void)
{
    files(drop);
    rmdir(folder);
}

TestSuite(cache, .init = set_up, .fini = tear_down);

/* Two programs on a device of its own, as a new process has; their result must be right wherever they came from. */
static socle_counters use(void)
{
    socle_device *d = open_device("cl", 0);
    socle_tensor *t = socle_tensor_new(d, SOCLE_F32, socle_shape1(7));
    assert_ok(socle_prim_fill(t, 2));
    assert_ok(socle_prim_unary(SOCLE_UNARY_square, t, t, 0, 0, 0));
    assert_close(t, ((double[]){ 4, 4, 4, 4, 4, 4, 4 }), 7, budget_exact);
    socle_counters c = socle_device_counters(d);
    socle_release(t);
    socle_device_close(d);
    return c;
}

static void expect_counts(const char *when, socle_counters c, uint64_t compiled, uint64_t loaded)
{
    cr_expect_eq(c.compiled, compiled, "%s: %d programs compiled", when, (int)c.compiled);
    cr_expect_eq(c.loaded, loaded, "%s: %d programs loaded", when, (int)c.loaded);
}

Test(cache, spares_the_second_start_the_compiler)
{
    expect_counts("cold", use(), 2, 0);
    cr_expect_eq(files(NULL), 2);
    expect_counts("warm", use(), 0, 2);
}

static void cut(const char *path)
{
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(truncate(path, info.st_size / 2), 0);
}

static void flip(const char *path)
{
    FILE *f = fopen(path, "r+b");
    cr_assert_not_null(f);
    fseek(f, -5, SEEK_END);
    int c = fgetc(f);
    fseek(f, -5, SEEK_END);
    fputc(c ^ 0x40, f);
    fclose(f);
}

static void empty(const char *path)
{
    cr_assert_eq(truncate(path, 0), 0);
}

static void lengthen(const char *path)
{
    FILE *f = fopen(path, "ab");
    cr_assert_not_null(f);
    fputs("more", f);
    fclose(f);
}

Test(cache, ignores_a_corrupt_file_and_writes_it_anew)
{
    static void (*const harm[])(const char *) = { cut, flip, empty, lengthen };
    expect_counts("cold", use(), 2, 0);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(files(harm[i]), 2);
        expect_counts("corrupt", use(), 2, 0);
        cr_expect_eq(files(NULL), 2);
        expect_counts("after", use(), 0, 2);
    }
}

typedef struct heard {
    int troubles, building; /* warnings and errors; "building kernels" */
} heard;

static void listen(void *user, socle_log_level level, const char *text)
{
    heard *h = user;
    h->troubles += level <= SOCLE_LOG_WARN;
    h->building += level == SOCLE_LOG_INFO && strcmp(text, "building kernels") == 0;
}

Test(cache, the_log_says_once_that_kernels_are_built_and_only_when_they_are)
{
    heard h = { 0 };
    socle_set_log(listen, &h);
    expect_counts("cold", use(), 2, 0);
    cr_expect_eq(h.building, 1);
    expect_counts("warm", use(), 0, 2);
    cr_expect_eq(h.building, 1);
    socle_set_log(NULL, NULL);
}

Test(cache, does_without_a_folder_it_cannot_write)
{
    heard h = { 0 };
    socle_set_log(listen, &h);
    setenv("SOCLE_CACHE_DIR", "/proc/no/such/folder", 1);
    expect_counts("no folder", use(), 2, 0);
    char file[128]; /* a file where the folder should be */
    snprintf(file, sizeof file, "%s/file", folder);
    fclose(fopen(file, "w"));
    setenv("SOCLE_CACHE_DIR", file, 1);
    expect_counts("a file", use(), 2, 0);
    cr_expect_eq(h.troubles, 0);
    socle_set_log(NULL, NULL);
}
