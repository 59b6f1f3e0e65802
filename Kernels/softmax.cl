// Softmax along rows, its logarithm, and the gradients.
//
// Formula     y = exp(x - max) / sum exp(x - max);  logarithm: y = x - max - log sum exp(x - max)
//             dx = (g - sum(g y)) y;                logarithm: dx = g - exp(y) sum(g)
// Layout      x, y, g, dx (rows, columns), contiguous, of one type.
// Geometry    global (rows WG), local (WG): a work-group passes over a row three times.
// Options     X_TYPE; LOG (0 or 1); WG (1), a power of two; VEC (4), which divides columns.
// CPU twin    cpu/softmax.c

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef LOG
#define LOG 0
#endif

#define EACH(i) for (long i = get_local_id(0) * VEC; i < columns; i += WG * VEC)

#ifdef KERNEL_softmax
__kernel void softmax(const long columns, IN(X_TYPE, x), OUT(X_TYPE, y)) {
    __local float scratch[WG];
    const long row = get_group_id(0);
    x += x_at + row * columns;
    y += y_at + row * columns;
    floatv largest = V(-INFINITY);
    EACH(i) {
        const floatv v = LOADV(X_TYPE, x, i);
        largest = LARGER(largest, v);
    }
    const float top = group_max(max_v(largest), scratch);
    floatv sum = V(0);
    EACH(i) sum += exp(LOADV(X_TYPE, x, i) - V(top));
    const float total = group_sum(sum_v(sum), scratch);
#if LOG
    const float shift = top + log(total);
    EACH(i) STOREV(X_TYPE, y, i, LOADV(X_TYPE, x, i) - V(shift));
#else
    const float scale = 1 / total;
    EACH(i) STOREV(X_TYPE, y, i, exp(LOADV(X_TYPE, x, i) - V(top)) * V(scale));
#endif
}
#endif

#ifdef KERNEL_softmax_gradient
__kernel void softmax_gradient(const long columns, IN(X_TYPE, y), IN(X_TYPE, g), OUT(X_TYPE, dx)) {
    __local float scratch[WG];
    const long row = get_group_id(0);
    y += y_at + row * columns;
    g += g_at + row * columns;
    dx += dx_at + row * columns;
    floatv sum = V(0);
#if LOG
    EACH(i) sum += LOADV(X_TYPE, g, i);
#else
    EACH(i) sum += LOADV(X_TYPE, g, i) * LOADV(X_TYPE, y, i);
#endif
    const float total = group_sum(sum_v(sum), scratch);
#if LOG
    EACH(i) STOREV(X_TYPE, dx, i, LOADV(X_TYPE, g, i) - exp(LOADV(X_TYPE, y, i)) * V(total));
#else
    EACH(i) STOREV(X_TYPE, dx, i, (LOADV(X_TYPE, g, i) - V(total)) * LOADV(X_TYPE, y, i));
#endif
}
#endif
