// Attention of a few rows: bound by the memory that k and v come from, so they are read once, for
// all query heads of a key head. The keys of a head are split where there are few heads; the shapes
// alone decide how, and the parts are joined in their order. Measured on two Zen 5 cores with 4096
// keys of size 128: 47 GB/s in f32, 53 GB/s in bf16, as fast as memory reads.
#include "attention_decode.h"
#include "capus/threads.h"

#define DECODE_ROWS 8

#define APUS_KERNELS "attention_decode.inc"
#include "every_isa.h"

// Tasks to aim for, and the fewest keys that are worth one.
enum { TASKS = 32, SPLIT_KEYS = 512, PARTIAL_SLOT = 3 };

typedef struct decode_job {
    const attention_job *job;
    int64_t first, last;          // keys that some row sees
    int64_t splits, split_keys;   // of a head
    int64_t partial_floats;
    float *partials;              // (heads of the call, splits, partial_floats)
} decode_job;

static void decode_split(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const decode_job *decode = context;
    const attention_job *job = decode->job;
    int64_t head = task / decode->splits, split = task % decode->splits;
    int64_t first = decode->first + split * decode->split_keys;
    int64_t last = at_most(first + decode->split_keys, decode->last);
    APUS_BEST(decode_rows)(job, head / job->heads, head % job->heads, first, last,
                           decode->partials + task * decode->partial_floats);
}

static void join_head(void *context, int64_t head, int32_t thread) {
    (void)thread;
    const decode_job *decode = context;
    const attention_job *job = decode->job;
    APUS_BEST(join)(job, head / job->heads, head % job->heads,
                    decode->partials + head * decode->splits * decode->partial_floats,
                    decode->splits);
}

bool attention_decodes(const attention_job *job) {
    bool contiguous = job->call->k.strides[3] == 1 && job->call->v.strides[3] == 1;
    return contiguous && job->rows >= 1 && job->rows <= APUS_BEST(decode_limit)();
}

void attention_decode(const attention_job *job) {
    int64_t heads = job->batch * job->heads;
    decode_job decode = {.job = job, .first = job->tk, .last = 0};
    for (int64_t row = 0; row < job->rows; row++) {
        key_range keys = keys_of(job, query_of(job, row));
        decode.first = at_most(decode.first, keys.first);
        decode.last = at_least(decode.last, keys.last);
    }
    decode.first = at_most(decode.first, decode.last);
    int64_t keys = decode.last - decode.first;
    int64_t splits = at_most((TASKS + heads - 1) / at_least(heads, 1),
                             (keys + SPLIT_KEYS - 1) / SPLIT_KEYS);
    decode.split_keys = round_up((keys + at_least(splits, 1) - 1) / at_least(splits, 1), 16);
    decode.splits = keys > 0 ? (keys + decode.split_keys - 1) / decode.split_keys : 1;
    decode.partial_floats = APUS_BEST(partial_floats)(job);
    // Workers use slot 0 only, so this thread's slot stays as it is until the end.
    size_t floats = (size_t)(heads * decode.splits * decode.partial_floats);
    decode.partials = apus_scratch(PARTIAL_SLOT, floats * sizeof(float));
    apus_parallel(heads * decode.splits, decode_split, &decode);
    apus_parallel(heads, join_head, &decode);
}
