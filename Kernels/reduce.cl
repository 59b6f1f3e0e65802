// Reductions, positions of extremes, running sums, mean and variance along axes of strided arrays.
//
// Formula     OP over the reduced axes (apus_reduce_op); mean and variance, the position of an
//             extreme and running sums have kernels of their own.
// Layout      x (kept axes, reduced axes), any strides: each set merged by the host to K_RANK and
//             R_RANK axes (at least one each). Results: contiguous, in the order of the kept axes.
// Geometry    reductions: global (LX ceil(outputs / (LX OUT_VEC)), LY, parts), local (LX, LY, 1):
//             LX work-items side by side take outputs, LY share the elements of one, and are
//             combined in a tree. With parts > 1 each part leaves its state in `partial` and the
//             kernel <name>_parts combines them: global (outputs).
// Options     X_TYPE, Y_TYPE, OP (apus_reduce_op), K_RANK, R_RANK, LX, LY (power of two).
//             ACROSS 0: vectors of VEC lie along the last reduced axis (stride 1, length a multiple
//             of VEC); ACROSS 1: along the last kept axis (same conditions), OUT_VEC = VEC; else
//             OUT_VEC = 1.
// CPU twin    cpu/reduce.c, cpu/reduce_arg.c, cpu/reduce_cumsum.c

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef Y_TYPE
#define Y_TYPE F32
#endif
#ifndef OP
#define OP 0
#endif
#ifndef K_RANK
#define K_RANK 1
#endif
#ifndef R_RANK
#define R_RANK 1
#endif
#ifndef LX
#define LX 1
#endif
#ifndef LY
#define LY 1
#endif
#ifndef ACROSS
#define ACROSS 0
#endif
#if ACROSS
#define OUT_VEC VEC
#define IN_VEC 1
#else
#define OUT_VEC 1
#define IN_VEC VEC
#endif

// The work-item's output, its slice `y`, and the range of steps of its part.
#define REDUCTION_PLACE                                                            \
    const int tx = get_local_id(0), ty = get_local_id(1);                          \
    const long output = (long)get_global_id(0) * OUT_VEC, part = get_global_id(2); \
    const bool active = output < outputs;                                          \
    const long steps = count / IN_VEC, each = (steps + parts - 1) / parts;         \
    const long from = part * each, to = active ? min(steps, from + each) : 0;      \
    x += x_at + (active ? row_offset(output, K_RANK, kept_shape, x_kept) : 0);
#define ELEMENT_OFFSET(step) row_offset((step) * IN_VEC, R_RANK, reduced_shape, x_reduced)

// exp(a - top); 1 where they are equal, so that infinities do not give NaN.
#define EXP_FROM(F, a, top) ((a) == (top) ? (F)1 : exp((a) - (top)))

#if defined(KERNEL_reduce) || defined(KERNEL_reduce_parts)
// State of a reduction: `value`, and `extra`: the total of finished blocks for sums, the sum of
// exponentials for log-sum-exp (whose value is the maximum so far). i32 stays i32 and wraps.
#define SUM 0
#define MEAN 1
#define MAX 2
#define MIN 3
#define PROD 4
#define SQUARES 5
#define ABSOLUTES 6
#define MAX_ABSOLUTE 7
#define LOGSUMEXP 8
#define ANY 9
#define ALL 10
#define IS_SUM (OP == SUM || OP == MEAN || OP == SQUARES || OP == ABSOLUTES)
#define INTEGER (X_TYPE == I32 && OP != MEAN && OP < SQUARES)
// Steps after which a sum moves on to the total: errors grow with the root of the length.
enum { BLOCK = 64 };

#if INTEGER
#define ACC int
#define HIGHEST INT_MAX
#define LOWEST INT_MIN
#if VEC == 1
typedef int accv;
#define READ(p, i) (p)[i]
#else
typedef intv accv;
#define READ(p, i) VLOAD(int, p, i)
#endif
#else
#define ACC float
typedef floatv accv;
#define READ(p, i) LOADV(X_TYPE, p, i)
#define HIGHEST INFINITY
#define LOWEST (-INFINITY)
#endif

typedef ACC acc;

#if IS_SUM || OP == ANY
#define FIRST_VALUE 0
#elif OP == MAX || OP == LOGSUMEXP
#define FIRST_VALUE LOWEST
#elif OP == MIN
#define FIRST_VALUE HIGHEST
#elif OP == MAX_ABSOLUTE
#define FIRST_VALUE 0
#else
#define FIRST_VALUE 1
#endif

