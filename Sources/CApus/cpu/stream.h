// When results are written around the cache.
#ifndef STREAM_H
#define STREAM_H

#include "capus/base.h"

/// Whether `bytes` of operands far exceed the last-level cache: stores that go around it then spare reading
/// the lines that they overwrite.
static inline bool streams(int64_t bytes) { return bytes > 2 * apus_cpu_caches().l3; }

/// Bytes of an element.
static inline int64_t element_size(apus_dtype type) {
    return type == APUS_F32 || type == APUS_I32 ? 4 : type == APUS_BF16 || type == APUS_F16 ? 2 : 1;
}

/// How many tasks `rows` rows of `columns` elements make: about 64 KB each, at most a task a row.
static inline int64_t rows_a_task(int64_t rows, int64_t columns) {
    int64_t wanted = 1 + (1 << 14) / (columns + 1);
    return wanted < rows ? wanted : rows > 0 ? rows : 1;
}

#endif
