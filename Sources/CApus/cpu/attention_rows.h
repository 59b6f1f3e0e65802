// What the attention kernels share: a call seen as rows of queries against keys.
//
// The query heads that use one key head stand together: row r of key head h is query r / group of
// query head h group + r % group, so that neighbouring rows see almost the same keys. Every row
// sees the keys of one range (causal and window), less those that a mask takes away.
#ifndef ATTENTION_ROWS_H
#define ATTENTION_ROWS_H

#include "capus/attention.h"

// Keys of a tile; rows of a task at most.
enum { ATTENTION_KEYS = 128, ATTENTION_ROWS = 128 };

#define LOG2E 0x1.715476p0f
#define LN2 0x1.62e430p-1f

typedef struct attention_job {
    const apus_attention *call;
    int64_t batch, heads, group, tq, tk, d, dv;   // heads: of k and v; group: query heads of each
    int64_t rows;                                 // group tq
    // Scores in units of log 2 are the products times factor, and no more than that if plain, but
    // with a softcap factor is what its hyperbolic tangent is taken of.
    float factor;
    bool plain;
    float *lse;                                   // (b, hq, tq)
} attention_job;

static inline attention_job attention_job_of(const apus_attention *call) {
    const apus_array *q = &call->q, *k = &call->k, *v = &call->v;
    int64_t group = k->shape[1] > 0 ? q->shape[1] / k->shape[1] : 0;
    bool capped = call->softcap != 0;
    float factor = capped ? call->scale / call->softcap : call->scale * LOG2E;
    return (attention_job){
        .factor = factor, .plain = !capped && !call->mask && factor > 0,
        .call = call, .batch = q->shape[0], .heads = k->shape[1], .group = group, .tq = q->shape[2],
        .tk = k->shape[2], .d = q->shape[3], .dv = v->shape[3], .rows = group * q->shape[2],
    };
}

static inline int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

static inline int64_t query_of(const attention_job *job, int64_t row) { return row / job->group; }
static inline int64_t head_of(const attention_job *job, int64_t h, int64_t row) {
    return h * job->group + row % job->group;
}
/// The row's place in (b, hq, tq).
static inline int64_t place_of(const attention_job *job, int64_t b, int64_t h, int64_t row) {
    return (b * job->heads * job->group + head_of(job, h, row)) * job->tq + query_of(job, row);
}

static inline int64_t element_bytes(apus_dtype type) {
    return type == APUS_F32 ? 4 : type == APUS_BF16 || type == APUS_F16 ? 2 : 1;
}
static inline void *row_at(const apus_array *x, int64_t b, int64_t head, int64_t t) {
    int64_t offset = b * x->strides[0] + head * x->strides[1] + t * x->strides[2];
    return (char *)x->data + offset * element_bytes(x->dtype);
}

/// The keys first ..< last that causality and window leave to a query.
typedef struct key_range { int64_t first, last; } key_range;
static inline key_range keys_of(const attention_job *job, int64_t query) {
    const apus_attention *call = job->call;
    const int64_t far = 1ll << 40;
    int64_t at = query + at_most(at_least(call->causal_offset, -far), far);
    key_range keys = {0, job->tk};
    if (call->causal) keys.last = at_most(job->tk, at_least(at + 1, 0));
    if (call->window > 0) keys.first = at_least(at - at_most(call->window, far) + 1, 0);
    keys.first = at_most(keys.first, keys.last);
    return keys;
}

#endif
