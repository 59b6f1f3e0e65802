// Rotary position embedding: a pass over memory. A task is a stretch of positions of a few heads:
// long enough runs for the prefetchers, while the cosines and sines of the stretch stay in the
// level-2 cache. Two Zen 5 cores read and write (32, 1024, 128) f32 at 70 to 140 GB/s, depending on
// what of it the last-level cache holds.
#include "capus/rope.h"
#include "capus/threads.h"

enum { STRETCH = 256, TASK_ELEMENTS = 32768 };

typedef struct rope_job {
    const apus_array *x, *y;
    const float *cos, *sin;                // (b or 1, t, dims / 2)
    bool per_batch, interleaved, inverse;
    int64_t dims, stretches, heads;        // stretches of positions; heads of a task
} rope_job;

#define APUS_KERNELS "rope.inc"
#include "every_isa.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Tasks are (b, heads, stretch), the stretch outermost: neighbours share its cosines.
static void rope_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const rope_job *job = context;
    int64_t heads = job->x->shape[1], blocks = (heads + job->heads - 1) / job->heads;
    int64_t b = task / (blocks * job->stretches), rest = task % (blocks * job->stretches);
    int64_t h = rest % blocks * job->heads, first = rest / blocks * STRETCH;
    int64_t last = least(first + STRETCH, job->x->shape[2]);
    float *row = apus_scratch(0, (size_t)job->x->shape[3] * sizeof(float));
    for (int64_t end = least(h + job->heads, heads); h < end; h++)
        APUS_BEST(rope_positions)(job, b, h, first, last, row);
}

void apus_rope(const apus_array *x, const float *cos, const float *sin, bool per_batch,
               int64_t dims, bool interleaved, bool inverse, const apus_array *y) {
    int64_t positions = x->shape[2], elements = least(positions, STRETCH) * x->shape[3];
    if (elements == 0 || x->shape[1] == 0) return;
    rope_job job = {
        .x = x, .y = y, .cos = cos, .sin = sin, .per_batch = per_batch, .interleaved = interleaved,
        .inverse = inverse, .dims = dims, .stretches = (positions + STRETCH - 1) / STRETCH,
        .heads = least(x->shape[1], (TASK_ELEMENTS + elements - 1) / elements),
    };
    int64_t blocks = (x->shape[1] + job.heads - 1) / job.heads;
    apus_parallel(x->shape[0] * blocks * job.stretches, rope_task, &job);
}