// What an element counts.
#if OP == SQUARES
#define COUNTS(v) ((v) * (v))
#elif OP == ABSOLUTES || OP == MAX_ABSOLUTE
#define COUNTS(v) fabs(v)
#elif OP == ANY || OP == ALL
#define COUNTS(v) ((v) != V(0) ? V(1) : V(0))
#else
#define COUNTS(v) (v)
#endif

#if OP == MAX || OP == MAX_ABSOLUTE || OP == ANY || OP == LOGSUMEXP
#define JOIN_VALUES LARGER
#elif OP == MIN || OP == ALL
#define JOIN_VALUES SMALLER
#elif OP == PROD
#define TIMES(a, b) ((a) * (b))
#define JOIN_VALUES TIMES
#else
#define JOIN_VALUES PLUS
#endif

// (value, extra) joined with (v, e), of type F.
#if OP == LOGSUMEXP
#define COMBINE(F, value, extra, v, e)                                         \
    do {                                                                       \
        const F top = LARGER(value, v);                                        \
        extra = (extra) * EXP_FROM(F, value, top) + (e) * EXP_FROM(F, v, top); \
        value = top;                                                           \
    } while (0)
#else
#define COMBINE(F, value, extra, v, e) value = JOIN_VALUES(value, v)
#endif

#if OP == MEAN
#define RESULT(value, extra) ((value) / (float)count)
#elif OP == LOGSUMEXP
#define RESULT(value, extra) ((value) + log(extra))
#else
#define RESULT(value, extra) (value)
#endif
#if INTEGER
#define PUT(i, v) y[i] = (ELEMENT(Y_TYPE))(v)
#define TO_PARTIAL(v) as_float(v)
#define FROM_PARTIAL(v) as_int(v)
#else
#define PUT(i, v) STORE(Y_TYPE, y, i, v)
#define TO_PARTIAL(v) (v)
#define FROM_PARTIAL(v) (v)
#endif
#endif

