/* How many cores this process may use: the fewest of what its affinity mask and the quotas of its control groups
 * (and those of all groups above) allow. More threads than that would spin at each other's expense. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "parallel.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

enum { TEXT = 4096, PATH_TEXT = 2 * TEXT };

static int online_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 1024 ? 1024 : (int)n;
}

#ifdef __linux__
static int affinity_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return online_cores();
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n;
}

/* The start of a small file as text; an empty string if there is none. */
static void read_text(const char *path, char text[TEXT])
{
    text[0] = '\0';
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t n = read(file, text, TEXT - 1);
    text[n > 0 ? n : 0] = '\0';
    close(file);
}

/* Quota in a v2 group's folder ("max 100000" or "150000 100000") or a v1 group's; 0 = none. A part of a core
 * does not carry a spinning thread: quotas are rounded down. */
static int group_cores(const char *folder, int version)
{
    char path[PATH_TEXT], text[TEXT];
    long quota, period;
    if (version == 2) {
        snprintf(path, sizeof path, "%s/cpu.max", folder);
        read_text(path, text);
        if (sscanf(text, "%ld %ld", &quota, &period) != 2)
            return 0;
    } else {
        snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
        read_text(path, text);
        quota = strtol(text, NULL, 10);
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
        read_text(path, text);
        period = strtol(text, NULL, 10);
    }
    if (quota <= 0 || period <= 0)
        return 0;
    return quota < period ? 1 : (int)(quota / period > 1024 ? 1024 : quota / period);
}

static int fewer(int a, int b)
{
    return b > 0 && b < a ? b : a;
}

/* The group's quota and those of all above it. Inside a container the group's own path may not be visible; then
 * the mount point itself is what counts, and it is the last to be looked at. */
static int quota_cores(int most, const char *mount, const char *group, int version)
{
    char folder[TEXT + 64];
    snprintf(folder, sizeof folder, "%s%s", mount, group);
    size_t root = strlen(mount);
    for (;;) {
        most = fewer(most, group_cores(folder, version));
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash < folder + root)
            return most;
        *slash = '\0';
    }
}

/* Lines of /proc/self/cgroup: "0::/path" is the v2 group, "4:cpu,cpuacct:/path" a v1 group. */
static int cgroup_cores(int most)
{
    char text[TEXT];
    read_text("/proc/self/cgroup", text);
    char *rest = text;
    for (char *line; (line = strtok_r(rest, "\n", &rest)) != NULL;) {
        char *names = strchr(line, ':');
        char *group = names == NULL ? NULL : strchr(names + 1, ':');
        if (group == NULL)
            continue;
        *group++ = '\0';
        names++;
        if (names[0] == '\0')
            most = quota_cores(most, "/sys/fs/cgroup", group, 2);
        else if (strncmp(names, "cpu", 3) == 0 && (names[3] == '\0' || names[3] == ','))
            most = quota_cores(most, "/sys/fs/cgroup/cpu", group, 1);
    }
    return most;
}

int cpu_cores(void)
{
    return cgroup_cores(affinity_cores());
}
#else
int cpu_cores(void)
{
    return online_cores();
}
#endif
