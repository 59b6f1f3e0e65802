// Scaled dot-product attention, forward and backward, in cache-sized tiles: the scores are never
// stored whole.
#ifndef CAPUS_ATTENTION_H
#define CAPUS_ATTENTION_H

#include "base.h"

/// o = softmax(s) v, with scores s = q k^T scale.
///   arrays     q (b, hq, tq, d), k (b, hk, tk, d), v (b, hk, tk, dv), o (b, hq, tq, dv): strided,
///              of one float type. Query head h uses key head h / (hq / hk).
///   softcap    s = softcap tanh(s / softcap); 0: none.
///   mask       (b, hq, tq, tk) with broadcast strides, or NULL: added to s if float, kept where
///              true if bool.
///   causal     key j is visible to query i if j <= i + causal_offset.
///   window     > 0: and if j > i + causal_offset - window.
/// A row without any visible key gives zeros.
typedef struct apus_attention {
    apus_array q, k, v, o;
    const apus_array *mask;
    float scale, softcap;
    bool causal;
    int64_t causal_offset, window;
} apus_attention;

/// Writes o, and the log-sum-exp of every row in lse (b, hq, tq) f32 contiguous if it is not NULL.
void apus_attention_forward(const apus_attention *call, float *lse);
/// g like o; dq, dk, dv like q, k, v (strided, same type); dmask (b, hq, tq, tk), contiguous f32,
/// or NULL.
void apus_attention_backward(const apus_attention *call, const apus_array *g, const float *lse,
                             const apus_array *dq, const apus_array *dk, const apus_array *dv,
                             float *dmask);
/// The name of the kernel that the forward pass would choose, for benchmarks.
const char *apus_attention_kernel(const apus_attention *call);

#endif
