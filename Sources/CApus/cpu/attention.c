// Attention forward: o = softmax(q k^T scale) v without ever storing the scores whole.
//
// A task is up to ATTENTION_ROWS rows of one key head. Its rows lie along the vector lanes, WIDTH
// of them a panel; keys come in tiles of ATTENTION_KEYS that stay in the level-2 cache while every
// panel passes over them. Tiles that no row of a panel sees are skipped. What bounds it is the
// multiply-adds: d + dv of them a visible score, against some 15 instructions a vector of scores
// for the softmax. Measured on two Zen 5 cores with 4096 keys of size 40, and 1024 of 64 and 128:
// 445 to 455 GFLOP/s in f32 and 805 to 880 in bf16, 81 to 83 and 73 to 80 % of the peaks of that
// run. Few rows go to attention_decode.c.
#include "capus/attention.h"
#include "capus/threads.h"

#include "attention_decode.h"

#define APUS_KERNELS "attention.inc"
#include "every_isa.h"

// Rows of the last tasks see the most keys when causal, so they go first: threads then end
// together.
static void attend(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const attention_job *job = context;
    int64_t blocks = (job->rows + ATTENTION_ROWS - 1) / ATTENTION_ROWS;
    int64_t head = task / blocks, block = blocks - 1 - task % blocks;
    int64_t first = block * ATTENTION_ROWS, last = at_most(first + ATTENTION_ROWS, job->rows);
    APUS_BEST(attend_rows)(job, head / job->heads, head % job->heads, first, last);
}

void apus_attention_forward(const apus_attention *call, float *lse) {
    attention_job job = attention_job_of(call);
    job.lse = lse;
    if (attention_decodes(&job)) return attention_decode(&job);
    int64_t blocks = (job.rows + ATTENTION_ROWS - 1) / ATTENTION_ROWS;
    apus_parallel(job.batch * job.heads * blocks, attend, &job);
}

const char *apus_attention_kernel(const apus_attention *call) {
    attention_job job = attention_job_of(call);
    if (attention_decodes(&job)) return "few rows, keys split";
    bool pairs = call->k.dtype == APUS_BF16 && apus_cpu_isa() == APUS_ISA_AVX512;
    return pairs ? "tiles of bf16 dot products" : "tiles of f32 products";
}
