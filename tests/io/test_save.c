/* Saving: the file is read back byte by byte here, by its specification, and a failure leaves no file. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <socle/io.h>
#include <socle/layers.h>
#include <socle/sys/test.h>
#include "io/file.h"
#include "support/die.h"
#include "support/support.h"

static char folder[64], path[128];
static int64_t live_before;

static void set_up(void)
{
    live_before = socle_test_live_blocks();
    strcpy(folder, "/tmp/socle-save-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
}

/* Entries of the folder but "." and "..". */
static int files(void)
{
    int n = 0;
    DIR *f = opendir(folder);
    for (const struct dirent *e; (e = readdir(f)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(f);
    return n;
}

static void tear_down(void)
{
    unlink(path);
    if (rmdir(folder) != 0)
        support_die("something was left in %s", folder);
    assert_no_leak(live_before);
}

TestSuite(save, .init = set_up, .fini = tear_down);

static unsigned char *contents(size_t *size)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    unsigned char *data = malloc(*size + 1);
    cr_assert_eq(fread(data, 1, *size, f), *size);
    data[*size] = '\0';
    fclose(f);
    return data;
}

static size_t header_length(const unsigned char *data)
{
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n |= (uint64_t)data[i] << (8 * i);
    return (size_t)n;
}

/* ---- the format ---- */

static socle_tensor *pass(socle_module *m, socle_ctx *c, socle_tensor *x)
{
    (void)m;
    (void)c;
    return x;
}

static const socle_module_type plain = { .name = "Plain", .forward = pass };

static socle_module *small_net(socle_device *d)
{
    socle_module *m = socle_module_new(&plain, d);
    socle_module_buffer(m, "mean", socle_shape0(), 2.5);
    socle_module *body =
        socle_append(socle_sequential_new(d), socle_conv_new(d, (socle_conv_desc){ .in = 1, .out = 2 }));
    socle_module_child(m, "body", body);
    return socle_module_ready(m);
}

typedef struct stored {
    const unsigned char *numbers;
    size_t at;
    socle_dtype dtype;
} stored;

static int compare(const char *name, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)owner;
    (void)trainable;
    stored *s = user;
    size_t n = (size_t)socle_numel(t), size = socle_dtype_size(s->dtype);
    double *got = malloc(n * sizeof *got), *want = values_of(t);
    unsigned char *aligned = malloc(n * size); /* numbers may start anywhere */
    memcpy(aligned, s->numbers + s->at, n * size);
    doubles_from(s->dtype, got, aligned, n);
    cr_assert(values_close(got, want, n, budget_exact), "%s: %s", name, support_message());
    s->at += n * size;
    free(aligned);
    free(got);
    free(want);
    return 0;
}

static void check_file(const char *spec, socle_dtype dtype, const char *header)
{
    socle_device *d = open_device(spec, 1);
    socle_module *m = small_net(d);
    assert_ok(socle_save(m, path));
    size_t size;
    unsigned char *data = contents(&size);
    size_t n = header_length(data);
    cr_assert_eq(n % 8, 0, "numbers start at a multiple of 8 bytes");
    cr_assert_eq(n, (strlen(header) + 7) / 8 * 8);
    cr_assert_eq(strncmp((const char *)data + 8, header, strlen(header)), 0, "%s", (const char *)data + 8);
    for (size_t i = strlen(header); i < n; i++)
        cr_assert_eq(data[8 + i], ' ');
    stored s = { data + 8 + n, 0, dtype };
    socle_module_each_param(m, compare, &s);
    cr_assert_eq(8 + n + s.at, size, "nothing before, between or behind");
    free(data);
    socle_module_free(m);
    socle_device_close(d);
}

Test(save, a_file_is_what_the_format_says)
{
    check_file("ref", SOCLE_F32,
               "{\"mean\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
               "\"body.0.weight\":{\"dtype\":\"F32\",\"shape\":[2,1,3,3],\"data_offsets\":[4,76]},"
               "\"body.0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[76,84]}}");
    check_file("ref64", SOCLE_F64,
               "{\"mean\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},"
               "\"body.0.weight\":{\"dtype\":\"F64\",\"shape\":[2,1,3,3],\"data_offsets\":[8,152]},"
               "\"body.0.bias\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[152,168]}}");
}

Test(save, names_are_escaped_and_empty_tensors_and_modules_are_files_too)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = socle_module_new(&plain, d);
    assert_ok(socle_save(m, path));
    size_t size;
    unsigned char *data = contents(&size);
    cr_assert_str_eq((const char *)data + 8, "{}      ");
    free(data);

    socle_module_param(m, "a\"b\\c\td\xc3\xa9", socle_shape2(0, 3), socle_init_constant(0));
    assert_ok(socle_save(m, path));
    data = contents(&size);
    const char *want =
        "{\"a\\\"b\\\\c\\u0009d\xc3\xa9\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[0,0]}}";
    cr_assert_eq(strncmp((const char *)data + 8, want, strlen(want)), 0, "%s", (const char *)data + 8);
    free(data);
    socle_module_free(m);
    socle_device_close(d);
}