#ifdef KERNEL_reduce
// partial: parts outputs floats (twice that for log-sum-exp), or NULL for parts = 1
#if ACROSS
typedef accv outv;
#else
typedef acc outv;
DEFINE_FOLD(fold_values, ACC, accv, JOIN_VALUES)
#endif
__kernel void reduce(const long outputs, const long count, const long parts, const axes kept_shape,
                     const axes x_kept, const axes reduced_shape, const axes x_reduced,
                     IN(X_TYPE, x), OUT(Y_TYPE, y), OUT(F32, partial)) {
    REDUCTION_PLACE
    accv value = (accv)FIRST_VALUE, extra = (accv)0;
    int block = 0;
    for (long step = from + ty; step < to; step += LY) {
        const accv v = READ(x, ELEMENT_OFFSET(step));
        COMBINE(accv, value, extra, COUNTS(v), (accv)1);
        if (IS_SUM && ++block == BLOCK) {
            extra += value;
            value = (accv)0;
            block = 0;
        }
    }
    if (IS_SUM) value += extra;
#if ACROSS || VEC == 1
    outv total = value, rest = extra;
#else
    outv total = fold_values(value), rest = 0;
#if OP == LOGSUMEXP
    rest = sum_v(extra * EXP_FROM(floatv, value, V(total)));
#endif
#endif
#if LY > 1
    __local outv totals[LY][LX], rests[LY][LX];
    totals[ty][tx] = total;
    rests[ty][tx] = rest;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int width = LY / 2; width > 0; width /= 2) {
        if (ty < width) {
            outv a = totals[ty][tx], b = rests[ty][tx];
            COMBINE(outv, a, b, totals[ty + width][tx], rests[ty + width][tx]);
            totals[ty][tx] = a;
            rests[ty][tx] = b;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    total = totals[0][tx];
    rest = rests[0][tx];
#endif
    if (!active || ty > 0) return;
    const acc *t = (const acc *)&total, *r = (const acc *)&rest;
    for (int e = 0; e < OUT_VEC; e++) {
        if (parts == 1) PUT(y_at + output + e, RESULT(t[e], r[e]));
        else {
            partial[partial_at + part * outputs + output + e] = TO_PARTIAL(t[e]);
            if (OP == LOGSUMEXP)
                partial[partial_at + (parts + part) * outputs + output + e] = TO_PARTIAL(r[e]);
        }
    }
}
#endif

#ifdef KERNEL_reduce_parts
__kernel void reduce_parts(const long outputs, const long count, const long parts, IN(F32, partial),
                           OUT(Y_TYPE, y)) {
    const long i = get_global_id(0);
    if (i >= outputs) return;
    acc value = FIRST_VALUE, extra = 0;
    for (long part = 0; part < parts; part++) {
        const acc v = FROM_PARTIAL(partial[partial_at + part * outputs + i]);
#if OP == LOGSUMEXP
        const acc e = FROM_PARTIAL(partial[partial_at + (parts + part) * outputs + i]);
#else
        const acc e = 0;
#endif
        COMBINE(acc, value, extra, v, e);
    }
    PUT(y_at + i, RESULT(value, extra));
}
#endif

#ifdef KERNEL_mean_variance
// mean, variance f32; variance has divisor count - correction. Two passes over each slice; slices
// are merged by Chan's formula: from (n, mean, squares) twice to the same of the union. partial: 2
// parts outputs floats.
#if ACROSS
typedef floatv outv;
#else
typedef float outv;
#endif
#define MERGE(F, n, mean, squares, n2, mean2, squares2)            \
    do {                                                           \
        const float all = (n) + (n2);                              \
        const F d = (mean2) - (mean);                              \
        if (all > 0) {                                             \
            squares += (squares2) + d * d * (F)((n) * (n2) / all); \
            mean += d * (F)((n2) / all);                           \
        }                                                          \
        n = all;                                                   \
    } while (0)
__kernel void mean_variance(const long outputs, const long count, const long parts,
                            const axes kept_shape, const axes x_kept, const axes reduced_shape,
                            const axes x_reduced, IN(X_TYPE, x), const float correction,
                            OUT(F32, mean), OUT(F32, variance), OUT(F32, partial)) {
    REDUCTION_PLACE
    floatv sum = V(0), squares_v = V(0);
    // steps of this work-item
    const float mine = (float)(to > from + ty ? (to - from - ty + LY - 1) / LY : 0);
    for (long step = from + ty; step < to; step += LY)
        sum += LOADV(X_TYPE, x, ELEMENT_OFFSET(step));
#if ACROSS || VEC == 1
    outv m = mine > 0 ? sum / V(mine) : V(0);
    const floatv centre = m;
#else
    outv m = mine > 0 ? sum_v(sum) / (mine * IN_VEC) : 0;
    const floatv centre = V(m);
#endif
    for (long step = from + ty; step < to; step += LY) {
        const floatv d = LOADV(X_TYPE, x, ELEMENT_OFFSET(step)) - centre;
        squares_v += d * d;
    }
#if ACROSS || VEC == 1
    outv squares = squares_v;
#else
    outv squares = sum_v(squares_v);
#endif
    float n = mine * IN_VEC;
#if LY > 1
    __local outv means[LY][LX], squared[LY][LX];
    __local float counts[LY][LX];
    means[ty][tx] = m;
    squared[ty][tx] = squares;
    counts[ty][tx] = n;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int width = LY / 2; width > 0; width /= 2) {
        if (ty < width) {
            MERGE(outv, n, m, squares, counts[ty + width][tx], means[ty + width][tx],
                  squared[ty + width][tx]);
            means[ty][tx] = m;
            squared[ty][tx] = squares;
            counts[ty][tx] = n;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#endif
    if (!active || ty > 0) return;
    const float *ms = (const float *)&m, *ss = (const float *)&squares;
    for (int e = 0; e < OUT_VEC; e++) {
        if (parts == 1) {
            mean[mean_at + output + e] = ms[e];
            variance[variance_at + output + e] = ss[e] / ((float)count - correction);
        } else {
            partial[partial_at + part * outputs + output + e] = ms[e];
            partial[partial_at + (parts + part) * outputs + output + e] = ss[e];
        }
    }
}
#endif

#ifdef KERNEL_mean_variance_parts
// `in_vec`: the vector width along the reduced axis that mean_variance used (1 with ACROSS).
#define MERGE(n, mean, squares, n2, mean2, squares2)            \
    do {                                                        \
        const float all = (n) + (n2), d = (mean2) - (mean);     \
        if (all > 0) {                                          \
            squares += (squares2) + d * d * ((n) * (n2) / all); \
            mean += d * ((n2) / all);                           \
        }                                                       \
        n = all;                                                \
    } while (0)
__kernel void mean_variance_parts(const long outputs, const long count, const long parts,
                                  const long in_vec, const float correction, IN(F32, partial),
                                  OUT(F32, mean), OUT(F32, variance)) {
    const long i = get_global_id(0);
    if (i >= outputs) return;
    const long steps = count / in_vec, each = (steps + parts - 1) / parts;
    float n = 0, m = 0, squares = 0;
    for (long part = 0; part < parts; part++) {
        const float length = (float)(max(min(each, steps - part * each), 0L) * in_vec);
        MERGE(n, m, squares, length, partial[partial_at + part * outputs + i],
              partial[partial_at + (parts + part) * outputs + i]);
    }
    mean[mean_at + i] = m;
    variance[variance_at + i] = squares / ((float)count - correction);
}
#endif

#ifdef KERNEL_arg_reduce
// y i32: where along the reduced axis (R_RANK 1) the largest (LARGEST 1) or smallest value stands
// first; the first NaN wins. VEC 1, parts 1.
#ifndef LARGEST
#define LARGEST 1
#endif
#if X_TYPE == I32
typedef int value_type;
#define VALUE(i) x[i]
#else
typedef float value_type;
#define VALUE(i) LOAD(X_TYPE, x, i)
#endif
#if LARGEST
#define AHEAD(a, b) (((a) > (b)) | (((a) != (a)) & ((b) == (b))))
#else
#define AHEAD(a, b) (((a) < (b)) | (((a) != (a)) & ((b) == (b))))
#endif
#define SAME(a, b) (((a) == (b)) | (((a) != (a)) & ((b) != (b))))
__kernel void arg_reduce(const long outputs, const long count, const long parts,
                         const axes kept_shape, const axes x_kept, const axes reduced_shape,
                         const axes x_reduced, IN(X_TYPE, x), OUT(I32, y)) {
    REDUCTION_PLACE
    value_type best = 0;
    int place = INT_MAX;   // nothing seen
    for (long step = from + ty; step < to; step += LY) {
        const value_type v = VALUE(step * x_reduced.n[0]);
        if (place == INT_MAX || AHEAD(v, best)) {
            best = v;
            place = (int)step;
        }
    }
#if LY > 1
    __local value_type bests[LY][LX];
    __local int places[LY][LX];
    bests[ty][tx] = best;
    places[ty][tx] = place;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int width = LY / 2; width > 0; width /= 2) {
        if (ty < width) {
            const value_type v = bests[ty + width][tx];
            const int p = places[ty + width][tx];
            const bool first = place == INT_MAX || (SAME(v, best) && p < place);
            if (p != INT_MAX && (first || AHEAD(v, best))) {
                best = v;
                place = p;
            }
            bests[ty][tx] = best;
            places[ty][tx] = place;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#endif
    if (active && ty == 0) y[y_at + output] = place;
}
#endif

#ifdef KERNEL_cumsum
// y = running sum along one axis, from the end if REVERSE. `shape` (K_RANK) is that of the other
// axes; `length`, `x_step` and `y_step` are the axis's. Work-item (i, j) takes chunk j of LY of
// line i.
// Geometry    global (LX ceil(lines / LX), LY), local (LX, LY)
#ifndef REVERSE
#define REVERSE 0
#endif
#if X_TYPE == I32 && Y_TYPE == I32
typedef int sum_type;
#define VALUE(i) x[i]
#define PUT(i, v) y[i] = v
#else
typedef float sum_type;
#define VALUE(i) LOAD(X_TYPE, x, i)
#define PUT(i, v) STORE(Y_TYPE, y, i, v)
#endif
#define AT(i) (REVERSE ? length - 1 - (i) : (i))
__kernel void cumsum(const long lines, const long length, const axes shape, IN_STRIDED(X_TYPE, x),
                     const long x_step, OUT_STRIDED(Y_TYPE, y), const long y_step) {
    const int tx = get_local_id(0), ty = get_local_id(1);
    const long line = get_global_id(0);
    const bool active = line < lines;
    const long each = (length + LY - 1) / LY, from = ty * each;
    const long to = active ? min(length, from + each) : 0;
    x += x_at + (active ? row_offset(line, K_RANK, shape, x_strides) : 0);
    y += y_at + (active ? row_offset(line, K_RANK, shape, y_strides) : 0);
    sum_type sum = 0;
#if LY > 1
    __local sum_type sums[LY][LX];
    for (long i = from; i < to; i++) sum += VALUE(AT(i) * x_step);
    sums[ty][tx] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = 0;
    for (int chunk = 0; chunk < ty; chunk++) sum += sums[chunk][tx];
#endif
    for (long i = from; i < to; i++) {
        sum += VALUE(AT(i) * x_step);
        PUT(AT(i) * y_step, sum);
    }
}
#endif
