// Which instruction set the kernels use, and the caches they block for.
#include "capus/base.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>

static bool bit(unsigned value, int index) { return value >> index & 1; }

// What the CPU offers and the system saves at a context switch (XCR0).
static apus_isa best_isa(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return APUS_ISA_PORTABLE;
    if (!bit(c, 27) || !bit(c, 12) || !bit(c, 29)) return APUS_ISA_PORTABLE;    // osxsave fma f16c
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    unsigned b7, c7, max_subleaf, a1 = 0;
    if ((low & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &max_subleaf, &b7, &c7, &d))
        return APUS_ISA_PORTABLE;
    if (!bit(b7, 5)) return APUS_ISA_PORTABLE;                                  // avx2
    if (max_subleaf >= 1) __get_cpuid_count(7, 1, &a1, &b, &c, &d);
    bool avx512 = (low & 0xe6) == 0xe6 && bit(b7, 16) && bit(b7, 17)            // f dq
        && bit(b7, 30) && bit(b7, 31) && bit(c7, 11) && bit(a1, 5);             // bw vl vnni bf16
    return avx512 ? APUS_ISA_AVX512 : APUS_ISA_AVX2;
}
#elif defined(__aarch64__)
static apus_isa best_isa(void) { return APUS_ISA_NEON; }
#else
static apus_isa best_isa(void) { return APUS_ISA_PORTABLE; }
#endif

const char *apus_isa_name(apus_isa isa) {
    static const char *const names[] = {"portable", "neon", "avx2", "avx512"};
    return names[isa];
}

// APUS_ISA can only lower what the CPU has.
static apus_isa choose_isa(void) {
    apus_isa best = best_isa();
    const char *wish = getenv("APUS_ISA");
    for (apus_isa isa = APUS_ISA_PORTABLE; wish && isa <= best; isa++) {
        bool foreign = isa == APUS_ISA_NEON && best != APUS_ISA_NEON;
        if (!foreign && strcmp(wish, apus_isa_name(isa)) == 0) return isa;
    }
    return best;
}

apus_isa apus_cpu_isa(void) {
    static int chosen = -1;   // every thread that races here finds the same answer
    int isa = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (isa < 0) __atomic_store_n(&chosen, isa = choose_isa(), __ATOMIC_RELAXED);
    return (apus_isa)isa;
}

// The caches of the first processor as the kernel lists them. sysconf counts the last level of a
// whole server chip, of which a virtual machine or a core complex sees only a part.
static int64_t listed_cache(int level) {
    for (int index = 0; index < 8; index++) {
        char path[96], text[32] = "";
        static const char *const fields[] = {"level", "size", "type"};
        int64_t values[2] = {0};
        for (int field = 0; field < 3; field++) {
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index,
                     fields[field]);
            FILE *file = fopen(path, "re");
            if (!file) return 0;
            char *end = fgets(text, sizeof text, file);
            fclose(file);
            if (end && field < 2) {
                values[field] = strtoll(text, &end, 10);
                if (*end == 'K') values[field] <<= 10;
                if (*end == 'M') values[field] <<= 20;
            }
        }
        if (values[0] == level && text[0] != 'I') return values[1];   // not Instruction
    }
    return 0;
}

static int64_t cache_size(int level, int name, int64_t otherwise) {
    long size = listed_cache(level);
    if (size <= 0) size = sysconf(name);
    return size > 0 ? size : otherwise;
}

static apus_caches caches;

static void find_caches(void) {
    caches = (apus_caches){
        .l1 = cache_size(1, _SC_LEVEL1_DCACHE_SIZE, 32 << 10),
        .l2 = cache_size(2, _SC_LEVEL2_CACHE_SIZE, 1 << 20),
        .l3 = cache_size(3, _SC_LEVEL3_CACHE_SIZE, 16 << 20),
    };
}

apus_caches apus_cpu_caches(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_caches);
    return caches;
}
