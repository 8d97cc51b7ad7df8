/* Ready-made answers to the question which group a parameter belongs to. */
#include <string.h>
#include <socle/optim.h>

static bool begins_with(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    return n == 0 || (strncmp(path, prefix, n) == 0 && (path[n] == '.' || path[n] == '\0' || prefix[n - 1] == '.'));
}

int socle_group_by_prefix(const char *path, socle_module *owner, socle_tensor *p, void *user)
{
    (void)owner, (void)p;
    const socle_group_prefixes *list = user;
    int i = 0;
    while (i < list->n && !begins_with(path, list->prefix[i]))
        i++;
    return i;
}

int socle_group_no_decay(const char *path, socle_module *owner, socle_tensor *p, void *user)
{
    (void)owner, (void)user;
    const char *dot = strrchr(path, '.');
    return socle_shape_of(p).ndim < 2 || strcmp(dot != NULL ? dot + 1 : path, "bias") == 0;
}
