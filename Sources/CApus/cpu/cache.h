// How a cache of keys and values lies in memory, for its kernels.
//
// A slot's keys are panels of 16 tokens of one head: of channel 0 those of the 16 tokens side by
// side, of channel 1 and so on. A vector thus holds the same channel of neighbouring keys, and a
// dot product needs no sum over lanes. Values are rows of channels. In Q8_0 the scales, halves,
// stand after a panel's codes (blocks, 16), and after those of a head's values (capacity, blocks).
#ifndef CACHE_H
#define CACHE_H

#include "capus/cache.h"

enum {
    PANEL = 16,           // keys side by side
    CACHE_BLOCK = 32,     // channels with one scale
    BLOCK_KEYS = 256,     // keys whose softmax is taken at once
    TASK_ROWS = 64,       // rows of a task at most
};

static inline int64_t cache_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t cache_most(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t cache_parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

/// Bytes of a token's d channels in one head.
static inline int64_t cache_token_bytes(apus_cache_type type, int64_t d) {
    if (type == APUS_CACHE_Q8_0) return d + 2 * cache_parts(d, CACHE_BLOCK);
    return d * (type == APUS_CACHE_F32 ? 4 : 2);
}

/// The keys of one head from a token on, which is the first of a panel.
static inline uint8_t *cache_keys(const apus_cache *c, int64_t slot, int64_t head, int64_t token) {
    int64_t bytes = cache_token_bytes(c->type, c->d);
    return (uint8_t *)c->keys + slot * apus_cache_bytes(c->type, c->heads, c->capacity, c->d)
        + (head * c->capacity + token) * bytes;
}

/// Values of one head from a token on. Scales: Q8_0 only.
typedef struct cache_values { uint8_t *channels; uint16_t *scales; } cache_values;

static inline cache_values cache_values_at(const apus_cache *c, int64_t slot, int64_t head,
                                           int64_t token) {
    int64_t bytes = cache_token_bytes(c->type, c->dv), blocks = cache_parts(c->dv, CACHE_BLOCK);
    uint8_t *first = (uint8_t *)c->values
        + slot * apus_cache_bytes(c->type, c->heads, c->capacity, c->dv)
        + head * c->capacity * bytes;
    if (c->type != APUS_CACHE_Q8_0) return (cache_values){first + token * bytes, NULL};
    uint16_t *scales = (uint16_t *)(void *)(first + c->capacity * c->dv);
    return (cache_values){first + token * c->dv, scales + token * blocks};
}

#endif
