/* See cache_folder.h. */
#include "cache_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t ocl_hash(uint64_t h, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ p[i]) * 1099511628211u;
    return h;
}

bool ocl_cache_folder(char *path)
{
    const char *own = getenv("SOCLE_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n;
    if (own)
        n = snprintf(path, OCL_PATH, "%s", own);
    else if (xdg && *xdg)
        n = snprintf(path, OCL_PATH, "%s/socle", xdg);
    else if (home && *home)
        n = snprintf(path, OCL_PATH, "%s/.cache/socle", home);
    else
        return false;
    if (n <= 0 || n >= OCL_PATH - OCL_FILE)
        return false;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0777);
        *slash = '/';
    }
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

void ocl_cache_replace(const char *folder, const char *name, int n, const ocl_part *parts)
{
    char path[OCL_PATH + OCL_FILE], temporary[OCL_PATH + OCL_FILE];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)snprintf(temporary, sizeof temporary, "%s/new-XXXXXX", folder);
    int fd = mkstemp(temporary);
    if (fd < 0)
        return;
    FILE *f = fdopen(fd, "wb");
    bool good = f != NULL;
    for (int i = 0; i < n && good; i++)
        good = fwrite(parts[i].data, 1, parts[i].bytes, f) == parts[i].bytes;
    if (f)
        good &= fclose(f) == 0;
    else
        (void)close(fd);
    if (!good || rename(temporary, path) != 0)
        (void)unlink(temporary);
}
