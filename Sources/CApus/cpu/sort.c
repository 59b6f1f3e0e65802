// Stable sorting along an axis, with indices, and the first k of it.
//
// A value becomes a 32-bit key whose unsigned order is the wanted one (-0 equals 0, NaN is the
// largest), and key and index share 64 bits: then no two are equal and every way of sorting is
// stable. Short lines are sorted by insertion, long ones by radix, a byte a pass.
//
// For few of many, only candidates are sorted. Adjacent floats: the k-th smallest of the minima of
// disjoint subsets bounds the k-th smallest of all, so two passes by vectors find the candidates.
// Others: a histogram of the upper key bits finds the bucket in which the last wanted one lies.
#include "capus/reduce.h"
#include "capus/threads.h"
#include "lines.h"
#include "stream.h"

#define APUS_KERNELS "sort.inc"
#include "every_isa.h"

enum { TASK = 1 << 13, INSERTION = 48, BUCKET_BITS = 12, SELECT = 512, SUBSETS = 512 };

typedef struct {
    const apus_array *x, *values, *indices;
    int32_t axis;
    bool descending;
    int64_t lines, lines_a_task;
} sort_call;

static inline uint32_t float_key(float value) {
    uint32_t bits;
    float sum = value + 0.0f;   // -0 becomes 0
    memcpy(&bits, &sum, 4);
    uint32_t key = bits ^ ((uint32_t)((int32_t)bits >> 31) | 0x80000000);
    return value != value ? UINT32_MAX : key;
}

static uint32_t key_at(const apus_array *x, int64_t i) {
    switch (x->dtype) {
    case APUS_F32: return float_key(((const float *)x->data)[i]);
    case APUS_BF16:
        return float_key(from_bf16_portable((vh_portable)(((const uint16_t *)x->data)[i]))[0]);
    case APUS_F16:
        return float_key(from_f16_portable((vh_portable)(((const uint16_t *)x->data)[i]))[0]);
    case APUS_I32: return ((const uint32_t *)x->data)[i] ^ 0x80000000;
    case APUS_I8: return (uint32_t)((const int8_t *)x->data)[i] ^ 0x80000000;
    default: return ((const uint8_t *)x->data)[i];
    }
}

static void insertion_sort(uint64_t *a, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        uint64_t value = a[i];
        int64_t at = i;
        for (; at > 0 && a[at - 1] > value; at--) a[at] = a[at - 1];
        a[at] = value;
    }
}

// Sorts by the upper 32 bits, stably; a pass whose byte is the same everywhere is left out. `work`
// is as long as a. Returns where the result is: a or work.
static uint64_t *radix_sort(uint64_t *a, uint64_t *work, int64_t n) {
    static const int shifts[4] = {32, 40, 48, 56};
    int64_t counts[4][256] = {0};
    for (int64_t i = 0; i < n; i++)
        for (int pass = 0; pass < 4; pass++) counts[pass][a[i] >> shifts[pass] & 255]++;
    for (int pass = 0; pass < 4; pass++) {
        int64_t *count = counts[pass], sum = 0;
        if (count[a[0] >> shifts[pass] & 255] == n) continue;
        for (int b = 0; b < 256; b++) {
            int64_t here = count[b];
            count[b] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < n; i++) work[count[a[i] >> shifts[pass] & 255]++] = a[i];
        uint64_t *swap = a;
        a = work;
        work = swap;
    }
    return a;
}

// Moves what can be among the k smallest to the front, in order, and returns how many that are.
static int64_t select_candidates(uint64_t *a, int64_t n, int64_t k) {
    int32_t counts[1 << BUCKET_BITS] = {0};
    for (int64_t i = 0; i < n; i++) counts[a[i] >> (64 - BUCKET_BITS)]++;
    int64_t sum = 0, bucket = 0, kept = 0;
    while ((sum += counts[bucket]) < k) bucket++;
    for (int64_t i = 0; i < n; i++) {
        a[kept] = a[i];
        kept += (int64_t)(a[i] >> (64 - BUCKET_BITS)) <= bucket;
    }
    return kept;
}

