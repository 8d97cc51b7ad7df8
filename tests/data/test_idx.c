/* The IDX reader: what it accepts, and that everything else is refused with the file's name and a reason. */
#include <criterion/criterion.h>
#include <socle/vision.h>
#include <socle/sys/test.h>
#include "idx_files.h"

TestSuite(idx, .init = idx_folder_make, .fini = idx_folder_remove);

static uint8_t buffer[300000];

/* Reads `name`, expecting `status` and, on failure, `word` and the path in the message and untouched outputs. */
static void expect(const char *name, socle_status status, const char *word)
{
    socle_shape shape = { .ndim = -7 };
    uint8_t *data = (uint8_t *)&shape;
    socle_status got = socle_idx_read(idx_path(name), &shape, &data);
    cr_assert_eq(got, status, "%s: %d, %s", name, got, socle_error());
    cr_assert(strstr(socle_error(), word), "\"%s\" does not say \"%s\"", socle_error(), word);
    cr_assert(strstr(socle_error(), idx_path(name)), "\"%s\" does not name the file", socle_error());
    cr_assert_eq(shape.ndim, -7);
    cr_assert_eq(data, (uint8_t *)&shape);
    cr_assert_eq(socle_test_live_blocks(), 0, "a failure leaves memory behind");
}

Test(idx, plain_and_compressed_files_read_alike)
{
    const uint32_t dim[] = { 7, 5, 3 };
    size_t n = idx_bytes(buffer, 3, dim);
    write_file("plain", buffer, n);
    write_gzip("packed.gz", buffer, n);
    for (int i = 0; i < 2; i++) {
        socle_shape shape;
        uint8_t *data;
        cr_assert_eq(socle_idx_read(idx_path(i ? "packed.gz" : "plain"), &shape, &data), SOCLE_OK, "%s",
                     socle_error());
        cr_assert(socle_shape_equal(shape, socle_shape3(7, 5, 3)));
        cr_assert_eq(memcmp(data, buffer + 16, 105), 0);
        socle_idx_free(data);
    }
}

