// Attention backward: dq, dk, dv and dmask from q, k, v, o, its gradient and the log-sum-exp of
// every row.
//
// A task is one key head, or a part of its rows where there are few heads: it computes every tile
// of scores once for all gradients (five products), writes its rows of dq and sums dk and dv in
// memory of its own. A part is fixed by the shapes alone, and the parts of a head are added in
// their order: the number of threads never shows. bf16 is multiplied in pairs where the CPU can.
// Measured on two Zen 5 cores, forward and backward together, causal, with keys of size 64: for 256
// of them 377 GFLOP/s in f32 and 644 in bf16, for 1024 of them 420 and 797: 68, 58, 76 and 72 % of
// the peaks of that run.
#include "capus/attention.h"
#include "capus/threads.h"

#include <stdlib.h>

#include "attention_rows.h"

#define APUS_KERNELS "attention_backward.inc"
#include "every_isa.h"

// Tasks to aim for, and the fewest rows that are worth a part of their own.
enum { TASKS = 16, PART_ROWS = 256, SUM_SLOT = 3 };

typedef struct backward_job {
    attention_job job;
    const apus_array *g, *dq, *dk, *dv;
    float *dmask;
    int64_t parts, part_rows;   // of a head
    int64_t sum_floats;         // of a part: dk and dv
    float *sums;                // (heads of the call, parts, sum_floats), if parts > 1
} backward_job;

// A head whose rows are one part needs no memory beyond its own task.
static void whole_head(void *context, int64_t head, int32_t thread) {
    (void)thread;
    const backward_job *back = context;
    const attention_job *job = &back->job;
    int64_t b = head / job->heads, h = head % job->heads;
    float *sums = apus_scratch(1, (size_t)back->sum_floats * sizeof(float));
    APUS_BEST(backward_rows)(job, back->g, back->dq, back->dmask, b, h, 0, job->rows, sums);
    APUS_BEST(write_key_gradients)(job, sums, 1, 0, back->dk, back->dv, b, h, 0, job->tk);
}

static void head_part(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const backward_job *back = context;
    const attention_job *job = &back->job;
    int64_t head = task / back->parts;
    int64_t part = back->parts - 1 - task % back->parts;   // the heaviest first if causal
    int64_t first = part * back->part_rows, last = at_most(first + back->part_rows, job->rows);
    APUS_BEST(backward_rows)(job, back->g, back->dq, back->dmask, head / job->heads,
                             head % job->heads, first, last,
                             back->sums + (head * back->parts + part) * back->sum_floats);
}

static void add_parts(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const backward_job *back = context;
    const attention_job *job = &back->job;
    int64_t tiles = (job->tk + ATTENTION_KEYS - 1) / ATTENTION_KEYS, head = task / tiles;
    int64_t first = task % tiles * ATTENTION_KEYS, last = at_most(first + ATTENTION_KEYS, job->tk);
    const float *sums = back->sums + head * back->parts * back->sum_floats;
    APUS_BEST(write_key_gradients)(job, sums, back->parts, back->sum_floats, back->dk, back->dv,
                                   head / job->heads, head % job->heads, first, last);
}

void apus_attention_backward(const apus_attention *call, const apus_array *g, const float *lse,
                             const apus_array *dq, const apus_array *dk, const apus_array *dv,
                             float *dmask) {
    backward_job back = {.job = attention_job_of(call), .g = g, .dq = dq, .dk = dk, .dv = dv,
                         .dmask = dmask};
    attention_job *job = &back.job;
    job->lse = (float *)lse;
    int64_t heads = job->batch * job->heads;
    if (heads == 0) return;
    int64_t wanted = at_most((TASKS + heads - 1) / heads, (job->rows + PART_ROWS - 1) / PART_ROWS);
    back.part_rows = round_up((job->rows + wanted - 1) / at_least(wanted, 1), PART_ROWS / 4);
    back.parts = at_least((job->rows + back.part_rows - 1) / at_least(back.part_rows, 1), 1);
    back.sum_floats = APUS_BEST(sum_floats)(job);
    if (back.parts == 1) {
        apus_parallel(heads, whole_head, &back);
        return;
    }
    // Workers use slots 0 and 1, so the slot of this thread stays as it is until the end.
    size_t floats = (size_t)(heads * back.parts * back.sum_floats);
    back.sums = apus_scratch(SUM_SLOT, floats * sizeof(float));
    apus_parallel(heads * back.parts, head_part, &back);
    apus_parallel(heads * ((job->tk + ATTENTION_KEYS - 1) / ATTENTION_KEYS), add_parts, &back);
}