/* ---- whole or not at all ---- */

Test(save, an_old_file_is_replaced_and_new_files_have_usual_permissions)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = small_net(d);
    umask(022);
    assert_ok(socle_save(m, path));
    struct stat s;
    cr_assert_eq(stat(path, &s), 0);
    cr_assert_eq(s.st_mode & 0777, 0644);
    size_t one, two;
    unsigned char *first = contents(&one);
    assert_ok(socle_reset_parameters(m, 5));
    assert_ok(socle_save(m, path));
    unsigned char *second = contents(&two);
    cr_assert_eq(one, two);
    cr_assert_neq(memcmp(first, second, one), 0);
    cr_assert_eq(files(), 1);
    free(first);
    free(second);
    socle_module_free(m);
    socle_device_close(d);
}

Test(save, a_folder_that_is_not_there_is_named_with_the_systems_reason)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = small_net(d);
    char bad[200];
    snprintf(bad, sizeof bad, "%s/none/model.safetensors", folder);
    cr_assert_eq(socle_save(m, bad), SOCLE_ERR_IO);
    cr_assert_not_null(strstr(socle_error(), bad), "%s", socle_error());
    cr_assert_not_null(strstr(socle_error(), strerror(ENOENT)), "%s", socle_error());
    cr_assert_eq(socle_save(m, folder), SOCLE_ERR_IO, "a folder cannot be replaced by a file");
    cr_assert_not_null(strstr(socle_error(), folder), "%s", socle_error());
    cr_assert_eq(socle_save(m, NULL), SOCLE_ERR_ARG);
    cr_assert_eq(socle_save(NULL, path), SOCLE_ERR_ARG);
    cr_assert_eq(files(), 0);
    socle_module_free(m);
    socle_device_close(d);
}

Test(save, where_writing_fails_midway_the_old_file_stays_and_no_other_appears)
{
    signal(SIGXFSZ, SIG_IGN);
    socle_device *d = open_device("ref", 1);
    socle_module *net = small_net(d);
    assert_ok(socle_save(net, path));
    size_t before, after;
    unsigned char *old = contents(&before);
    socle_module *large = socle_linear_new(d, (socle_linear_desc){ .in = 100, .out = 1000 });
    struct rlimit usual, small = { 64 * 1024, 64 * 1024 };
    getrlimit(RLIMIT_FSIZE, &usual);
    small.rlim_max = usual.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    socle_status s = socle_save(large, path);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &usual), 0);
    cr_assert_eq(s, SOCLE_ERR_IO);
    cr_assert_not_null(strstr(socle_error(), strerror(EFBIG)), "%s", socle_error());
    unsigned char *now = contents(&after);
    cr_assert(before == after && memcmp(old, now, before) == 0);
    cr_assert_eq(files(), 1);
    free(old);
    free(now);
    socle_module_free(net);
    socle_module_free(large);
    socle_device_close(d);
}

/* stdio notices a full disk only when its buffer is written out, which is in commit. */
Test(save, a_full_disk_that_shows_at_the_end_leaves_no_file)
{
    out_file f;
    assert_ok(out_file_open(&f, path));
    cr_assert_eq(files(), 1);
    cr_assert_eq(access(path, F_OK), -1, "nothing is there under the final name yet");
    cr_assert_not_null(freopen("/dev/full", "wb", f.stream));
    assert_ok(out_file_write(&f, "some bytes", 10));
    cr_assert_eq(out_file_commit(&f), SOCLE_ERR_IO);
    cr_assert_not_null(strstr(socle_error(), strerror(ENOSPC)), "%s", socle_error());
    cr_assert_not_null(strstr(socle_error(), path), "%s", socle_error());
    cr_assert_eq(files(), 0);
}

Test(save, two_files_can_be_written_under_one_name_at_once)
{
    out_file a, b;
    assert_ok(out_file_open(&a, path));
    assert_ok(out_file_open(&b, path));
    assert_ok(out_file_write(&a, "a", 1));
    assert_ok(out_file_write(&b, "b", 1));
    assert_ok(out_file_commit(&a));
    out_file_discard(&b);
    size_t size;
    unsigned char *data = contents(&size);
    cr_assert(size == 1 && data[0] == 'a');
    free(data);
}

Test(save, out_of_memory_anywhere_leaves_nothing_behind)
{
    socle_device *d = open_device("ref", 1);
    socle_module *m = small_net(d);
    int64_t live = socle_test_live_blocks();
    for (int64_t k = 0;; k++) {
        socle_test_fail_alloc(k);
        socle_status s = socle_save(m, path);
        bool failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        cr_assert_eq(socle_test_live_blocks(), live, "allocation %d", (int)k);
        if (!failed) {
            cr_assert_eq(s, SOCLE_OK);
            break;
        }
        cr_assert_eq(s, SOCLE_ERR_NOMEM, "allocation %d", (int)k);
        cr_assert_eq(files(), 0, "allocation %d", (int)k);
    }
    socle_module_free(m);
    socle_device_close(d);
}
