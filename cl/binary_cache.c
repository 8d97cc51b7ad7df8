/* Compiled programs on disk: one file a program, named by a hash of its whole key, and holding that key.
 *
 * File: magic, format version, bytes of key, bytes of binary, checksum of binary, key, binary. The key is the machine's identity
 * (platform, device, driver and their versions), the build options, and every source. Two processes that write the same file
 * write the same bytes, and rename is atomic, so readers see a whole file or none. */
#include "cache_folder.h"
#include "program.h"

#include <dirent.h>
#include <socle/sys/memory.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FORMAT = 1, FILES_MAX = 2048, FILES_KEPT = 1536 };
#define BINARY_MAX ((size_t)256 << 20)

typedef struct header {
    char magic[8];
    uint32_t format, reserved;
    uint64_t key_bytes, binary_bytes, checksum;
} header;

static const char magic[8] = { 's', 'o', 'c', 'l', 'e', '-', 'c', 'l' };

/* The key as one text, owned by the caller. */
static char *key_text(const ocl_key *k, size_t *bytes)
{
    size_t n = strlen(k->identity) + strlen(k->options) + 2;
    for (int i = 0; i < k->n_sources; i++)
        n += strlen(k->sources[i]);
    char *text = socle_mem_alloc(n + 1);
    if (!text)
        return NULL;
    int at = snprintf(text, n + 1, "%s\n%s\n", k->identity, k->options);
    for (int i = 0; i < k->n_sources; i++)
        at += snprintf(text + at, n + 1 - (size_t)at, "%s", k->sources[i]);
    *bytes = (size_t)at;
    return text;
}

static bool read_all(FILE *f, void *to, size_t bytes)
{
    return fread(to, 1, bytes, f) == bytes;
}

/* The binary, if what follows the header is this key's and whole; else *binary stays NULL. */
static socle_status read_binary(FILE *f, const char *key, size_t key_bytes, unsigned char **binary, size_t *bytes)
{
    header h;
    if (!read_all(f, &h, sizeof h) || memcmp(h.magic, magic, sizeof magic) != 0 || h.format != FORMAT ||
        h.key_bytes != key_bytes || h.binary_bytes == 0 || h.binary_bytes > BINARY_MAX)
        return SOCLE_OK;
    size_t n = (size_t)h.binary_bytes;
    char *stored = socle_mem_alloc(key_bytes);
    unsigned char *found = stored ? socle_mem_alloc(n) : NULL;
    bool memory = stored && found;
    bool good = memory && read_all(f, stored, key_bytes) && memcmp(stored, key, key_bytes) == 0 &&
                read_all(f, found, n) && ocl_hash(OCL_HASH_START, found, n) == h.checksum && fgetc(f) == EOF;
    socle_mem_free(stored);
    if (good) {
        *binary = found;
        *bytes = n;
        return SOCLE_OK;
    }
    socle_mem_free(found);
    return memory ? SOCLE_OK : SOCLE_ERR_NOMEM;
}

socle_status ocl_cache_load(const ocl_key *k, unsigned char **binary, size_t *bytes)
{
    char path[OCL_PATH];
    size_t key_bytes;
    *binary = NULL;
    if (!ocl_cache_folder(path))
        return SOCLE_OK;
    char *key = key_text(k, &key_bytes);
    if (!key)
        return SOCLE_ERR_NOMEM;
    size_t n = strlen(path);
    (void)snprintf(path + n, OCL_PATH - n, "/%016llx.clbin",
                   (unsigned long long)ocl_hash(OCL_HASH_START, key, key_bytes));
    FILE *f = fopen(path, "rb");
    socle_status status = f ? read_binary(f, key, key_bytes, binary, bytes) : SOCLE_OK;
    if (f)
        (void)fclose(f);
    socle_mem_free(key);
    return status;
}

static bool is_ours(const char *name)
{
    size_t n = strlen(name);
    return n > 6 && strcmp(name + n - 6, ".clbin") == 0;
}

/* Removes the file that was written longest ago, `excess` times. */
static void prune(const char *folder)
{
    for (int count = FILES_MAX + 1; count > FILES_KEPT;) {
        DIR *dir = opendir(folder);
        char oldest[OCL_PATH] = "";
        time_t when = 0;
        count = 0;
        for (struct dirent *e; dir && (e = readdir(dir));) {
            char path[OCL_PATH];
            struct stat info;
            if (!is_ours(e->d_name) || snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= OCL_PATH ||
                stat(path, &info) != 0)
                continue;
            count++;
            if (!oldest[0] || info.st_mtime < when) {
                when = info.st_mtime;
                (void)strcpy(oldest, path);
            }
        }
        if (dir)
            (void)closedir(dir);
        if (count <= FILES_KEPT || !oldest[0] || unlink(oldest) != 0)
            return;
    }
}

static int files_in(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));)
        count += is_ours(e->d_name);
    if (dir)
        (void)closedir(dir);
    return count;
}

void ocl_cache_store(const ocl_key *k, const unsigned char *binary, size_t bytes)
{
    char folder[OCL_PATH], name[OCL_FILE];
    size_t key_bytes;
    if (!ocl_cache_folder(folder))
        return;
    char *key = key_text(k, &key_bytes);
    if (!key)
        return;
    header h = { .format = FORMAT,
                 .key_bytes = key_bytes,
                 .binary_bytes = bytes,
                 .checksum = ocl_hash(OCL_HASH_START, binary, bytes) };
    memcpy(h.magic, magic, sizeof magic);
    (void)snprintf(name, sizeof name, "%016llx.clbin",
                   (unsigned long long)ocl_hash(OCL_HASH_START, key, key_bytes));
    ocl_cache_replace(folder, name, 3, (ocl_part[]){ { &h, sizeof h }, { key, key_bytes }, { binary, bytes } });
    socle_mem_free(key);
    if (files_in(folder) > FILES_MAX)
        prune(folder);
}
