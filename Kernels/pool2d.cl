// Pooling on channels-last pictures, and its gradients.
//
// Formula     y = the largest, or the mean, of a window; include/capus/pool2d.h says of which.
// Layout      x, dx (n, h, w, c), y, g (n, oh, ow, c), of type X_TYPE; index i32 like y: the
//             maximum's row times w plus its column.
// Geometry    global (c, positions of the result), any local size: a work-item computes one
//             element. An input's element gathers its gradient, in the order of the outputs.
// Options     X_TYPE; MAXIMUM (1) or 0: average.
// CPU twin    cpu/pool2d.c

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef MAXIMUM
#define MAXIMUM 1
#endif

// The lengths of apus_pool2d, in its order; the flags 0 or 1.
typedef struct {
    long n, h, w, c, oh, ow, kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w,
        count_include_pad, adaptive;
} pool;

// The window of output o along an axis: taps from ... to - 1 lie inside, at start + tap dilation.
typedef struct { long start, from, to, counted; } window;
static inline window window_of(long o, long length, long out, long taps, long stride, long pad,
                               long dilation, long include_pad, long adaptive) {
    window v;
    if (adaptive) {
        v.start = o * length / out;
        v.from = 0;
        v.to = ((o + 1) * length + out - 1) / out - v.start;
        v.counted = v.to;
        return v;
    }
    v.start = o * stride - pad;
    v.from = v.start < 0 ? (-v.start + dilation - 1) / dilation : 0;
    v.to = v.start < length ? min(taps, (length - v.start + dilation - 1) / dilation) : 0;
    // Padding counts in the divisor, what lies beyond it does not.
    const long beyond = length + pad - v.start;
    const long padded = beyond > 0 ? min(taps, (beyond + dilation - 1) / dilation) : 0;
    v.counted = include_pad ? padded : v.to - v.from;
    return v;
}
#define WINDOW(o, axis, length, out, taps)                                                      \
    window_of(o, length, out, taps, s.stride_##axis, s.pad_##axis, s.dilation_##axis,           \
              s.count_include_pad, s.adaptive)
#define ROWS(o) WINDOW(o, h, s.h, s.oh, s.kh)
#define COLUMNS(o) WINDOW(o, w, s.w, s.ow, s.kw)

// The outputs whose windows may hold input i along an axis: first ... last.
static inline long first_output(long i, long length, long out, long taps, long stride, long pad,
                                long dilation, long adaptive) {
    if (adaptive) return i * out / length;
    const long low = i + pad - (taps - 1) * dilation;
    return low > 0 ? (low + stride - 1) / stride : 0;
}
static inline long last_output(long i, long length, long out, long stride, long pad,
                               long adaptive) {
    return adaptive ? ((i + 1) * out + length - 1) / length - 1 : min(out - 1, (i + pad) / stride);
}

#ifdef KERNEL_pool2d
// index may be NULL; only the maximum writes it.
__kernel void pool2d(const pool s, IN(X_TYPE, x), OUT(X_TYPE, y), OUT(I32, index)) {
    const long c = get_global_id(0), position = get_global_id(1);
    if (c >= s.c || position >= s.n * s.oh * s.ow) return;
    const long image = position / (s.oh * s.ow);
    const window v = ROWS(position / s.ow % s.oh), u = COLUMNS(position % s.ow);
    x += x_at + image * s.h * s.w * s.c + c;
    float value = MAXIMUM ? -INFINITY : 0;
    long best = -1;
    const long dy = s.adaptive ? 1 : s.dilation_h, dx = s.adaptive ? 1 : s.dilation_w;
    for (long ky = v.from; ky < v.to; ky++)
        for (long kx = u.from; kx < u.to; kx++) {
            const long pixel = (v.start + ky * dy) * s.w + u.start + kx * dx;
            const float e = LOAD(X_TYPE, x, pixel * s.c);
            if (!MAXIMUM) value += e;
            else if (best < 0 || e > value || e != e) {   // the first of equals; NaN spreads
                value = e;
                best = pixel;
            }
        }
    if (!MAXIMUM) value /= (float)(v.counted * u.counted);
    STORE(X_TYPE, y, y_at + position * s.c + c, value);
    if (MAXIMUM && index) index[index_at + position * s.c + c] = (int)best;
}
#endif

#ifdef KERNEL_pool2d_gradient
// index: only for the maximum, NULL otherwise.
__kernel void pool2d_gradient(const pool s, IN(X_TYPE, g), IN(I32, index), OUT(X_TYPE, dx)) {
    const long c = get_global_id(0), position = get_global_id(1);
    if (c >= s.c || position >= s.n * s.h * s.w) return;
    const long image = position / (s.h * s.w), row = position / s.w % s.h, column = position % s.w;
    const long y0 = first_output(row, s.h, s.oh, s.kh, s.stride_h, s.pad_h, s.dilation_h,
                                 s.adaptive);
    const long y1 = last_output(row, s.h, s.oh, s.stride_h, s.pad_h, s.adaptive);
    const long x0 = first_output(column, s.w, s.ow, s.kw, s.stride_w, s.pad_w, s.dilation_w,
                                 s.adaptive);
    const long x1 = last_output(column, s.w, s.ow, s.stride_w, s.pad_w, s.adaptive);
    float sum = 0;
    for (long oy = y0; oy <= y1; oy++) {
        const window v = ROWS(oy);
        for (long ox = x0; ox <= x1; ox++) {
            const long at = ((image * s.oh + oy) * s.ow + ox) * s.c + c;
#if MAXIMUM
            if (index[index_at + at] == row * s.w + column) sum += LOAD(X_TYPE, g, g_at + at);
#else
            const window u = COLUMNS(ox);
            const long dy = s.adaptive ? 1 : s.dilation_h, dx_step = s.adaptive ? 1 : s.dilation_w;
            if ((row - v.start) % dy == 0 && (column - u.start) % dx_step == 0)
                sum += LOAD(X_TYPE, g, g_at + at) / (float)(v.counted * u.counted);
#endif
        }
    }
    STORE(X_TYPE, dx, dx_at + position * s.c + c, sum);
}
#endif
