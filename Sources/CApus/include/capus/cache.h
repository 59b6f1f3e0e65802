// The keys and values that a language model keeps of its sequences, and attention over them.
#ifndef CAPUS_CACHE_H
#define CAPUS_CACHE_H

#include "base.h"

/// Q8_0: int8 with a half for a scale for every 32 channels of a token.
typedef enum apus_cache_type : int32_t { APUS_CACHE_F32, APUS_CACHE_F16, APUS_CACHE_Q8_0 }
    apus_cache_type;

/// Keys and values of a layer: slots, one a sequence, of `heads` heads of `capacity` tokens (a
/// multiple of APUS_CACHE_TOKENS) with d channels of keys and dv of values.
typedef struct apus_cache {
    apus_cache_type type;
    int64_t heads, capacity, d, dv;
    void *keys, *values;   // slots apus_cache_bytes(…, d) and (…, dv) apart
} apus_cache;

enum { APUS_CACHE_TOKENS = 64 };

/// Bytes of the keys (d channels) or values of a slot.
int64_t apus_cache_bytes(apus_cache_type type, int64_t heads, int64_t capacity, int64_t d);

/// Consecutive tokens of one sequence: rows row ..< row + count of a call are the tokens position
/// ..< position + count of a slot.
typedef struct apus_run { int64_t row, count, slot, position; } apus_run;

/// cos, sin (rows, dims / 2): how far each row's queries and keys rotate (see rope.h); NULL: not.
typedef struct apus_rotation {
    const float *cos, *sin;
    int64_t dims;
    bool interleaved;
} apus_rotation;

/// k (rows, heads d), v (rows, heads dv) f32, rows k_row and v_row apart. Either may be NULL in
/// apus_cache_read.
typedef struct apus_cache_rows {
    float *k, *v;
    int64_t k_row, v_row;
} apus_cache_rows;

/// Puts keys, rotated, and values of runs into the cache.
void apus_cache_write(const apus_cache *cache, int64_t count, const apus_run *runs,
                      const apus_cache_rows *rows, const apus_rotation *rotation);

/// The keys and values of runs as the cache has them, as f32.
void apus_cache_read(const apus_cache *cache, int64_t count, const apus_run *runs,
                     const apus_cache_rows *rows);

/// Copies the first `tokens` tokens of a slot to another.
void apus_cache_copy(const apus_cache *cache, int64_t from, int64_t to, int64_t tokens);

/// o = softmax(s) v, s = q k^T scale, of runs whose keys and values are in the cache: a row sees
/// the keys of its slot up to its own position, with a window > 0 only so many of them.
///     q          (rows, group heads d) f32, rows q_row apart; rotated on the way. Query head h
///                uses key head h / group
///     softcap    s = softcap tanh(s / softcap); 0: none
///     o          (rows, group heads dv) f32, rows o_row apart
/// The bits of a row of o do not depend on the other rows, nor on the number of threads.
typedef struct apus_cache_attention {
    int64_t group;
    const float *q;
    int64_t q_row;
    apus_rotation rotation;
    float scale, softcap;
    int64_t window;
    float *o;
    int64_t o_row;
} apus_cache_attention;

void apus_cache_attend(const apus_cache *cache, int64_t count, const apus_run *runs,
                       const apus_cache_attention *call);

#endif
