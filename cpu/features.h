/* What this processor can do, and what the user allows. */
#ifndef CPU_FEATURES_H
#define CPU_FEATURES_H

/* What a table of kernels may need. A bit is set when the processor has it and the operating system saves its
 * registers. */
enum {
    CPU_AVX2 = 1,        /* with FMA */
    CPU_AVX512 = 1 << 1, /* F, BW, DQ and VL */
    CPU_NEON = 1 << 2
};

unsigned cpu_features(void);
/* The processor's own name for itself, "AMD EPYC"; cut to fit. */
void cpu_brand(char *text, int size);

#endif
