/* What this processor is, for people: nothing here decides anything. */
#include "device.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "features.h"
#include "parallel.h"
#include "select.h"

size_t cpu_main_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0)
        return 0;
    return (size_t)pages > SIZE_MAX / (size_t)page ? SIZE_MAX : (size_t)pages * (size_t)page;
}

static void add(socle_device_info *out, const char *fmt, ...) SOCLE_PRINTF(2, 3);
static void add(socle_device_info *out, const char *fmt, ...)
{
    size_t n = strlen(out->more);
    va_list arguments;
    va_start(arguments, fmt);
    vsnprintf(out->more + n, sizeof out->more - n, fmt, arguments);
    va_end(arguments);
}

static void add_caches(socle_device_info *out)
{
#ifdef _SC_LEVEL1_DCACHE_SIZE /* glibc */
    static const struct {
        const char *name;
        int key;
    } level[] = { { "L1d", _SC_LEVEL1_DCACHE_SIZE },
                  { "L2", _SC_LEVEL2_CACHE_SIZE },
                  { "L3", _SC_LEVEL3_CACHE_SIZE } };
    const char *before = "caches: ";
    for (size_t i = 0; i < sizeof level / sizeof level[0]; i++) {
        long bytes = sysconf(level[i].key);
        if (bytes <= 0)
            continue;
        add(out, "%s%ld KiB %s", before, bytes / 1024, level[i].name);
        before = ", ";
    }
    if (before[0] == ',')
        add(out, "\n");
#else
    (void)out;
#endif
}

socle_status cpu_describe(int index, socle_device_info *out)
{
    if (index != 0)
        return socle_fail(SOCLE_ERR_ARG, "cpu: there is no device number %d", index);
    const struct cpu_kernels *kernels = NULL;
    socle_status s = cpu_select(&kernels);
    if (s != SOCLE_OK)
        return s;
    *out = (socle_device_info){ .kind = SOCLE_KIND_CPU, .memory = cpu_main_memory() };
    cpu_brand(out->name, (int)sizeof out->name);
    add(out, "kernels: %s\nthreads: %d\n", kernels->name, cpu_cores());
    add_caches(out);
    return SOCLE_OK;
}
