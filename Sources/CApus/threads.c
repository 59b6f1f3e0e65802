// The one thread pool. Every thread first takes the tasks of its own stretch of a job, in order, so
// that it walks memory in long runs, as the prefetchers and the memory like it; then it helps with
// the stretches of the others. After a job workers spin briefly, then sleep.
//
// A job waits for those who have begun to work on it only: a worker that the system does not run,
// because another program has its core, finds the job's gate closed when it comes. Who waits for
// one that was stopped within a task sleeps after a while, so that it can go on on this core.
//
// Measured on two Zen 5 cores, x + y of 200 MB, GB/s: 125 with a half for each thread, 100 with
// 64 KB in turn from one counter, 66 with 16 KB.
#include "capus/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 256, SCRATCH_SLOTS = 6, HUGE = 2 << 20 };

// A worker spins this long for the next job before it sleeps: longer than the gap between two ops
// of a running model, short enough that an idle process costs nothing.
static const int64_t spin_nanoseconds = 100000;

// The caller spins this long for the last tasks of others: they are rarely longer.
static const int64_t end_nanoseconds = 400000;

// What the gate holds: the number of the job, whether it is open, and how many workers are inside.
static const uint64_t one_job = 1ULL << 32, gate_open = 1ULL << 31, inside_mask = gate_open - 1;

// The tasks of a thread's stretch that nobody has taken yet, in a cache line of its own.
typedef struct stretch {
    _Alignas(64) _Atomic int64_t next;
    int64_t end;
} stretch;

static struct {
    pthread_mutex_t submit;       // one job at a time
    pthread_mutex_t sleep;
    pthread_cond_t wake, left;
    pthread_t workers[MAX_THREADS];
    int32_t started;              // workers running, guarded by submit
    uint64_t joined[MAX_THREADS]; // the number of the job before a worker's first one
    _Atomic int32_t threads;      // 0: not chosen yet
    _Atomic int32_t sleepers;
    _Atomic bool waits;           // the caller sleeps until the last worker has left
    _Alignas(64) _Atomic uint64_t gate;
    apus_task body;               // these three are read inside the gate only
    void *context;
    int32_t job_threads;
    stretch stretches[MAX_THREADS];
} pool = {
    .submit = PTHREAD_MUTEX_INITIALIZER,
    .sleep = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
    .left = PTHREAD_COND_INITIALIZER,
};

static _Thread_local int32_t this_thread = -1;   // index inside a job, -1 outside

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void take_tasks(int32_t thread) {
    this_thread = thread;
    for (int32_t i = 0; i < pool.job_threads; i++) {
        stretch *s = &pool.stretches[(thread + i) % pool.job_threads];
        for (;;) {
            int64_t task = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
            if (task >= s->end) break;
            pool.body(pool.context, task, thread);
        }
    }
    this_thread = -1;
}

/// Whether there is a job that the worker has not seen, and it is not over yet.
static bool is_news(uint64_t gate, uint64_t seen) {
    return (gate & gate_open) && gate / one_job != seen;
}

static bool spin_for_job(uint64_t seen) {
    int64_t deadline = now() + spin_nanoseconds;
    for (uint64_t turn = 1;; turn++) {
        if (is_news(atomic_load_explicit(&pool.gate, memory_order_relaxed), seen)) return true;
        relax();
        if (turn % 64 == 0 && now() > deadline) return false;
    }
}

static void wait_for_job(uint64_t seen) {
    while (!spin_for_job(seen)) {
        pthread_mutex_lock(&pool.sleep);
        atomic_fetch_add(&pool.sleepers, 1);
        uint64_t gate = atomic_load(&pool.gate), last = gate / one_job;
        // Also a job that is over by now is a reason to wake up: others follow it.
        if (!is_news(gate, seen))
            while (atomic_load(&pool.gate) / one_job == last)
                pthread_cond_wait(&pool.wake, &pool.sleep);
        atomic_fetch_sub(&pool.sleepers, 1);
        pthread_mutex_unlock(&pool.sleep);
    }
}

