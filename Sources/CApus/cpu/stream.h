// How passes over memory are cut into tasks, and when they write around the cache.
#ifndef STREAM_H
#define STREAM_H

#include "capus/base.h"

/// Whether `bytes` of operands far exceed the last-level cache: stores that go around it then spare
/// reading the lines that they overwrite.
static inline bool streams(int64_t bytes) { return bytes > 2 * apus_cpu_caches().l3; }

/// Bytes of an element.
static inline int64_t element_size(apus_dtype type) {
    return type == APUS_F32 || type == APUS_I32 ? 4 : type == APUS_BF16 || type == APUS_F16 ? 2 : 1;
}

/// Whether every row of `columns` elements of a type begins where a vector may be streamed to.
static inline bool rows_are_aligned(const void *p, apus_dtype type, int64_t columns) {
    return (intptr_t)p % 64 == 0 && columns * element_size(type) % 64 == 0;
}

/// How many rows make a task: about a sixteenth of all elements, but 2^13 to 2^16 of them, and at
/// least a row.
static inline int64_t rows_a_task(int64_t rows, int64_t columns) {
    int64_t elements = rows * columns / 16;
    elements = elements < 1 << 13 ? 1 << 13 : elements > 1 << 16 ? 1 << 16 : elements;
    int64_t wanted = 1 + elements / (columns + 1);
    return wanted < rows ? wanted : rows > 0 ? rows : 1;
}

#endif
