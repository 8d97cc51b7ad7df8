/* Files that appear whole or not at all. The temporary name lies in the same folder, hence on the same disk, where a
 * rename replaces the old file in one step; before it, the data is made durable, so that a crash cannot leave an empty
 * file under the final name. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <socle/sys/memory.h>

static socle_status refused(const char *path, int reason)
{
    char text[128];
    if (strerror_r(reason, text, sizeof text) != 0)
        snprintf(text, sizeof text, "error %d", reason);
    return socle_fail(SOCLE_ERR_IO, "cannot write '%s': %s", path, text);
}

/* A new file of a name nobody uses, with the permissions that any new file gets (mkstemp would hide it from others).
 * The descriptor, or -1 with errno. */
static int create(char *name, size_t cap, const char *path)
{
    for (int attempt = 0; attempt < 1000; attempt++) {
        snprintf(name, cap, "%s.%ld-%d.tmp", path, (long)getpid(), attempt);
        int descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST)
            return descriptor;
    }
    return -1;
}

socle_status out_file_open(out_file *f, const char *path)
{
    size_t cap = strlen(path) + 64;
    *f = (out_file){ .path = path, .temporary = socle_mem_alloc(cap) };
    if (f->temporary == NULL)
        return SOCLE_ERR_NOMEM;
    int descriptor = create(f->temporary, cap, path), reason = errno;
    if (descriptor >= 0) {
        f->stream = fdopen(descriptor, "wb");
        if (f->stream != NULL)
            return SOCLE_OK;
        reason = errno;
        close(descriptor);
        unlink(f->temporary);
    }
    socle_mem_free(f->temporary);
    return refused(path, reason);
}

socle_status out_file_write(out_file *f, const void *data, size_t bytes)
{
    errno = 0;
    return fwrite(data, 1, bytes, f->stream) == bytes ? SOCLE_OK : refused(f->path, errno);
}

void out_file_discard(out_file *f)
{
    fclose(f->stream);
    unlink(f->temporary);
    socle_mem_free(f->temporary);
}

socle_status out_file_commit(out_file *f)
{
    errno = 0;
    int reason = fflush(f->stream) == 0 && fsync(fileno(f->stream)) == 0 ? 0 : errno;
    if (fclose(f->stream) != 0 && reason == 0)
        reason = errno;
    if (reason == 0 && rename(f->temporary, f->path) != 0)
        reason = errno;
    socle_status s = SOCLE_OK;
    if (reason != 0) {
        unlink(f->temporary);
        s = refused(f->path, reason);
    }
    socle_mem_free(f->temporary);
    return s;
}
