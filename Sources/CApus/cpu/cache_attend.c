// Attention of new tokens over the cache, for few rows and many.
//
// A task is up to 64 rows of a key head: neighbouring queries of the heads that share it. Keys come
// in blocks of 256, counted from the start of the slot. The softmax of a block is taken at once,
// and blocks are joined in their order; a score is one chain over the channels, and a block's
// output one over its keys. So a row's bits depend on nothing but its own keys, whether a token
// comes alone or with its prompt. Where there are few tasks, every block is one, and is joined
// afterwards.
//
// Few rows read the cache as it is, converting on the way; many first turn a block into floats that
// stay in the level-2 cache.
#include "cache.h"
#include "capus/threads.h"

#include <math.h>

#define LOG2E 0x1.715476p0f

enum { FEW_ROWS = 12, TASKS = 32, PARTIALS = 1 };   // PARTIALS: a scratch slot

// One run of the call, and where its tasks and partial results begin.
typedef struct attend_run {
    apus_run run;
    int64_t rows;             // group count
    int64_t row_tasks;        // of TASK_ROWS rows
    int64_t first, blocks;    // blocks of keys that the run sees
    int64_t task, partial;
} attend_run;

typedef struct attend_job {
    const apus_cache *cache;
    const apus_cache_attention *call;
    const attend_run *runs;
    int64_t run_count;
    float factor;             // scores in units of log 2; with a softcap, its tanh's argument
    int64_t d, dv;            // dv: up to a multiple of 16, as in scratch
    bool split;               // each block is a task
    float *partials;          // (rows of all heads and runs, blocks) of 2 + dv floats
} attend_job;

// Scratch of a task: q (TASK_ROWS, d), s (TASK_ROWS, BLOCK_KEYS), two states, a block in floats.
typedef struct attend_state { float *top, *sum, *o; } attend_state;   // (rows), (rows), (rows, dv)
typedef struct attend_scratch {
    float *q, *s, *keys, *values;
    attend_state block, total;
} attend_scratch;

static int64_t state_floats(int64_t rows, int64_t dv) { return rows * (2 + dv); }
static attend_state state_at(float *at, int64_t rows) {
    return (attend_state){at, at + rows, at + 2 * rows};
}

/// The keys first ..< last that a query sees.
static int64_t first_key(const attend_job *job, int64_t position) {
    int64_t window = job->call->window;
    return window > 0 && position >= window ? position - window + 1 : 0;
}

#define APUS_KERNELS "cache_attend.inc"
#include "every_isa.h"

static attend_scratch scratch_of(const attend_job *job) {
    enum { PAD = 64 };   // kernels write whole vectors
    int64_t d = job->d, dv = job->dv;
    int64_t sizes[] = {
        TASK_ROWS * d, TASK_ROWS * BLOCK_KEYS, BLOCK_KEYS * d, BLOCK_KEYS * job->cache->dv,
        state_floats(TASK_ROWS, dv), state_floats(TASK_ROWS, dv),
    };
    float *at[6];
    int64_t floats = 0;
    for (int i = 0; i < 6; i++) floats += cache_parts(sizes[i] + PAD, 16) * 16;
    at[0] = apus_scratch(0, (size_t)floats * sizeof(float));
    for (int i = 1; i < 6; i++) at[i] = at[i - 1] + cache_parts(sizes[i - 1] + PAD, 16) * 16;
    return (attend_scratch){at[0], at[1], at[2], at[3], state_at(at[4], TASK_ROWS),
                            state_at(at[5], TASK_ROWS)};
}

static const attend_run *run_of_task(const attend_job *job, int64_t task) {
    const attend_run *run = job->runs;
    for (int64_t i = 1; i < job->run_count && job->runs[i].task <= task; i++) run++;
    return run;
}

