#include "lab.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 256, IMAGES_BATCH = 64, MOST_STEPS = 32 };

/* ---- the program ---- */

static socle_status prepare(lab *l)
{
    l->device = socle_device_open(l->o.device, (socle_device_desc){ .threads = l->o.threads });
    if (!l->device)
        return socle_error_status();
    fprintf(l->story.out, "%s\n", socle_device_name(l->device));
    socle_status s = digits_read(&l->train, l->o.data, false);
    if (s == SOCLE_OK)
        s = digits_read(&l->valid, l->o.data, true);
    if (s != SOCLE_OK)
        return s;
    socle_loader_desc in_order = { .batch = BATCH, .workers = l->o.workers };
    l->data = socle_data_new(socle_loader_new(digits_as_rows(&l->train), l->device, in_order),
                             socle_loader_new(digits_as_rows(&l->valid), l->device, in_order), 1, 1, NULL);
    return l->data ? SOCLE_OK : socle_error_status();
}

static socle_status run(lab *l, const lab_step *step)
{
    story_step(&l->story, step->name, step->what);
    socle_ctx *c = socle_ctx_new(l->device, l->o.seed);
    socle_status s = c ? step->run(l, c) : socle_error_status();
    if (s == SOCLE_OK)
        s = socle_ctx_status(c);
    socle_ctx_free(c);
    return s;
}

int lab_main(int argc, char **argv, const char *what, const lab_step *steps, size_t n)
{
    const char *names[MOST_STEPS + 2] = { "all" };
    for (size_t i = 0; i < n && i < MOST_STEPS; i++)
        names[i + 1] = steps[i].name;
    options defaults = { .data = "data/mnist", .model = "all", .seed = 42 };
    lab l = { .o = options_parse(argc, argv, what, OPTION_STEP | OPTION_INIT, names, defaults) };
    l.story.o = &l.o;
    bool made_out;
    if (!options_make_out(&l.o, &made_out) || !story_begin(&l.story))
        return 1;
    socle_status s = prepare(&l);
    for (size_t i = 0; i < n && s == SOCLE_OK; i++)
        if (strcmp(l.o.model, "all") == 0 || strcmp(l.o.model, steps[i].name) == 0)
            s = run(&l, &steps[i]);
    if (s == SOCLE_OK)
        s = story_table(&l.story);
    if (s != SOCLE_OK)
        complain("%s", socle_error());
    if (s != SOCLE_OK && made_out)
        rmdir(l.o.out);
    story_end(&l.story);
    socle_data_free(l.data);
    digits_free(&l.train);
    digits_free(&l.valid);
    socle_device_close(l.device);
    return s == SOCLE_OK ? 0 : 1;
}

/* ---- what the steps ask for ---- */

socle_data *lab_images(const lab *l)
{
    socle_loader_desc train = { .batch = IMAGES_BATCH, .workers = l->o.workers, .shuffle = true, .train = true };
    socle_loader_desc valid = { .batch = 2 * IMAGES_BATCH, .workers = l->o.workers };
    train.seed = l->o.seed;
    return socle_data_new(socle_loader_new(digits_as_images(&l->train), l->device, train),
                          socle_loader_new(digits_as_images(&l->valid), l->device, valid), 1, 2, NULL);
}

socle_tensor *lab_stack(const lab *l, socle_ctx *c, const uint8_t *pixel, size_t n)
{
    socle_tensor *bytes = socle_tensor_from(l->device, SOCLE_U8, socle_shape3((int64_t)n, SIDE, SIDE), pixel);
    socle_tensor *x = socle_scale(c, socle_cast(c, bytes, socle_device_real(l->device)), 1.0 / 255, 0);
    socle_release(bytes);
    return x;
}

socle_status lab_show(lab *l, socle_ctx *c, socle_tensor *image, const char *file)
{
    float pixel[PIXELS];
    socle_status s = socle_read(socle_cast(c, image, SOCLE_F32), pixel, sizeof pixel);
    return s == SOCLE_OK ? story_image(&l->story, pixel, SIDE, file) : s;
}

socle_module *lab_seeded(const lab *l, socle_module *net)
{
    if (net && socle_reset_parameters(net, l->o.seed) == SOCLE_OK)
        return net;
    socle_module_free(net);
    return NULL;
}

static int read_param(const char *path, socle_module *owner, socle_tensor *t, bool trainable, void *user)
{
    (void)path, (void)owner;
    float number[PIXELS];
    size_t n = (size_t)socle_numel(t);
    if (!trainable || n > PIXELS || fread(number, sizeof *number, n, user) != n)
        return SOCLE_ERR_FORMAT;
    return socle_write(t, number, n * sizeof *number);
}

socle_module *lab_initial(const lab *l, socle_module *net)
{
    if (!net || !l->o.init)
        return lab_seeded(l, net);
    FILE *f = fopen(l->o.init, "rb");
    if (f && socle_module_each_param(net, read_param, f) == 0 && fgetc(f) == EOF) {
        fclose(f);
        return net;
    }
    if (f)
        fclose(f);
    (void)socle_fail(f ? SOCLE_ERR_FORMAT : SOCLE_ERR_IO, "%s: %s", l->o.init,
                     f ? "does not hold the linear layer's numbers" : "cannot be read");
    socle_module_free(net);
    return NULL;
}
