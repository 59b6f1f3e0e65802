// The CPU's caching allocator: a freed block serves the next request of its size class, so that a
// step in steady state asks the system for nothing and pays no page fault.
#ifndef CAPUS_MEMORY_H
#define CAPUS_MEMORY_H

#include "base.h"

/// At least `bytes` bytes, aligned to 64 (large blocks begin 64 bytes into a huge page), contents
/// undefined; NULL when the system refuses.
void *apus_memory_allocate(size_t bytes);
void apus_memory_free(void *block);

typedef struct apus_memory_statistics {
    int64_t in_use, peak, cached;   // bytes: held by tensors, the most ever, kept for reuse
    int64_t system_requests;        // blocks asked of the system so far
} apus_memory_statistics;
apus_memory_statistics apus_memory_get_statistics(void);

/// Gives what is cached back to the system.
void apus_memory_trim(void);

/// Has the system map the pages of a file that hold some bytes, where it would else be asked for
/// every few of them when they are read. All threads take part.
void apus_map_pages(const void *start, size_t bytes);

/// From now on, who reads pages of a mapped file that is cut short ends the process with a message
/// on standard error and exit code 1 instead of a SIGBUS; until it is forgotten.
void apus_watch_mapped_file(const void *start, size_t bytes, const char *message);
void apus_forget_mapped_file(const void *start);

#endif
