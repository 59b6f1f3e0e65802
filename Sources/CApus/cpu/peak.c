// What the CPU can do at most: arithmetic on registers, traffic at any depth of the memory, the
// cost of a job. Each figure is the best of several repetitions: a roof is what the machine reaches
// when nothing disturbs it.
#include "capus/peak.h"

#include <stdlib.h>
#include <time.h>

#include "capus/threads.h"

#define APUS_KERNELS "peak.inc"
#include "every_isa.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// A result that something might look at: what leads to it cannot be left out.
static volatile float sink;

// MARK: arithmetic

typedef struct arithmetic {
    float (*kernel)(int64_t rounds, const float *values);
    int64_t rounds;
} arithmetic;

static void arithmetic_task(void *context, int64_t task, int32_t thread) {
    (void)task, (void)thread;
    const arithmetic *a = context;
    float values[2] = {1.0f, 0.0f};
    __asm__ volatile("" : : "r"(values) : "memory");
    sink = a->kernel(a->rounds, values);
}

double apus_peak_operations(apus_dtype type, double seconds) {
    arithmetic a = {.rounds = 20000};
    double work;
    if (type == APUS_BF16) {
        a.kernel = APUS_BEST(peak_bf16);
        work = APUS_BEST(peak_bf16_work)();
    } else if (type == APUS_I8) {
        a.kernel = APUS_BEST(peak_i8);
        work = APUS_BEST(peak_i8_work)();
    } else {
        a.kernel = APUS_BEST(peak_f32);
        work = APUS_BEST(peak_f32_work)();
    }
    double best = 0, end = now() + seconds;
    int32_t threads = apus_thread_count();
    do {
        double start = now();
        apus_parallel(threads, arithmetic_task, &a);
        double elapsed = now() - start;
        double rate = work * (double)a.rounds * threads / elapsed;
        if (elapsed < 1e-3) a.rounds *= 2;   // too short: starting the threads would count
        else if (rate > best) best = rate;
    } while (now() < end || best == 0);
    return best;
}

// MARK: traffic

typedef struct traffic_job {
    apus_traffic kind;
    bool streaming;
    int64_t n;            // floats of one array of one thread
    int32_t arrays, passes;
    float *memory;        // (threads, arrays, n)
} traffic_job;

static void traffic_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const traffic_job *t = context;
    float *a = t->memory + task * t->arrays * t->n, *b = a + t->n, *c = b + t->n;
    for (int32_t pass = 0; pass < t->passes; pass++) {
        switch (t->kind) {
        case APUS_TRAFFIC_READ: sink = APUS_BEST(peak_read)(a, t->n); break;
        case APUS_TRAFFIC_WRITE:
            APUS_BEST(peak_write)(a, t->n, (float)pass, t->streaming);
            break;
        case APUS_TRAFFIC_COPY: APUS_BEST(peak_copy)(a, b, t->n, t->streaming); break;
        case APUS_TRAFFIC_TRIAD: APUS_BEST(peak_triad)(a, b, c, t->n, t->streaming); break;
        }
    }
}

static void fault_in(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const traffic_job *t = context;
    memset(t->memory + task * t->arrays * t->n, 0, (size_t)(t->arrays * t->n) * sizeof(float));
}

double apus_peak_bandwidth(apus_traffic traffic, int64_t bytes, bool streaming, double seconds) {
    traffic_job t = {.kind = traffic, .streaming = streaming, .passes = 1};
    t.arrays = traffic == APUS_TRAFFIC_TRIAD ? 3 : traffic == APUS_TRAFFIC_COPY ? 2 : 1;
    int32_t threads = apus_thread_count();
    t.n = bytes / t.arrays / (int64_t)sizeof(float) / 1024 * 1024;
    if (t.n <= 0) return 0;
    size_t total = (size_t)threads * (size_t)(t.arrays * t.n) * sizeof(float);
    t.memory = aligned_alloc(4096, total);
    if (!t.memory) return 0;
    apus_parallel(threads, fault_in, &t);
    double best = 0, end = now() + seconds;
    do {
        double start = now();
        apus_parallel(threads, traffic_task, &t);
        double elapsed = now() - start;
        double rate = (double)total * t.passes / elapsed;
        if (elapsed < 2e-4 && t.passes < 1 << 20) t.passes *= 2;
        else if (rate > best) best = rate;
    } while (now() < end || best == 0);
    free(t.memory);
    return best;
}

// MARK: launching

static void nothing(void *context, int64_t task, int32_t thread) {
    (void)context, (void)task, (void)thread;
}

double apus_peak_launch(void) {
    enum { JOBS = 20 };
    double best = 1;
    int64_t tasks = apus_thread_count() > 1 ? apus_thread_count() : 2;
    for (int round = 0; round < 50; round++) {
        double start = now();
        for (int job = 0; job < JOBS; job++) apus_parallel(tasks, nothing, NULL);
        double each = (now() - start) / JOBS;
        if (each < best) best = each;
    }
    return best;
}