// Tasks of a run are (head, rows, block), or (head, rows) from the last rows on, which see the most
// keys.
static void attend_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const attend_job *job = context;
    const attend_run *run = run_of_task(job, task);
    attend_scratch scratch = scratch_of(job);
    int64_t rest = task - run->task, block = 0;
    if (job->split) {
        block = rest % run->blocks;
        rest /= run->blocks;
    }
    int64_t head = rest / run->row_tasks;
    int64_t part = run->row_tasks - 1 - rest % run->row_tasks;
    int64_t row = part * TASK_ROWS, rows = cache_least(run->rows - row, TASK_ROWS);
    if (job->split) {
        int64_t at = (head * run->rows + row) * run->blocks + block * rows;
        float *to = job->partials + run->partial + at * (2 + job->dv);
        scratch.block = state_at(to, rows);
    }
    APUS_BEST(attend_rows)(job, run, head, row, rows, block, &scratch);
}

static void join_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const attend_job *job = context;
    const attend_run *run = job->runs;
    for (int64_t tasks; task >= (tasks = job->cache->heads * run->row_tasks); run++) task -= tasks;
    attend_scratch scratch = scratch_of(job);
    int64_t head = task / run->row_tasks, row = task % run->row_tasks * TASK_ROWS;
    int64_t rows = cache_least(run->rows - row, TASK_ROWS);
    APUS_BEST(start)(&scratch.total, rows, job->dv);
    for (int64_t block = 0; block < run->blocks; block++) {
        int64_t at = (head * run->rows + row) * run->blocks + block * rows;
        attend_state part = state_at(job->partials + run->partial + at * (2 + job->dv), rows);
        APUS_BEST(join)(&scratch.total, &part, rows, job->dv);
    }
    APUS_BEST(finish_rows)(job, run, head, row, rows, &scratch.total);
}

/// Counts the tasks of all runs; with each block one of them if `split`.
static int64_t place_runs(const attend_job *job, attend_run *runs, int64_t *partial_floats) {
    int64_t tasks = 0, floats = 0;
    for (int64_t i = 0; i < job->run_count; i++) {
        attend_run *run = &runs[i];
        run->task = tasks;
        run->partial = floats;
        tasks += job->cache->heads * run->row_tasks * (job->split ? run->blocks : 1);
        floats += job->cache->heads * run->rows * run->blocks * (2 + job->dv);
    }
    *partial_floats = floats;
    return tasks;
}

void apus_cache_attend(const apus_cache *cache, int64_t count, const apus_run *runs,
                       const apus_cache_attention *call) {
    if (count <= 0 || cache->heads <= 0 || call->group <= 0) return;
    bool capped = call->softcap != 0;
    attend_run *own = apus_scratch(PARTIALS + 1, (size_t)count * sizeof *own);
    attend_job job = {
        .cache = cache, .call = call, .runs = own, .d = cache->d,
        .dv = cache_parts(cache->dv, 16) * 16,
        .factor = capped ? call->scale / call->softcap : call->scale * LOG2E,
    };
    int64_t blocks = 0, floats = 0;
    for (int64_t i = 0; i < count; i++) {
        if (runs[i].count <= 0) continue;
        attend_run *run = &own[job.run_count++];
        *run = (attend_run){.run = runs[i], .rows = call->group * runs[i].count};
        run->row_tasks = cache_parts(run->rows, TASK_ROWS);
        run->first = first_key(&job, runs[i].position) / BLOCK_KEYS;
        run->blocks = cache_parts(runs[i].position + runs[i].count, BLOCK_KEYS) - run->first;
        blocks = cache_most(blocks, run->blocks);
    }
    int64_t tasks = place_runs(&job, own, &floats);
    job.split = tasks < TASKS && blocks > 1;
    if (job.split) {
        job.partials = apus_scratch(PARTIALS, (size_t)floats * sizeof(float) + 64);
        tasks = place_runs(&job, own, &floats);
    }
    apus_parallel(tasks, attend_task, &job);
    if (!job.split) return;
    tasks = 0;
    for (int64_t i = 0; i < job.run_count; i++) tasks += cache->heads * own[i].row_tasks;
    const int64_t few = 1 << 15;   // joined sooner than other threads wake
    if (floats > few) apus_parallel(tasks, join_task, &job);
    else for (int64_t task = 0; task < tasks; task++) join_task(&job, task, 0);
}
