/* MNIST and Fashion-MNIST: four IDX files in a folder, by the names they are published under. */
#include <socle/vision.h>

#include <string.h>
#include <sys/stat.h>
#include "core/alloc.h"
#include "core/error.h"

typedef struct source {
    const char *where; /* where the files are to be had, the end of a sentence */
    const char *const *vocab;
} source;

enum { CLASSES = 10 };
static const char *const digits[CLASSES] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
static const char *const clothes[CLASSES] = { "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                              "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot" };
static const source mnist = { "MNIST's files are at https://ossci-datasets.s3.amazonaws.com/mnist", digits };
static const source fashion = { "Fashion-MNIST's are in the Debian package dataset-fashion-mnist, under "
                                "/usr/share/datasets/fashion-mnist",
                                clothes };

/* "dir/name-ubyte", owned by the caller. */
static char *join(const char *dir, const char *name)
{
    static const char suffix[] = "-ubyte";
    size_t d = strlen(dir), n = strlen(name);
    char *path = socle_mem_alloc(d + 1 + n + sizeof suffix);
    if (!path)
        return NULL;
    memcpy(path, dir, d);
    path[d] = '/';
    memcpy(path + d + 1, name, n);
    memcpy(path + d + 1 + n, suffix, sizeof suffix);
    return path;
}

/* A missing file's message is completed with where the data is found. */
static socle_dataset *read_split(const source *s, const char *dir, const char *images, const char *labels)
{
    char *image_path = join(dir, images);
    char *label_path = image_path ? join(dir, labels) : NULL;
    socle_dataset *d = label_path ? socle_dataset_idx(image_path, label_path, CLASSES) : NULL;
    if (!d && label_path && socle_error_status() == SOCLE_ERR_IO && strstr(socle_error(), "no such file")) {
        char text[512];
        size_t length = strlen(socle_error());
        memcpy(text, socle_error(), length + 1);
        (void)socle_fail(SOCLE_ERR_IO, "%s; %s", text, s->where);
    }
    socle_mem_free(label_path);
    socle_mem_free(image_path);
    return d;
}

static socle_data *data_of(const source *s, socle_device *d, const char *dir, socle_loader_desc o)
{
    if (!d) {
        if (socle_error_status() == SOCLE_OK)
            (void)socle_fail(SOCLE_ERR_ARG, "data: the device is missing");
        return NULL;
    }
    struct stat info;
    if (!dir || stat(dir, &info) != 0 || !S_ISDIR(info.st_mode)) {
        (void)socle_fail(SOCLE_ERR_IO, "%s: no such folder; %s", dir ? dir : "(null)", s->where);
        return NULL;
    }
    socle_dataset *train = read_split(s, dir, "train-images-idx3", "train-labels-idx1");
    if (!train)
        return NULL;
    socle_dataset *valid = read_split(s, dir, "t10k-images-idx3", "t10k-labels-idx1");
    if (!valid) {
        socle_dataset_free(train);
        return NULL;
    }
    socle_loader_desc eval = o;
    o.shuffle = o.train = true;
    eval.shuffle = eval.train = eval.drop_last = false;
    eval.batch = o.batch > SIZE_MAX / 2 ? SIZE_MAX : 2 * (o.batch ? o.batch : 64);
    socle_loader *train_loader = socle_loader_new(train, d, o);
    socle_loader *eval_loader = train_loader ? socle_loader_new(valid, d, eval) : NULL;
    if (!eval_loader) {
        if (!train_loader)
            socle_dataset_free(valid);
        socle_loader_free(train_loader);
        return NULL;
    }
    return socle_data_new(train_loader, eval_loader, 1, CLASSES, s->vocab);
}

socle_data *socle_data_mnist(socle_device *d, const char *dir, socle_loader_desc o)
{
    return data_of(&mnist, d, dir, o);
}

socle_data *socle_data_fashion_mnist(socle_device *d, const char *dir, socle_loader_desc o)
{
    return data_of(&fashion, d, dir, o);
}
