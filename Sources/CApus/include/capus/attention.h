// Scaled dot-product attention, forward and backward, in cache-sized tiles: the scores are never
// stored whole.
#ifndef CAPUS_ATTENTION_H
#define CAPUS_ATTENTION_H

#include "base.h"

/// q (b, hq, tq, d), k (b, hk, tk, d), v (b, hk, tk, dv), o (b, hq, tq, dv): strided, of one float
/// type. Query head h uses key head h / (hq / hk). scores = q k^T scale; softcap: s = softcap
/// tanh(s / softcap) (0: none); mask, added if float and kept where true if bool, is a (b, hq, tq,
/// tk) array with broadcast strides or NULL; key j is visible to query i if j <= i + causal_offset
/// (when causal) and j > i + causal_offset - window (when window > 0). A row without any visible
/// key gives zeros.
typedef struct apus_attention {
    apus_array q, k, v, o;
    const apus_array *mask;
    float scale, softcap;
    bool causal;
    int64_t causal_offset, window;
} apus_attention;

/// Writes o, and the log-sum-exp of every row in lse (b, hq, tq) f32 contiguous if it is not NULL.
void apus_attention_forward(const apus_attention *call, float *lse);
/// g like o. dq, dk, dv like q, k, v (strided, same type); dmask (b, hq, tq, tk) contiguous f32, or
/// NULL.
void apus_attention_backward(const apus_attention *call, const apus_array *g, const float *lse,
                             const apus_array *dq, const apus_array *dk, const apus_array *dv,
                             float *dmask);
const char *apus_attention_kernel(const apus_attention *call);

#endif
