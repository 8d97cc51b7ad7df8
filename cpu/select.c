/* The only place that asks what the processor can do before it picks code. Best first. */
#include "select.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "features.h"

static const struct {
    unsigned needs;
    const struct cpu_kernels *kernels;
} tables[] = {
#ifdef SOCLE_HAVE_ISA_AVX512
    { CPU_AVX512, &socle_cpu_avx512 },
#endif
#ifdef SOCLE_HAVE_ISA_AVX2
    { CPU_AVX2, &socle_cpu_avx2 },
#endif
#ifdef SOCLE_HAVE_ISA_NEON
    { CPU_NEON, &socle_cpu_neon },
#endif
    { 0, &socle_cpu_scalar },
};
enum { TABLES = sizeof tables / sizeof tables[0] };

static socle_status unknown_isa(const char *cap)
{
    char names[64] = "";
    for (int i = 0, used = 0; i < TABLES && used < (int)sizeof names; i++)
        used +=
            snprintf(names + used, sizeof names - (size_t)used, "%s%s", i > 0 ? ", " : "", tables[i].kernels->name);
    return socle_fail(SOCLE_ERR_ARG, "SOCLE_CPU_ISA is \"%.32s\"; this build has %s", cap, names);
}

socle_status cpu_select(const struct cpu_kernels **out)
{
    const char *cap = getenv("SOCLE_CPU_ISA");
    unsigned can = cpu_features();
    bool allowed = cap == NULL || cap[0] == '\0';
    const struct cpu_kernels *best = NULL;
    for (int i = 0; i < TABLES; i++) {
        allowed = allowed || strcmp(cap, tables[i].kernels->name) == 0;
        if (allowed && best == NULL && (tables[i].needs & ~can) == 0)
            best = tables[i].kernels;
    }
    if (best == NULL)
        return unknown_isa(cap);
    *out = best;
    return SOCLE_OK;
}