// As select_candidates, of n adjacent floats, which need no copy first; k <= SUBSETS / 2. `work` is
// as long as a, n.
static int64_t collect_candidates(const float *x, int64_t n, int64_t k, uint32_t flip, uint64_t *a,
                                  uint64_t *work) {
    uint32_t least[SUBSETS];
    int64_t whole = n / 16 * 16, vectors = n / SUBSETS;   // of the shortest and the widest vector
    APUS_BEST(least_keys)(x, vectors, SUBSETS, flip, least);
    for (int64_t i = 0; i < SUBSETS; i++) a[i] = (uint64_t)least[i] << 32;
    uint32_t bound = (uint32_t)(radix_sort(a, work, SUBSETS)[k - 1] >> 32);
    int64_t kept = APUS_BEST(collect)(x, whole, flip, bound, a);
    for (int64_t i = whole; i < n; i++) {
        uint32_t key = float_key(x[i]) ^ flip;
        if (key <= bound) a[kept++] = (uint64_t)key << 32 | (uint64_t)i;
    }
    return kept;
}

// The keys and indices of one line that may be among the first k, unsorted, in a; returns how many.
static int64_t line_keys(const apus_array *x, int64_t x_at, int64_t x_step, int64_t n, int64_t k,
                         uint32_t flip, uint64_t *a, uint64_t *work) {
    if (x->dtype == APUS_F32 && x_step == 1) {
        const float *from = (const float *)x->data + x_at;
        if (n >= 4 * SUBSETS && k <= SUBSETS / 2)
            return collect_candidates(from, n, k, flip, a, work);
        for (int64_t i = 0; i < n; i++)
            a[i] = (uint64_t)(float_key(from[i]) ^ flip) << 32 | (uint64_t)i;
    } else {
        for (int64_t i = 0; i < n; i++)
            a[i] = (uint64_t)(key_at(x, x_at + i * x_step) ^ flip) << 32 | (uint64_t)i;
    }
    return n >= SELECT && k <= n / 8 ? select_candidates(a, n, k) : n;
}

static void sort_line(const sort_call *call, int64_t line, uint64_t *a, uint64_t *work) {
    const apus_array *x = call->x, *values = call->values, *indices = call->indices;
    int32_t axis = call->axis;
    int64_t n = x->shape[axis], k = values->shape[axis], size = element_size(x->dtype);
    int64_t x_at = line_offset(x, x->shape, axis, line), x_step = x->strides[axis];
    uint32_t flip = call->descending ? UINT32_MAX : 0;
    n = line_keys(x, x_at, x_step, n, k, flip, a, work);
    if (n <= INSERTION) insertion_sort(a, n);
    else a = radix_sort(a, work, n);
    int64_t values_at = line_offset(values, x->shape, axis, line);
    int64_t indices_at = line_offset(indices, x->shape, axis, line);
    for (int64_t i = 0; i < k; i++) {
        int64_t from = (int64_t)(a[i] & UINT32_MAX), to = values_at + i * values->strides[axis];
        memcpy((char *)values->data + to * size, (const char *)x->data + (x_at + from * x_step)
               * size, (size_t)size);
        ((int32_t *)indices->data)[indices_at + i * indices->strides[axis]] = (int32_t)from;
    }
}

static void sort_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const sort_call *call = context;
    int64_t n = call->x->shape[call->axis];
    uint64_t *a = apus_scratch(0, (size_t)(2 * n) * sizeof(uint64_t));   // (2, n)
    int64_t line = task * call->lines_a_task, end = line + call->lines_a_task;
    for (; line < end && line < call->lines; line++) sort_line(call, line, a, a + n);
}

void apus_sort(const apus_array *x, int32_t axis, bool descending, const apus_array *values,
               const apus_array *indices) {
    sort_call call = {x, values, indices, axis, descending, line_count(x, axis), 0};
    int64_t length = x->shape[axis];
    if (call.lines * length * values->shape[axis] <= 0) return;
    call.lines_a_task = (TASK + length - 1) / length;
    apus_parallel((call.lines + call.lines_a_task - 1) / call.lines_a_task, sort_task, &call);
}
