// Nearest and bilinear resampling of channels-last pictures, and its gradient.
//
// Formula     nearest: output i takes input floor(i h / oh); bilinear: position
//             (i + 0.5) h / oh - 0.5, at least 0, between its two neighbours.
// Layout      x, dx (n, h, w, c), y, g (n, oh, ow, c), of type X_TYPE.
// Geometry    global (c, positions of the result), any local size: a work-item computes one
//             element. An input's element gathers its gradient, in the order of the outputs.
// Options     X_TYPE; BILINEAR (0 or 1).
// CPU twin    cpu/resample.c

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef BILINEAR
#define BILINEAR 0
#endif

// What output o takes of an axis: (1 - part) of element `low` and part of element `high`.
typedef struct { long low, high; float part; } sample;
static inline sample sample_of(long o, long length, long out) {
    sample s;
#if BILINEAR
    // (2 o + 1) length / (2 out) - 1 / 2 as a fraction of 2 out: exact whole part.
    const long numerator = max((2 * o + 1) * length - out, 0L), denominator = 2 * out;
    s.low = numerator / denominator;
    s.high = min(s.low + 1, length - 1);
    s.part = (float)(numerator - s.low * denominator) / (float)denominator;
#else
    s.low = s.high = o * length / out;
    s.part = 0;
#endif
    return s;
}

#ifdef KERNEL_resample
__kernel void resample(const long n, const long h, const long w, const long c, const long oh,
                       const long ow, IN(X_TYPE, x), OUT(X_TYPE, y)) {
    const long k = get_global_id(0), position = get_global_id(1);
    if (k >= c || position >= n * oh * ow) return;
    const sample v = sample_of(position / ow % oh, h, oh), u = sample_of(position % ow, w, ow);
    const long image = x_at + position / (oh * ow) * h * w * c + k;
#define AT(row, column) LOAD(X_TYPE, x, image + ((row) * w + (column)) * c)
#if BILINEAR
    const float top = AT(v.low, u.low) * (1 - u.part) + AT(v.low, u.high) * u.part;
    const float bottom = AT(v.high, u.low) * (1 - u.part) + AT(v.high, u.high) * u.part;
    STORE(X_TYPE, y, y_at + position * c + k, top * (1 - v.part) + bottom * v.part);
#else
    STORE(X_TYPE, y, y_at + position * c + k, AT(v.low, u.low));
#endif
}
#endif

#ifdef KERNEL_resample_gradient
// The share of element i in sample s.
static inline float share(sample s, long i) { return (s.low == i ? 1 - s.part : 0)
                                             + (s.high == i ? s.part : 0); }
// No output before this one reads element i of its axis; the last that may is last_reader.
static inline long first_reader(long i, long length, long out) {
    return max((i - 1) * out / length - 1, 0L);
}
static inline long last_reader(long i, long length, long out) {
    return min((i + 2) * out / length + 1, out - 1);
}

__kernel void resample_gradient(const long n, const long h, const long w, const long c,
                                const long oh, const long ow, IN(X_TYPE, g), OUT(X_TYPE, dx)) {
    const long k = get_global_id(0), position = get_global_id(1);
    if (k >= c || position >= n * h * w) return;
    const long image = position / (h * w), row = position / w % h, column = position % w;
    const long y1 = last_reader(row, h, oh), x0 = first_reader(column, w, ow),
        x1 = last_reader(column, w, ow);
    float sum = 0;
    for (long oy = first_reader(row, h, oh); oy <= y1; oy++) {
        const float part = share(sample_of(oy, h, oh), row);
        if (part == 0) continue;
        for (long ox = x0; ox <= x1; ox++)
            sum += part * share(sample_of(ox, w, ow), column)
                 * LOAD(X_TYPE, g, g_at + ((image * oh + oy) * ow + ox) * c + k);
    }
    STORE(X_TYPE, dx, dx_at + position * c + k, sum);
}
#endif