/* Larger than what is taken on the header's word for a compressed file of its size, so that memory has to grow. */
Test(idx, a_file_that_arrives_through_a_pipe_is_read_whole)
{
    const uint32_t dim[] = { 280000 };
    size_t n = idx_bytes(buffer, 1, dim);
    write_file("plain", buffer, n);
    char command[400];
    snprintf(command, sizeof command, "mkfifo '%s' && (cat '%s' > '%s' &)", idx_path("pipe"), idx_path("plain"),
             idx_path("pipe"));
    cr_assert_eq(system(command), 0);
    socle_shape shape;
    uint8_t *data;
    cr_assert_eq(socle_idx_read(idx_path("pipe"), &shape, &data), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(shape.dim[0], 280000);
    cr_assert_eq(memcmp(data, buffer + 8, 280000), 0);
    socle_idx_free(data);
}

/* The length at the end of a file is that of its last member, and here too small by far. */
Test(idx, a_gzip_file_of_several_members_is_one_file)
{
    const uint32_t dim[] = { 280000 };
    static uint8_t packed[300000];
    size_t n = idx_bytes(buffer, 1, dim), cut = 279000;
    write_gzip("first.gz", buffer, cut);
    write_gzip("second.gz", buffer + cut, n - cut);
    size_t bytes = read_file("first.gz", packed, sizeof packed);
    bytes += read_file("second.gz", packed + bytes, sizeof packed - bytes);
    memset(packed + bytes, 0, 50);
    for (size_t padding = 0; padding <= 50; padding += 50) {
        socle_shape shape;
        uint8_t *data;
        write_file("both.gz", packed, bytes + padding);
        cr_assert_eq(socle_idx_read(idx_path("both.gz"), &shape, &data), SOCLE_OK, "%s", socle_error());
        cr_assert(socle_shape_equal(shape, socle_shape1(280000)));
        cr_assert_eq(memcmp(data, buffer + 8, 280000), 0);
        socle_idx_free(data);
    }
    write_file("both.gz", packed, bytes - 5);
    expect("both.gz", SOCLE_ERR_IO, "ends early");
}

Test(idx, an_empty_dimension_is_a_file_without_elements)
{
    const uint32_t dim[] = { 0, 28, 28 };
    write_file("empty", buffer, idx_bytes(buffer, 3, dim));
    socle_shape shape;
    uint8_t *data;
    cr_assert_eq(socle_idx_read(idx_path("empty"), &shape, &data), SOCLE_OK, "%s", socle_error());
    cr_assert_eq(shape.dim[0], 0);
    socle_idx_free(data);
}

Test(idx, missing_files_and_folders_are_io_errors)
{
    expect("nothing", SOCLE_ERR_IO, "No such file");
    expect(".", SOCLE_ERR_IO, "directory");
}

Test(idx, wrong_headers_are_told_apart)
{
    const uint32_t dim[] = { 4, 2 };
    size_t n = idx_bytes(buffer, 2, dim);
    write_file("short", buffer, 3);
    expect("short", SOCLE_ERR_FORMAT, "too few");
    write_file("header", buffer, 9);
    expect("header", SOCLE_ERR_FORMAT, "header");
    buffer[0] = 'P';
    write_file("magic", buffer, n);
    expect("magic", SOCLE_ERR_FORMAT, "not an IDX file");
    buffer[0] = 0;
    buffer[2] = 0x0d;
    write_file("type", buffer, n);
    expect("type", SOCLE_ERR_FORMAT, "0x0d");
    buffer[2] = 8;
    buffer[3] = 5;
    write_file("dimensions", buffer, n);
    expect("dimensions", SOCLE_ERR_FORMAT, "5 dimensions");
    buffer[3] = 0;
    write_file("none", buffer, n);
    expect("none", SOCLE_ERR_FORMAT, "0 dimensions");
}

Test(idx, fewer_and_more_bytes_than_the_header_says_are_refused)
{
    const uint32_t dim[] = { 10, 10 };
    size_t n = idx_bytes(buffer, 2, dim);
    write_file("fewer", buffer, n - 1);
    expect("fewer", SOCLE_ERR_FORMAT, "99 bytes");
    write_gzip("fewer.gz", buffer, n - 1);
    expect("fewer.gz", SOCLE_ERR_FORMAT, "99 bytes");
    write_file("more", buffer, n + 1);
    expect("more", SOCLE_ERR_FORMAT, "more bytes");
    write_gzip("more.gz", buffer, n + 1);
    expect("more.gz", SOCLE_ERR_FORMAT, "more bytes");
}

Test(idx, a_forged_size_takes_no_memory_to_speak_of)
{
    const uint32_t dim[] = { 10 }, gigabytes[] = { 0xffffffffu },
                   absurd[] = { 0xffffffffu, 0xffffffffu, 0xffffffffu };
    uint8_t forged[32];
    size_t n = idx_bytes(buffer, 1, dim);
    (void)n;
    memcpy(forged, buffer, 18);
    for (int i = 0; i < 4; i++)
        forged[4 + i] = (uint8_t)(gigabytes[0] >> 8 * i);
    write_file("gigabytes", forged, 18);
    expect("gigabytes", SOCLE_ERR_FORMAT, "4294967295");
    forged[3] = 3;
    memset(forged + 4, 0xff, sizeof absurd);
    write_file("absurd", forged, 20);
    expect("absurd", SOCLE_ERR_FORMAT, "absurd");
}

/* The checksum at the end included. Bits that mean nothing (time and system in the header, padding after the last
 * code) may flip: the elements are right then. */
Test(idx, no_truncation_and_no_flipped_bit_of_a_compressed_file_gives_wrong_elements)
{
    const uint32_t dim[] = { 6, 5 };
    static uint8_t packed[200];
    write_gzip("good.gz", buffer, idx_bytes(buffer, 2, dim));
    size_t n = read_file("good.gz", packed, sizeof packed);
    cr_assert(n > 20 && n < sizeof packed);
    for (size_t keep = 0; keep < n; keep++) {
        write_file("cut.gz", packed, keep);
        socle_shape shape;
        uint8_t *data;
        cr_assert_lt(socle_idx_read(idx_path("cut.gz"), &shape, &data), 0, "cut to %zu of %zu bytes", keep, n);
    }
    size_t ignored = 0;
    for (size_t bit = 0; bit < 8 * n; bit++) {
        packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        write_file("flipped.gz", packed, n);
        socle_shape shape;
        uint8_t *data;
        if (socle_idx_read(idx_path("flipped.gz"), &shape, &data) == SOCLE_OK) {
            cr_assert(socle_shape_equal(shape, socle_shape2(6, 5)), "bit %zu", bit);
            cr_assert_eq(memcmp(data, buffer + 12, 30), 0, "bit %zu", bit);
            socle_idx_free(data);
            ignored++;
        }
        packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_assert_lt(ignored, 8u * 8u, "%zu of %zu bits can flip", ignored, 8 * n);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

Test(idx, a_cut_gzip_stream_is_an_io_error_that_says_so)
{
    const uint32_t dim[] = { 100, 100 };
    static uint8_t packed[20000];
    size_t bytes = idx_bytes(buffer, 2, dim);
    for (size_t i = 12; i < bytes; i++)
        buffer[i] = (uint8_t)(i * i >> 3);
    write_gzip("good.gz", buffer, bytes);
    size_t n = read_file("good.gz", packed, sizeof packed);
    write_file("cut.gz", packed, n / 2);
    expect("cut.gz", SOCLE_ERR_IO, "ends early");
    write_file("crc.gz", packed, n - 4);
    expect("crc.gz", SOCLE_ERR_IO, "ends early");
    packed[n - 6] ^= 1;
    write_file("bad.gz", packed, n);
    expect("bad.gz", SOCLE_ERR_IO, "corrupt");
}

/* ---- as a dataset ---- */

static void write_pair(uint32_t images, uint32_t labels)
{
    const uint32_t dim[] = { images, 3, 2 };
    write_file("images", buffer, idx_bytes(buffer, 3, dim));
    write_gzip("labels.gz", buffer, idx_bytes(buffer, 1, &labels));
}

static void refuse(socle_status status, const char *word, int classes)
{
    cr_assert_null(socle_dataset_idx(idx_path("images"), idx_path("labels"), classes));
    cr_assert_eq(socle_error_status(), status, "%s", socle_error());
    cr_assert(strstr(socle_error(), word), "\"%s\" does not say \"%s\"", socle_error(), word);
    cr_assert_eq(socle_test_live_blocks(), 0);
}

Test(idx, images_and_labels_become_a_dataset_whatever_the_suffix)
{
    write_pair(4, 4);
    const char *name[][2] = { { "images", "labels" }, { "images.gz", "labels.gz" } };
    for (int i = 0; i < 2; i++) {
        socle_dataset *d = socle_dataset_idx(idx_path(name[i][0]), idx_path(name[i][1]), 4);
        cr_assert_not_null(d, "%s", socle_error());
        socle_dataset_desc o = socle_dataset_desc_of(d);
        cr_assert(socle_shape_equal(o.x_shape, socle_shape3(1, 3, 2)));
        cr_assert_eq(o.length, 4u);
        uint8_t x[6];
        int32_t y;
        cr_assert_eq(socle_dataset_get(d, 2, x, &y), SOCLE_OK);
        cr_assert_eq(y, 2);
        cr_assert_eq(x[5], 17);
        socle_dataset_free(d);
    }
}

Test(idx, counts_that_differ_and_labels_outside_are_refused)
{
    write_pair(4, 5);
    refuse(SOCLE_ERR_FORMAT, "4 images", 10);
    write_pair(4, 4);
    refuse(SOCLE_ERR_FORMAT, "label 3 at place 3 is outside [0, 3)", 3);
    socle_dataset *d = socle_dataset_idx(idx_path("images"), idx_path("labels"), 0);
    cr_assert_not_null(d, "0 classes: any label");
    socle_dataset_free(d);
}

Test(idx, files_of_another_shape_are_refused)
{
    const uint32_t flat[] = { 4, 6 };
    write_pair(4, 4);
    write_file("images", buffer, idx_bytes(buffer, 2, flat));
    refuse(SOCLE_ERR_FORMAT, "(4, 6)", 10);
    write_pair(4, 4);
    write_gzip("labels.gz", buffer, idx_bytes(buffer, 2, flat));
    refuse(SOCLE_ERR_FORMAT, "labels of shape (4, 6)", 10);
}

Test(idx, a_failing_allocation_is_reported_and_leaves_nothing)
{
    write_pair(4, 4);
    for (int k = 0;; k++) {
        socle_test_fail_alloc(k);
        socle_dataset *d = socle_dataset_idx(idx_path("images"), idx_path("labels"), 10);
        bool failed = socle_test_alloc_failed();
        socle_test_fail_alloc(-1);
        if (!failed) {
            cr_assert_not_null(d);
            cr_assert_gt(k, 4);
            socle_dataset_free(d);
            break;
        }
        cr_assert_null(d);
        cr_assert_eq(socle_error_status(), SOCLE_ERR_NOMEM);
        cr_assert_eq(socle_test_live_blocks(), 0, "allocation %d", k);
    }
}

/* ---- the four files ---- */

static void write_set(void)
{
    const uint32_t train[] = { 30, 28, 28 }, test[] = { 10, 28, 28 };
    write_file("train-images-idx3-ubyte", buffer, idx_bytes(buffer, 3, train));
    write_gzip("t10k-images-idx3-ubyte.gz", buffer, idx_bytes(buffer, 3, test));
    size_t n = idx_bytes(buffer, 1, train);
    for (size_t i = 8; i < n; i++)
        buffer[i] = (uint8_t)(i % 10);
    write_file("train-labels-idx1-ubyte", buffer, n);
    write_file("t10k-labels-idx1-ubyte", buffer, idx_bytes(buffer, 1, test));
}

Test(idx, mnist_trains_shuffled_and_evaluates_everything_in_batches_twice_as_large)
{
    write_set();
    socle_device *device = socle_device_open("ref", (socle_device_desc){ 0 });
    socle_data *d = socle_data_mnist(device, idx_folder, (socle_loader_desc){ .batch = 4, .drop_last = true });
    cr_assert_not_null(d, "%s", socle_error());
    cr_assert_eq(socle_loader_batches(d->train), 7u);
    cr_assert_eq(socle_loader_samples(d->train), 28u);
    cr_assert_eq(socle_loader_batches(d->valid), 2u);
    cr_assert_eq(socle_loader_samples(d->valid), 10u, "evaluation leaves no sample out");
    cr_assert_eq(d->c_in, 1);
    cr_assert_eq(d->c_out, 10);
    socle_data_free(d);
    d = socle_data_fashion_mnist(device, idx_folder, (socle_loader_desc){ 0 });
    cr_assert_not_null(d, "%s", socle_error());
    cr_assert_str_eq(d->vocab[9], "Ankle boot");
    cr_assert_eq(socle_loader_batches(d->train), 1u);
    socle_data_free(d);
    socle_device_close(device);
}

Test(idx, a_missing_folder_or_file_is_named_with_where_to_find_it)
{
    socle_device *device = socle_device_open("ref", (socle_device_desc){ 0 });
    cr_assert_null(socle_data_fashion_mnist(device, idx_path("nowhere"), (socle_loader_desc){ 0 }));
    cr_assert_eq(socle_error_status(), SOCLE_ERR_IO);
    cr_assert(strstr(socle_error(), "nowhere") && strstr(socle_error(), "dataset-fashion-mnist"), "%s",
              socle_error());
    write_set();
    cr_assert_eq(unlink(idx_path("t10k-labels-idx1-ubyte")), 0);
    cr_assert_null(socle_data_fashion_mnist(device, idx_folder, (socle_loader_desc){ 0 }));
    cr_assert(strstr(socle_error(), "t10k-labels") && strstr(socle_error(), "dataset-fashion-mnist"), "%s",
              socle_error());
    cr_assert(!strchr(socle_error(), '\n'));
    socle_device_close(device);
}
