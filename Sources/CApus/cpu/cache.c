// The cache of keys and values: writing, reading, copying. See cache.h for the layout.
#include "cache.h"

#include <stdlib.h>

#include "capus/threads.h"

#define APUS_KERNELS "cache.inc"
#include "every_isa.h"

int64_t apus_cache_bytes(apus_cache_type type, int64_t heads, int64_t capacity, int64_t d) {
    const int64_t beyond = 64;   // that kernels may read after the last value
    return heads * capacity * cache_token_bytes(type, d) + beyond;
}

typedef struct cache_job {
    const apus_cache *cache;
    const apus_run *runs;
    const apus_cache_rows *rows;
    const apus_rotation *rotation;
    bool reads;
} cache_job;

static void one_run(const cache_job *job, const apus_run *run, int64_t head) {
    float *scratch = apus_scratch(0, (size_t)(job->cache->d + 32) * sizeof(float));
    for (int64_t t = 0; t < run->count; t++) {
        if (job->reads)
            APUS_BEST(read_token)(job->cache, run, head, t, job->rows);
        else
            APUS_BEST(write_token)(job->cache, run, head, t, job->rows, job->rotation, scratch);
    }
}

static void run_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const cache_job *job = context;
    one_run(job, job->runs + task / job->cache->heads, task % job->cache->heads);
}

// A token's rows are soon written: waking threads for a few of them would take longer.
static void each_head(int64_t count, const cache_job *job) {
    const int64_t few = 1 << 14;
    int64_t tokens = 0, heads = job->cache->heads;
    for (int64_t i = 0; i < count; i++) tokens += job->runs[i].count;
    if (tokens * heads * (job->cache->d + job->cache->dv) > few) {
        apus_parallel(count * heads, run_task, (void *)job);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        for (int64_t head = 0; head < heads; head++) one_run(job, job->runs + i, head);
}

void apus_cache_write(const apus_cache *cache, int64_t count, const apus_run *runs,
                      const apus_cache_rows *rows, const apus_rotation *rotation) {
    each_head(count, &(cache_job){cache, runs, rows, rotation, false});
}

void apus_cache_read(const apus_cache *cache, int64_t count, const apus_run *runs,
                     const apus_cache_rows *rows) {
    each_head(count, &(cache_job){cache, runs, rows, NULL, true});
}

void apus_cache_copy(const apus_cache *cache, int64_t from, int64_t to, int64_t tokens) {
    if (from == to) return;
    int64_t key = cache_token_bytes(cache->type, cache->d);
    bool scaled = cache->type == APUS_CACHE_Q8_0;
    int64_t value = scaled ? cache->dv : cache_token_bytes(cache->type, cache->dv);
    int64_t scales = cache_parts(cache->dv, CACHE_BLOCK) * 2;
    for (int64_t head = 0; head < cache->heads; head++) {
        int64_t panels = cache_parts(tokens, PANEL) * PANEL;
        memcpy(cache_keys(cache, to, head, 0), cache_keys(cache, from, head, 0),
               (size_t)(panels * key));
        cache_values a = cache_values_at(cache, from, head, 0);
        cache_values b = cache_values_at(cache, to, head, 0);
        memcpy(b.channels, a.channels, (size_t)(tokens * value));
        if (scaled) memcpy(b.scales, a.scales, (size_t)(tokens * scales));
    }
}