/// Returns the number of the job that was entered, or `seen` if it was over before.
static uint64_t enter(uint64_t seen) {
    uint64_t gate = atomic_load_explicit(&pool.gate, memory_order_relaxed);
    while (is_news(gate, seen))
        if (atomic_compare_exchange_weak_explicit(&pool.gate, &gate, gate + 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return gate / one_job;
    return seen;
}

static void leave(void) {
    uint64_t gate = atomic_fetch_sub(&pool.gate, 1);
    if ((gate & inside_mask) > 1 || !atomic_load(&pool.waits)) return;
    pthread_mutex_lock(&pool.sleep);
    pthread_cond_signal(&pool.left);
    pthread_mutex_unlock(&pool.sleep);
}

static void *work(void *argument) {
    int32_t index = (int32_t)(intptr_t)argument;
    for (uint64_t seen = pool.joined[index];;) {
        wait_for_job(seen);
        uint64_t job = enter(seen);
        if (job == seen) continue;
        seen = job;
        if (index < pool.job_threads) take_tasks(index);
        leave();
    }
    return NULL;
}

static bool is_empty(void) {
    return (atomic_load_explicit(&pool.gate, memory_order_acquire) & inside_mask) == 0;
}

/// Lets nobody in any more, and waits for those who are inside.
static void close_job(void) {
    uint64_t gate = atomic_fetch_and(&pool.gate, ~gate_open);
    if ((gate & inside_mask) == 0) return;
    int64_t deadline = 0;
    for (uint64_t turn = 1; !is_empty(); turn++) {
        relax();
        if (turn % 64 != 0) continue;
        if (deadline == 0) deadline = now() + end_nanoseconds;
        if (now() > deadline) break;
    }
    if (is_empty()) return;
    pthread_mutex_lock(&pool.sleep);
    atomic_store(&pool.waits, true);
    while ((atomic_load(&pool.gate) & inside_mask) != 0)
        pthread_cond_wait(&pool.left, &pool.sleep);
    atomic_store(&pool.waits, false);
    pthread_mutex_unlock(&pool.sleep);
}

// After a fork only the calling thread lives on: the child starts its own workers.
static void reset_in_child(void) {
    pthread_mutex_init(&pool.submit, NULL);
    pthread_mutex_init(&pool.sleep, NULL);
    pthread_cond_init(&pool.wake, NULL);
    pthread_cond_init(&pool.left, NULL);
    pool.started = 0;
    atomic_store(&pool.gate, 0);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.waits, false);
}

// Called with `submit` held, before the job begins.
static void start_workers(int32_t wanted) {
    static bool prepared;
    if (!prepared) prepared = pthread_atfork(NULL, NULL, reset_in_child) == 0;
    while (pool.started < wanted - 1) {
        int32_t index = pool.started + 1;
        pool.joined[index] = atomic_load(&pool.gate) / one_job;
        if (pthread_create(&pool.workers[index], NULL, work, (void *)(intptr_t)index) != 0) return;
        pool.started++;
    }
}

void apus_parallel(int64_t tasks, apus_task body, void *context) {
    int32_t threads = apus_thread_count();
    if (tasks <= 1 || threads == 1 || this_thread >= 0) {
        int32_t thread = this_thread >= 0 ? this_thread : 0;
        for (int64_t task = 0; task < tasks; task++) body(context, task, thread);
        return;
    }
    pthread_mutex_lock(&pool.submit);
    start_workers(threads);
    pool.body = body;
    pool.context = context;
    pool.job_threads = threads;
    for (int64_t i = 0; i < threads; i++) {
        int64_t first = tasks / threads * i + tasks % threads * i / threads;
        int64_t last = tasks / threads * (i + 1) + tasks % threads * (i + 1) / threads;
        atomic_store_explicit(&pool.stretches[i].next, first, memory_order_relaxed);
        pool.stretches[i].end = last;
    }
    // Nobody is inside: the last job was closed.
    atomic_store(&pool.gate, (atomic_load(&pool.gate) / one_job + 1) * one_job | gate_open);
    if (atomic_load(&pool.sleepers) > 0) {
        pthread_mutex_lock(&pool.sleep);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.sleep);
    }
    take_tasks(0);
    close_job();
    pthread_mutex_unlock(&pool.submit);
}

int32_t apus_thread_count(void) {
    int32_t count = atomic_load_explicit(&pool.threads, memory_order_relaxed);
    if (count > 0) return count;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    apus_set_thread_count(online > 0 ? (int32_t)online : 1);
    return atomic_load_explicit(&pool.threads, memory_order_relaxed);
}

void apus_set_thread_count(int32_t count) {
    atomic_store(&pool.threads, count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count);
}

// MARK: scratch

typedef struct { void *block; size_t bytes; } scratch_slot;
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void free_scratch(void *slots) {
    for (int i = 0; i < SCRATCH_SLOTS; i++) free(((scratch_slot *)slots)[i].block);
    free(slots);
}

static void make_scratch_key(void) { pthread_key_create(&scratch_key, free_scratch); }

void *apus_scratch(int32_t slot, size_t bytes) {
    pthread_once(&scratch_once, make_scratch_key);
    scratch_slot *slots = pthread_getspecific(scratch_key);
    if (!slots) {
        slots = calloc(SCRATCH_SLOTS, sizeof(scratch_slot));
        if (!slots) abort();   // the system has no memory left
        pthread_setspecific(scratch_key, slots);
    }
    if (slots[slot].bytes < bytes) {
        free(slots[slot].block);
        const size_t unit = bytes < HUGE ? 1 << 16 : HUGE;
        slots[slot].bytes = (bytes + unit - 1) / unit * unit;
        slots[slot].block = aligned_alloc(unit == HUGE ? HUGE : 64, slots[slot].bytes);
        if (!slots[slot].block) abort();
        // Huge pages, as for tensors: fewer TLB misses.
        if (unit == HUGE) madvise(slots[slot].block, slots[slot].bytes, MADV_HUGEPAGE);
    }
    return slots[slot].block;
}
