// Picking by index, and its gradient, which adds at an index.
//
// Formula     named at each kernel. Indices are i32; one out of range picks the nearest element,
//             and adds nothing. Additions happen in the order of the index, without atomics.
// Layout      named at each kernel; "lines" run along the indexed axis.
// Geometry    named at each kernel.
// Options     SIZE: bytes of an element that is only moved (1, 2 or 4); VEC (4), which divides
//             inner; RANK.
// CPU twin    cpu/index.c

#ifndef SIZE
#define SIZE 4
#endif
#ifndef RANK
#define RANK 1
#endif
#if SIZE == 4
typedef uint unit;
#elif SIZE == 2
typedef ushort unit;
#else
typedef uchar unit;
#endif

inline long inside(long index, long n) { return clamp(index, 0L, n - 1); }

#ifdef KERNEL_index_select
// y[o, i, :] = x[o, index[i], :]; x (outer, n, inner), y (outer, count, inner), contiguous.
// Global (inner / VEC, count, outer).
__kernel void index_select(const long n, const long count, const long inner, __global const unit *x,
                           const long x_at, IN(I32, index), __global unit *y, const long y_at) {
    const long c = (long)get_global_id(0) * VEC, i = get_global_id(1), o = get_global_id(2);
    if (c >= inner || i >= count) return;
    const long from = x_at + (o * n + inside(index[index_at + i], n)) * inner + c;
    const long to = y_at + (o * count + i) * inner + c;
#if VEC == 1
    y[to] = x[from];
#elif SIZE == 4
    VSTORE(uint, VLOAD(uint, x, from), y, to);
#elif SIZE == 2
    VSTORE(ushort, VLOAD(ushort, x, from), y, to);
#else
    VSTORE(uchar, VLOAD(uchar, x, from), y, to);
#endif
}
#endif

#ifdef KERNEL_index_add
// x[o, index[i], :] += src[o, i, :]; x (outer, n, inner), src (outer, count, inner), contiguous
// f32. The work-items of the first i with an index add all of them: `order` lists the places so
// that equal indices stand together, in order (kernel `sort` of the index), and `sorted` the
// indices in that order. Global (inner / VEC, count, outer).
__kernel void index_add(const long n, const long count, const long inner, OUT(F32, x),
                        IN(I32, sorted), IN(I32, order), IN(F32, src)) {
    const long c = (long)get_global_id(0) * VEC, i = get_global_id(1), o = get_global_id(2);
    if (c >= inner || i >= count) return;
    sorted += sorted_at;
    order += order_at;
    const int row = sorted[i];
    if (row < 0 || row >= n || (i > 0 && sorted[i - 1] == row)) return;
    const long to = x_at + (o * n + row) * inner + c;
    floatv sum = LOADV(F32, x, to);
    for (long j = i; j < count && sorted[j] == row; j++)
        sum += LOADV(F32, src, src_at + (o * count + order[j]) * inner + c);
    STOREV(F32, x, to, sum);
}
#endif

#ifdef KERNEL_gather
// y[.., i, ..] = x[.., index[.., i, ..], ..]: `shape` (RANK) is that of y and of the index,
// x_strides are 0 on the indexed axis, whose stride is x_step and whose length is n. y contiguous.
// Global (count).
__kernel void gather(const long count, const long n, const axes shape, __global const unit *x,
                     const long x_at, const axes x_strides, const long x_step,
                     IN_STRIDED(I32, index), __global unit *y, const long y_at) {
    const long i = get_global_id(0);
    if (i >= count) return;
    const long place = inside(index[index_at + row_offset(i, RANK, shape, index_strides)], n);
    y[y_at + i] = x[x_at + row_offset(i, RANK, shape, x_strides) + place * x_step];
}
#endif

#ifdef KERNEL_scatter_add
// x[.., index[.., i, ..], ..] += src[.., i, ..]: `shape` (RANK) is that of the axes beside the
// indexed one, of which the index has `length` elements and x `n`; each array's step along it comes
// after its strides. A work-item takes a line. Global (lines).
__kernel void scatter_add(const long lines, const long length, const long n, const axes shape,
                          OUT_STRIDED(F32, x), const long x_step, IN_STRIDED(I32, index),
                          const long index_step, IN_STRIDED(F32, src), const long src_step) {
    const long line = get_global_id(0);
    if (line >= lines) return;
    x += x_at + row_offset(line, RANK, shape, x_strides);
    index += index_at + row_offset(line, RANK, shape, index_strides);
    src += src_at + row_offset(line, RANK, shape, src_strides);
    for (long i = 0; i < length; i++) {
        const long place = index[i * index_step];
        if (place >= 0 && place < n) x[place * x_step] += src[i * src_step];
    }
}
#endif
