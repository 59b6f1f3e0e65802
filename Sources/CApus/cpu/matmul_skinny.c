// Matrix products of few rows (see matmul_skinny.inc): tasks are columns. Of the bandwidth with
// which both cores read memory (50 to 60 GB/s), with weights (4096, 4096): one and eight f32 rows
// read them at 75 and 55 GB/s, of bf16, of which the last-level cache keeps most, at 145 and 57.
#include "matmul_parts.h"

#include "capus/threads.h"

enum { ROWS, ROW_SUMS };   // scratch slots
enum { SKINNY_SPAN = 24, SKINNY_ROOM = 32 };   // columns whose sums are kept at a time, and room

#define APUS_KERNELS "matmul_skinny.inc"
#include "every_isa.h"

typedef struct skinny_job {
    gemm_block whole;
    int64_t chunk;         // columns of a task
    const uint32_t *x;     // (m, x_row): a in units
    int64_t x_row;
    void (*compute)(const gemm_block *, const uint32_t *, int64_t);
    void (*compute_wide)(const gemm_block *, const uint32_t *, int64_t, float *, int64_t);
} skinny_job;

static void skinny_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const skinny_job *job = context;
    const gemm_block *t = &job->whole;
    int64_t end = least((task + 1) * job->chunk, t->b.lines);
    gemm_block block = apus_matmul_part_of(t, 0, t->a.lines, task * job->chunk, end);
    if (block.b.k_stride == 1) {
        job->compute(&block, job->x, job->x_row);
        return;
    }
    int64_t sums_row = parts(job->chunk, 64) * 64 + 64;   // whole vectors of columns may be more
    float *sums = apus_scratch(ROW_SUMS, (size_t)(parts(block.a.lines, 8) * 8 * sums_row) * 4);
    job->compute_wide(&block, job->x, job->x_row, sums, sums_row);
}

void apus_matmul_skinny(const gemm_product *product, int64_t entry) {
    const apus_matmul *call = &product->call;
    gemm_shape shape = APUS_BEST(skinny_shape);
    gemm_blocking all = {.m = call->m, .n = call->n, .k = call->k};
    skinny_job job = {.whole = apus_matmul_part(product, entry, 0, 0, 0, all, shape),
        .compute = APUS_BEST(skinny_block), .compute_wide = APUS_BEST(skinny_wide_block)};
    job.x_row = parts(job.whole.a.units, 16) * 16;
    uint32_t *x = apus_scratch(ROWS, (size_t)(parts(call->m, 8) * 8 * job.x_row * 4));
    APUS_BEST(skinny_pack)(call->type, &job.whole.a, x, job.x_row);
    job.x = x;
    job.chunk = parts(parts(call->n, 8 * apus_thread_count()), SKINNY_SPAN) * SKINNY_SPAN;
    int64_t tasks = parts(call->n, job.chunk);
    if (call->n * call->k >= 1 << 15) apus_parallel(tasks, skinny_task, &job);
    else for (int64_t task = 0; task < tasks; task++) skinny_task(&job, task, 0);
}

