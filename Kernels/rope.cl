// Rotary position embedding.
//
// Formula     (a, b) -> (a cos - b sin, b cos + a sin) for the pairs of the first `dims` channels:
//             (i, i + dims / 2), or (2 i, 2 i + 1) if INTERLEAVED; sin is negated if INVERSE (the
//             gradient). Other channels are copied.
// Layout      x, y (b, h, t, d), any strides; cos, sin (b or 1, t, dims / 2) f32 contiguous,
//             angle_batch elements from one batch entry to the next (0: shared).
// Geometry    global (max(dims / 2, d - dims), t, b h), any local: a work-item turns pair i and
//             copies channel dims + i.
// Options     X_TYPE; INTERLEAVED, INVERSE (0 or 1).
// CPU twin    cpu/rope.c

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef INTERLEAVED
#define INTERLEAVED 0
#endif
#ifndef INVERSE
#define INVERSE 0
#endif

#ifdef KERNEL_rope
__kernel void rope(const long heads, const long positions, const long d, const long dims,
                   IN_STRIDED(X_TYPE, x), IN(F32, cosines), IN(F32, sines), const long angle_batch,
                   OUT_STRIDED(X_TYPE, y)) {
    const long i = get_global_id(0), t = get_global_id(1), bh = get_global_id(2);
    const long b = bh / heads, h = bh % heads, pairs = dims / 2;
    if (t >= positions) return;
    x += x_at + b * x_strides.n[0] + h * x_strides.n[1] + t * x_strides.n[2];
    y += y_at + b * y_strides.n[0] + h * y_strides.n[1] + t * y_strides.n[2];
    const long x_step = x_strides.n[3], y_step = y_strides.n[3];
    if (i < pairs) {
        const long angle = b * angle_batch + t * pairs + i;
        const float c = cosines[cosines_at + angle];
        const float s = INVERSE ? -sines[sines_at + angle] : sines[sines_at + angle];
        const long first = INTERLEAVED ? 2 * i : i, second = INTERLEAVED ? 2 * i + 1 : i + pairs;
        const float u = LOAD(X_TYPE, x, first * x_step), w = LOAD(X_TYPE, x, second * x_step);
        STORE(X_TYPE, y, first * y_step, u * c - w * s);
        STORE(X_TYPE, y, second * y_step, w * c + u * s);
    }
    if (dims + i < d) STORE(X_TYPE, y, (dims + i) * y_step, LOAD(X_TYPE, x, (dims + i) * x_step));
}
#endif
