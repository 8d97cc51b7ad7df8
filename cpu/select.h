/* Which table of kernels this process uses. */
#ifndef CPU_SELECT_H
#define CPU_SELECT_H

#include "kernels.h"

/* The best table that was built, that the processor can run, and that the environment's SOCLE_CPU_ISA allows: it
 * names the best one to be considered. ERR_ARG for a name that was not built. */
socle_status cpu_select(const struct cpu_kernels **out);

#endif
