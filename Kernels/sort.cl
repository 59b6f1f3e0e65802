// Stable sorting along an axis of strided arrays; top-k keeps the first `keep`.
//
// Method      bitonic networks on 64-bit keys: the value as an ordered unsigned integer above its
//             place in the line, so that equal values stay in order. Lines are padded to a power of
//             two with the largest key. NaN counts as larger than infinity; -0 equals 0.
// Layout      line l of x begins at row_offset(l) over `shape` (K_RANK), its elements `x_step`
//             apart; values and indices likewise, with strides of their own.
// Options     X_TYPE; K_RANK; DESCENDING (0 or 1); WG (64); LENGTH (1024), the keys that a
//             work-group sorts in local memory: a power of two, at least 2 WG; 8 LENGTH bytes.
// Use         padded <= LENGTH: sort_lines. Longer: sort_load, sort_blocks with first 2; then for
//             span = 2 LENGTH, 4 LENGTH ... padded: sort_exchange with gap = span / 2 ... LENGTH,
//             and sort_blocks with first = span; at last sort_store. scratch (lines, padded) has
//             64-bit keys.
// Geometry    named at each kernel.
// CPU twin    cpu/sort.c

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef K_RANK
#define K_RANK 1
#endif
#ifndef DESCENDING
#define DESCENDING 0
#endif
#if WG == 1
#undef WG
#define WG 64
#endif
#ifndef LENGTH
#define LENGTH 1024
#endif

static inline ulong key_of(__global const ELEMENT(X_TYPE) *x, long i, uint place) {
#if X_TYPE == I32
    uint u = (uint)x[i] ^ 0x80000000u;
#else
    const float v = LOAD(X_TYPE, x, i);
    uint u = v == 0 ? 0 : v != v ? 0x7fffffffu : as_uint(v);
    u ^= u >> 31 ? 0xffffffffu : 0x80000000u;
#endif
    return (ulong)(DESCENDING ? ~u : u) << 32 | place;
}

// Steps of the network on LENGTH keys in local memory that begin at `start` of their line: spans
// from `first` to `last`, gaps below LENGTH.
static inline void sort_local(__local ulong *keys, long start, long first, long last) {
    for (long span = first; span <= last; span *= 2)
        for (long gap = min(span, (long)LENGTH) / 2; gap > 0; gap /= 2) {
            for (int i = get_local_id(0); i < LENGTH / 2; i += WG) {
                const int low = (int)(i / gap * gap * 2 + i % gap);
                const ulong a = keys[low], b = keys[low + gap];
                const bool up = ((start + low) & span) == 0;
                if ((a > b) == up) {
                    keys[low] = b;
                    keys[low + gap] = a;
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
}

#define STORE_PLACE(i, key)                           \
    do {                                              \
        const long from = (long)(uint)(key);          \
        values[(i) * values_step] = x[from * x_step]; \
        indices[(i) * indices_step] = (int)from;      \
    } while (0)
#define GO_TO_LINE(a) a += a##_at + row_offset(line, K_RANK, shape, a##_strides)

#ifdef KERNEL_sort_lines
// Global (lines WG), local (WG).
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void sort_lines(const long length, const long keep, const axes shape, IN_STRIDED(X_TYPE, x),
                const long x_step, OUT_STRIDED(X_TYPE, values), const long values_step,
                OUT_STRIDED(I32, indices), const long indices_step) {
    __local ulong keys[LENGTH];
    const long line = get_group_id(0);
    GO_TO_LINE(x);
    GO_TO_LINE(values);
    GO_TO_LINE(indices);
    for (int i = get_local_id(0); i < LENGTH; i += WG)
        keys[i] = i < length ? key_of(x, i * x_step, i) : ULONG_MAX;
    barrier(CLK_LOCAL_MEM_FENCE);
    sort_local(keys, 0, 2, LENGTH);
    for (long i = get_local_id(0); i < keep; i += WG) STORE_PLACE(i, keys[i]);
}
#endif

#ifdef KERNEL_sort_load
// Global (padded, lines).
__kernel void sort_load(const long length, const long padded, const axes shape,
                        IN_STRIDED(X_TYPE, x), const long x_step, __global ulong *scratch,
                        const long scratch_at) {
    const long i = get_global_id(0), line = get_global_id(1);
    if (i >= padded) return;
    GO_TO_LINE(x);
    scratch[scratch_at + line * padded + i] = i < length ? key_of(x, i * x_step, (uint)i)
        : ULONG_MAX;
}
#endif

#ifdef KERNEL_sort_blocks
// Spans from `first` (2, or a span that sort_exchange has begun) to max(first, LENGTH).
// Global (padded / LENGTH WG, lines), local (WG).
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void sort_blocks(const long padded, const long first, __global ulong *scratch,
                 const long scratch_at) {
    __local ulong keys[LENGTH];
    const long start = (long)get_group_id(0) * LENGTH;
    scratch += scratch_at + (long)get_group_id(1) * padded + start;
    for (int i = get_local_id(0); i < LENGTH; i += WG) keys[i] = scratch[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    sort_local(keys, start, first, max(first, (long)LENGTH));
    for (int i = get_local_id(0); i < LENGTH; i += WG) scratch[i] = keys[i];
}
#endif

#ifdef KERNEL_sort_exchange
// One step of the network: pairs `gap` apart. Global (padded / 2, lines).
__kernel void sort_exchange(const long padded, const long span, const long gap,
                            __global ulong *scratch, const long scratch_at) {
    const long i = get_global_id(0);
    if (i >= padded / 2) return;
    const long low = i / gap * gap * 2 + i % gap;
    scratch += scratch_at + (long)get_global_id(1) * padded;
    const ulong a = scratch[low], b = scratch[low + gap];
    if ((a > b) == ((low & span) == 0)) {
        scratch[low] = b;
        scratch[low + gap] = a;
    }
}
#endif

#ifdef KERNEL_sort_store
// Global (keep, lines).
__kernel void sort_store(const long keep, const long padded, const axes shape,
                         IN_STRIDED(X_TYPE, x), const long x_step, OUT_STRIDED(X_TYPE, values),
                         const long values_step, OUT_STRIDED(I32, indices), const long indices_step,
                         __global const ulong *scratch, const long scratch_at) {
    const long i = get_global_id(0), line = get_global_id(1);
    if (i >= keep) return;
    GO_TO_LINE(x);
    GO_TO_LINE(values);
    GO_TO_LINE(indices);
    STORE_PLACE(i, scratch[scratch_at + line * padded + i]);
}
#endif
