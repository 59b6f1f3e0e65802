// Random numbers: Philox4x32-10, a block of four words for each counter, so that any range of a
// stream can be made on its own. Threads take ranges of 8192 words; the result depends on the seed
// and the stream only.
// a b + c rounds twice, on every instruction set (see random.inc).
#pragma STDC FP_CONTRACT OFF

#include "capus/random.h"
#include "capus/elementwise.h"
#include "capus/threads.h"

#include "elementwise_walk.h"

#define APUS_KERNELS "random.inc"
#include "every_isa.h"

enum { RANGE = 8192 };

typedef struct random_call {
    apus_distribution distribution;
    uint64_t seed, stream;
    float a, b;
    const apus_array *y;
    int64_t n;
    bool around;
    void (*numbers)(apus_distribution distribution, uint64_t seed, uint64_t stream, float a,
                    float b, uint64_t block, int64_t n, bool around, float *out);
} random_call;

static void fill_range(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const random_call *c = context;
    int64_t begin = task * RANGE, end = c->n - begin < RANGE ? c->n : begin + RANGE;
    int64_t size = walk_element_size(c->y->dtype);
    apus_dtype native = c->distribution == APUS_BITS ? APUS_I32 : APUS_F32;
    if (c->y->dtype == native) {
        c->numbers(c->distribution, c->seed, c->stream, c->a, c->b, (uint64_t)begin / 4,
                   end - begin, c->around, (float *)c->y->data + begin);
        if (c->around) __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return;
    }
    for (; begin < end; begin += WALK_TILE) {
        _Alignas(64) float values[WALK_TILE];
        int64_t n = end - begin < WALK_TILE ? end - begin : WALK_TILE;
        c->numbers(c->distribution, c->seed, c->stream, c->a, c->b, (uint64_t)begin / 4, n, false,
                   values);
        apus_array from = {
            .data = values, .dtype = native, .rank = 1, .shape = {n}, .strides = {1},
        }, to = from;
        to.data = (char *)c->y->data + begin * size;
        to.dtype = c->y->dtype;
        apus_copy(&from, &to);
    }
}

void apus_random(apus_distribution distribution, uint64_t seed, uint64_t stream, float a, float b,
                 const apus_array *y) {
    random_call call = {
        .distribution = distribution, .seed = seed, .stream = stream, .a = a, .b = b, .y = y,
        .n = 1, .numbers = APUS_BEST(random_numbers),
    };
    for (int32_t axis = 0; axis < y->rank; axis++) call.n *= y->shape[axis];
    call.around = call.n * 4 > apus_cpu_caches().l3;
    apus_parallel((call.n + RANGE - 1) / RANGE, fill_range, &call);
}
