// Attention forward: o = softmax(q k^T scale) v without ever storing the scores whole.
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
    int64_t heads = job->batch * job->heads, head = task % heads, block = blocks - 1 - task / heads;
    int64_t first = block * ATTENTION_ROWS, last = at_most(first + ATTENTION_ROWS, job->rows);
    APUS_BEST(attend_rows)(job, head / job->heads, head % job->heads, first, last);
}

void apus_attention_forward(const apus_attention *call, float *lse) {
    attention_job job = attention_job_of(call);
    job.lse = lse;
    if (attention_decode(&job)) return;
    int64_t blocks = (job.rows + ATTENTION_ROWS - 1) / ATTENTION_ROWS;
    apus_parallel(job.batch * job.heads * blocks, attend, &job);
}

const char *apus_attention_kernel(const apus_attention *call) {
    (void)call;
    return apus_isa_name(apus_cpu_isa());
}
