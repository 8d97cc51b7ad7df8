/* Asks the processor, and the operating system: a register that is not saved on a context switch is not there.
 *
 * This says what the processor can do. Whether it should is the same answer for all that are known: AVX-512
 * kernels full of fused multiply-adds gain more by the width than the first such processors lose in clock rate,
 * and those that split the registers in two lose nothing. */
#include "features.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <stdint.h>

/* XCR0: which register files the operating system saves. Callers have checked OSXSAVE. */
static uint64_t saved_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

unsigned cpu_features(void)
{
    enum { YMM = 0x06, ZMM = 0xe6 };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX) || !(c & bit_FMA))
        return 0;
    uint64_t saved = saved_state();
    if ((saved & YMM) != YMM || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2))
        return 0;
    const unsigned avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    return CPU_AVX2 | ((saved & ZMM) == ZMM && (b & avx512) == avx512 ? CPU_AVX512 : 0);
}

void cpu_brand(char *text, int size)
{
    unsigned words[12], a, b, c, d;
    char name[sizeof words + 1] = "x86";
    if (__get_cpuid(0x80000000u, &a, &b, &c, &d) && a >= 0x80000004u) {
        for (unsigned i = 0; i < 3; i++)
            __get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
        memcpy(name, words, sizeof words);
        name[sizeof words] = '\0';
    }
    const char *start = name + strspn(name, " ");
    int length = (int)strlen(start);
    while (length > 0 && start[length - 1] == ' ')
        length--;
    snprintf(text, (size_t)size, "%.*s", length, start);
}

#elif defined(__aarch64__)
#ifdef __linux__
#include <sys/auxv.h>
#endif

unsigned cpu_features(void)
{
#ifdef __linux__
    const unsigned long asimd = 1ul << 1; /* HWCAP_ASIMD */
    return getauxval(AT_HWCAP) & asimd ? CPU_NEON : 0;
#else
    return CPU_NEON; /* every other AArch64 system requires it */
#endif
}

void cpu_brand(char *text, int size)
{
    snprintf(text, (size_t)size, "AArch64");
}

#else

unsigned cpu_features(void)
{
    return 0;
}

void cpu_brand(char *text, int size)
{
    snprintf(text, (size_t)size, "unknown processor");
}

#endif
