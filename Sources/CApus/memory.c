// The caching allocator. Size classes are powers of two in quarters (4, 5, 6, 7, 8, 10 and so on),
// so at most a fifth of a block is slack.
#include "capus/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { CLASSES = 256, HEADER = 64, HUGE = 2 << 20 };

// In front of every block, in its own cache line.
typedef struct block {
    struct block *next;
    size_t size;       // of the whole block, header included
    int32_t class;
} block;

static struct {
    pthread_mutex_t lock;
    block *free[CLASSES];
    apus_memory_statistics statistics;
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

// The class of a size and the class's own size: mantissa quarter and exponent.
static int32_t size_class(size_t bytes, size_t *size) {
    if (bytes < 256) bytes = 256;
    int exponent = 63 - __builtin_clzll(bytes - 1);
    size_t quarter = (size_t)1 << (exponent - 2);
    size_t steps = (bytes + quarter - 1) / quarter;   // 5 ... 8 (or 4 for 256 itself)
    *size = steps * quarter;
    return (int32_t)(exponent * 4 + (int)steps - 4);
}

/// A block of a class's size, for `used` bytes at first.
static block *new_block(size_t size, size_t used) {
    if (size < HUGE) return aligned_alloc(HEADER, size);
    // A whole number of huge pages, aligned: fewer page faults and TLB misses.
    size_t rounded = (size + HUGE - 1) / HUGE * HUGE;
    char *start = mmap(NULL, rounded + HUGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return NULL;
    char *aligned = (char *)(((uintptr_t)start + HUGE - 1) / HUGE * HUGE);
    if (aligned > start) munmap(start, (size_t)(aligned - start));
    size_t tail = (size_t)(start + HUGE - aligned);
    if (tail) munmap(aligned + rounded, tail);
    // What is less than a huge page at the end of the bytes in use stays in small ones: a model's
    // many weights would otherwise take a tenth more than they need.
    madvise(aligned, used / HUGE * HUGE, MADV_HUGEPAGE);
    return (block *)aligned;
}

static void release(block *b) {
    if (b->size < HUGE) free(b);
    else munmap(b, (b->size + HUGE - 1) / HUGE * HUGE);
}

void *apus_memory_allocate(size_t bytes) {
    if (bytes > (size_t)1 << 46) return NULL;
    size_t size;
    int32_t class = size_class(bytes + HEADER, &size);
    pthread_mutex_lock(&memory.lock);
    block *b = memory.free[class];
    if (b) {
        memory.free[class] = b->next;
        memory.statistics.cached -= (int64_t)size;
    } else {
        b = new_block(size, bytes + HEADER);
        if (b) *b = (block){.size = size, .class = class};
        memory.statistics.system_requests++;
    }
    if (b) {
        apus_memory_statistics *s = &memory.statistics;
        s->in_use += (int64_t)size;
        if (s->in_use > s->peak) s->peak = s->in_use;
    }
    pthread_mutex_unlock(&memory.lock);
    return b ? (char *)b + HEADER : NULL;
}

void apus_memory_free(void *data) {
    if (!data) return;
    block *b = (block *)((char *)data - HEADER);
    pthread_mutex_lock(&memory.lock);
    b->next = memory.free[b->class];
    memory.free[b->class] = b;
    memory.statistics.in_use -= (int64_t)b->size;
    memory.statistics.cached += (int64_t)b->size;
    pthread_mutex_unlock(&memory.lock);
}

apus_memory_statistics apus_memory_get_statistics(void) {
    pthread_mutex_lock(&memory.lock);
    apus_memory_statistics s = memory.statistics;
    pthread_mutex_unlock(&memory.lock);
    return s;
}

void apus_memory_trim(void) {
    pthread_mutex_lock(&memory.lock);
    for (int i = 0; i < CLASSES; i++)
        for (block *b; (b = memory.free[i]);) {
            memory.free[i] = b->next;
            memory.statistics.cached -= (int64_t)b->size;
            release(b);
        }
    pthread_mutex_unlock(&memory.lock);
}
