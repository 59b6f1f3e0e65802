// 2-D convolution on channels-last data and its gradients, as matrix products whose operands are
// gathered on the way.
//
// Formula     y = activation(conv(x, weight) + bias) + residual: output row o takes input row
//             o stride - pad + k dilation for tap k, and columns likewise.
// Layout      x (n, h, w, cin), weight (cout, kh, kw, cin / groups), y (n, oh, ow, cout),
//             contiguous, of type X_TYPE; bias f32.
// Kernels     conv2d: y with PASS 0. With PASS 1 dx from g (argument x) and weight, which is also
//             the transposed convolution, with its bias.
//             conv2d_weight_gradient: dweight in `parts` sums over the positions, f32; add them up
//             with `reduce`.
//             conv2d_depthwise, conv2d_depthwise_weight_gradient: for groups = cin = cout.
// Geometry    named at each kernel.
// Options     X_TYPE; ACTIVATION; PASS.
// Tunables    MWG, NWG, KWG, MDIM, NDIM, VEC as in matmul.cl: powers of two, but for MWG where
//             MDIM is 1.
// CPU twin    cpu/conv2d.c. bias and residual may be NULL.

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef ACTIVATION
#define ACTIVATION 0
#endif
#ifndef PASS
#define PASS 0
#endif
#ifndef MWG
#define MWG 64
#endif
#ifndef NWG
#define NWG 64
#endif
#ifndef KWG
#define KWG 16
#endif
#ifndef MDIM
#define MDIM 16
#endif
#ifndef NDIM
#define NDIM 16
#endif

// The lengths of a convolution: passed by value, in the order of apus_conv2d.
typedef struct {
    long n, h, w, cin, cout, kh, kw, oh, ow, stride_h, stride_w, pad_h, pad_w, dilation_h,
        dilation_w, groups;
} conv;

// Output or input position number i of a plane (height, width) as picture, row, column.
typedef struct { int image, y, x; } place;
static inline place place_of(long i, long height, long width) {
    place p;
    const ulong row = (ulong)i / (ulong)width;
    p.x = (int)(i - (long)row * width);
    p.image = (int)(row / (ulong)height);
    p.y = (int)(row % (ulong)height);
    return p;
}

// Where output place o meets tap (ky, kx) in x: the index of the pixel, -1 outside.
static inline long input_pixel(const conv s, place o, int ky, int kx) {
    const long y = o.y * s.stride_h - s.pad_h + ky * s.dilation_h;
    const long x = o.x * s.stride_w - s.pad_w + kx * s.dilation_w;
    return y >= 0 && y < s.h && x >= 0 && x < s.w ? (o.image * s.h + y) * s.w + x : -1;
}
// The output pixel that meets input place i at tap (ky, kx), -1 if there is none.
static inline long output_pixel(const conv s, place i, int ky, int kx) {
    const int y = i.y + (int)s.pad_h - ky * (int)s.dilation_h;
    const int x = i.x + (int)s.pad_w - kx * (int)s.dilation_w;
    const int sy = (int)s.stride_h, sx = (int)s.stride_w;
    if (y < 0 || x < 0 || y % sy != 0 || x % sx != 0) return -1;
    return y / sy < s.oh && x / sx < s.ow ? (i.image * s.oh + y / sy) * s.ow + x / sx : -1;
}

// ---- the tiled products: sums (MWI, NWI) of a work-item from tiles a (KWG, MWG) and b (KWG, NWG)
// in local memory

#define ITEMS (MDIM * NDIM)
#define MWI (MWG / MDIM)
#define NWI (NWG / NDIM / VEC)
#if ITEMS == 1
#define SYNCHRONISE
#else
#define SYNCHRONISE barrier(CLK_LOCAL_MEM_FENCE);
#endif
// Work-items share out a tile: SHARE(length) of them lie side by side along its contiguous length.
#define SHARE(length) (ITEMS < (length) ? ITEMS : (length))

#define TILES                                                                    \
    __local float a_tile[KWG][MWG] __attribute__((aligned(64)));                 \
    __local floatv b_tile[KWG][NWG / VEC];                                       \
    const int tn = get_local_id(0), tm = get_local_id(1), item = tm * NDIM + tn; \
    floatv sums[MWI][NWI];                                                       \
    for (int i = 0; i < MWI; i++)                                                \
        for (int j = 0; j < NWI; j++) sums[i][j] = V(0);
#define PUT_A(p, i, value) a_tile[p][i] = value
#define PUT_B(p, j, value) ((__local float *)b_tile[p])[j] = value
#define MULTIPLY                                                                        \
    SYNCHRONISE                                                                         \
    for (int p = 0; p < KWG; p++) {                                                     \
        floatv right[NWI];                                                              \
        for (int j = 0; j < NWI; j++) right[j] = b_tile[p][j * NDIM + tn];              \
        for (int i = 0; i < MWI; i++) {                                                 \
            const floatv left = V(a_tile[p][tm * MWI + i]);                             \
            for (int j = 0; j < NWI; j++) sums[i][j] = fma(left, right[j], sums[i][j]); \
        }                                                                               \
    }                                                                                   \
    SYNCHRONISE

#ifdef KERNEL_conv2d
// Rows of the product: positions of the result; columns: its channels in a group; sum: taps, then
// the other channels.
// Geometry    global (NDIM ceil(columns / NWG), MDIM ceil(positions / MWG), groups),
//             local (NDIM, MDIM, 1)
__kernel __attribute__((reqd_work_group_size(NDIM, MDIM, 1)))
void conv2d(const conv s, IN(X_TYPE, x), IN(X_TYPE, weight), IN(F32, bias), IN(X_TYPE, residual),
            OUT(X_TYPE, y)) {
    TILES
    const int group = get_group_id(2), taps = (int)(s.kh * s.kw);
    const long cin = s.cin / s.groups, cout = s.cout / s.groups;   // of the group
#if PASS == 0
    const long rows = s.n * s.oh * s.ow, inner = cin, columns = cout, x_channels = s.cin,
        y_channels = s.cout;
#else
    const long rows = s.n * s.h * s.w, inner = cout, columns = cin, x_channels = s.cout,
        y_channels = s.cin;
#endif
    const long m0 = (long)get_group_id(1) * MWG, n0 = (long)get_group_id(0) * NWG;
    x += x_at + group * inner;
    weight += weight_at + group * cout * taps * cin;
    enum { FAST = SHARE(KWG), SLOW = ITEMS / FAST, EACH = (MWG + SLOW - 1) / SLOW };
    const int fast = item % FAST, slow = item / FAST;
    place places[EACH];
    for (int e = 0; e < EACH; e++)
#if PASS == 0
        places[e] = place_of(min(m0 + slow + e * SLOW, rows - 1), s.oh, s.ow);
#else
        places[e] = place_of(min(m0 + slow + e * SLOW, rows - 1), s.h, s.w);
#endif
    for (int tap = 0; tap < taps; tap++) {
        const int ky = tap / (int)s.kw, kx = tap % (int)s.kw;
        for (long c0 = 0; c0 < inner; c0 += KWG) {
            const int depth = (int)min((long)KWG, inner - c0);
            for (int e = 0; e < EACH; e++) {
                const int i = slow + e * SLOW;
                if (i >= MWG) break;
#if PASS == 0
                const long pixel = m0 + i < rows ? input_pixel(s, places[e], ky, kx) : -1;
#else
                const long pixel = m0 + i < rows ? output_pixel(s, places[e], ky, kx) : -1;
#endif
                const long from = pixel * x_channels + c0;
                if (pixel >= 0 && depth == KWG)
                    for (int p = fast; p < KWG; p += FAST) PUT_A(p, i, LOAD(X_TYPE, x, from + p));
                else
                    for (int p = fast; p < KWG; p += FAST)
                        PUT_A(p, i, pixel >= 0 && p < depth ? LOAD(X_TYPE, x, from + p) : 0);
            }
#if PASS == 0   // weight (columns, taps, inner): neighbours along the sum
            for (int j = slow; j < NWG; j += SLOW) {
                const long from = ((n0 + j) * taps + tap) * inner + c0;
                for (int p = fast; p < KWG; p += FAST)
                    PUT_B(p, j, n0 + j < columns && p < depth ? LOAD(X_TYPE, weight, from + p) : 0);
            }
#else           // weight (inner, taps, columns): neighbours along the columns
            for (int p = item / SHARE(NWG); p < KWG; p += ITEMS / SHARE(NWG)) {
                const long from = ((c0 + p) * taps + tap) * columns + n0;
                for (int j = item % SHARE(NWG); j < NWG; j += SHARE(NWG))
                    PUT_B(p, j, n0 + j < columns && p < depth ? LOAD(X_TYPE, weight, from + j) : 0);
            }
#endif
            MULTIPLY
        }
    }
    for (int i = 0; i < MWI; i++) {
        const long row = m0 + tm * MWI + i;
        if (row >= rows) break;
        for (int j = 0; j < NWI; j++) {
            const long column = n0 + (j * NDIM + tn) * VEC, channel = group * columns + column;
            const long at = row * y_channels + channel;
            if (column + VEC <= columns) {
                floatv v = sums[i][j];
                if (bias) v += LOADV(F32, bias, bias_at + channel);
                v = activate_v(ACTIVATION, v);
                if (residual) v += LOADV(X_TYPE, residual, residual_at + at);
                STOREV(X_TYPE, y, y_at + at, v);
            } else {
                for (int e = 0; column + e < columns; e++) {
                    float v = ((const float *)&sums[i][j])[e];
                    if (bias) v += bias[bias_at + channel + e];
                    v = activate(ACTIVATION, v);
                    if (residual) v += LOAD(X_TYPE, residual, residual_at + at + e);
                    STORE(X_TYPE, y, y_at + at + e, v);
                }
            }
        }
    }
}
#endif

#ifdef KERNEL_conv2d_weight_gradient
// Rows: output channels of a group; columns: its input channels; sum: positions of part p. One tap
// a work-group. dweight (parts, cout, kh, kw, cin / groups) f32.
// Geometry    global (NDIM ceil(cin / groups / NWG), MDIM ceil(cout / groups / MWG),
//             parts groups kh kw), local (NDIM, MDIM, 1)
__kernel __attribute__((reqd_work_group_size(NDIM, MDIM, 1)))
void conv2d_weight_gradient(const conv s, const long parts, IN(X_TYPE, x), IN(X_TYPE, g),
                            OUT(F32, dweight)) {
    TILES
    const int taps = (int)(s.kh * s.kw), tap = (int)(get_group_id(2) % taps);
    const long group = get_group_id(2) / taps % s.groups, part = get_group_id(2) / taps / s.groups;
    const int ky = tap / (int)s.kw, kx = tap % (int)s.kw;
    const long rows = s.cout / s.groups, columns = s.cin / s.groups, positions = s.n * s.oh * s.ow;
    const long m0 = (long)get_group_id(1) * MWG, n0 = (long)get_group_id(0) * NWG;
    const long each = (positions + parts - 1) / parts, end = min(positions, (part + 1) * each);
    for (long p0 = part * each; p0 < end; p0 += KWG) {
        for (int p = item / SHARE(MWG); p < KWG; p += ITEMS / SHARE(MWG)) {
            const long from = g_at + (p0 + p) * s.cout + group * rows + m0;
            for (int i = item % SHARE(MWG); i < MWG; i += SHARE(MWG))
                PUT_A(p, i, p0 + p < end && m0 + i < rows ? LOAD(X_TYPE, g, from + i) : 0);
        }
        for (int p = item / SHARE(NWG); p < KWG; p += ITEMS / SHARE(NWG)) {
            const place o = place_of(min(p0 + p, end - 1), s.oh, s.ow);
            const long pixel = p0 + p < end ? input_pixel(s, o, ky, kx) : -1;
            const long from = x_at + pixel * s.cin + group * columns + n0;
            for (int j = item % SHARE(NWG); j < NWG; j += SHARE(NWG))
                PUT_B(p, j, pixel >= 0 && n0 + j < columns ? LOAD(X_TYPE, x, from + j) : 0);
        }
        MULTIPLY
    }
    for (int i = 0; i < MWI; i++) {
        const long row = m0 + tm * MWI + i;
        if (row >= rows) break;
        const long at = dweight_at + ((part * s.cout + group * rows + row) * taps + tap) * columns;
        for (int j = 0; j < NWI; j++) {
            const long column = n0 + (j * NDIM + tn) * VEC;
            for (int e = 0; e < VEC && column + e < columns; e++)
                dweight[at + column + e] = ((const float *)&sums[i][j])[e];
        }
    }
}
#endif

// ---- depthwise: one input and one output channel a group; a work-item takes a channel of a pixel

#ifdef KERNEL_conv2d_depthwise
// Global (channels, positions of the result). PASS 0 or 1, as conv2d.
__kernel void conv2d_depthwise(const conv s, IN(X_TYPE, x), IN(X_TYPE, weight), IN(F32, bias),
                               IN(X_TYPE, residual), OUT(X_TYPE, y)) {
    const long c = get_global_id(0), row = get_global_id(1), taps = s.kh * s.kw;
#if PASS == 0
    const long height = s.oh, width = s.ow;
#else
    const long height = s.h, width = s.w;
#endif
    if (c >= s.cin || row >= s.n * height * width) return;
    const place here = place_of(row, height, width);
    float sum = 0;
    for (int ky = 0; ky < s.kh; ky++)
        for (int kx = 0; kx < s.kw; kx++) {
#if PASS == 0
            const long pixel = input_pixel(s, here, ky, kx);
#else
            const long pixel = output_pixel(s, here, ky, kx);
#endif
            if (pixel >= 0)
                sum += LOAD(X_TYPE, x, x_at + pixel * s.cin + c)
                     * LOAD(X_TYPE, weight, weight_at + c * taps + ky * s.kw + kx);
        }
    if (bias) sum += bias[bias_at + c];
    sum = activate(ACTIVATION, sum);
    if (residual) sum += LOAD(X_TYPE, residual, residual_at + row * s.cin + c);
    STORE(X_TYPE, y, y_at + row * s.cin + c, sum);
}
#endif

#ifdef KERNEL_conv2d_depthwise_weight_gradient
// dweight (parts, channels, kh, kw) f32. Global (channels, kh kw, parts).
__kernel void conv2d_depthwise_weight_gradient(const conv s, const long parts, IN(X_TYPE, x),
                                               IN(X_TYPE, g), OUT(F32, dweight)) {
    const long c = get_global_id(0), tap = get_global_id(1), part = get_global_id(2);
    const long taps = s.kh * s.kw, positions = s.n * s.oh * s.ow;
    if (c >= s.cin || tap >= taps || part >= parts) return;
    const int ky = (int)(tap / s.kw), kx = (int)(tap % s.kw);
    const long each = (positions + parts - 1) / parts, end = min(positions, (part + 1) * each);
    float sum = 0;
    for (long p = part * each; p < end; p++) {
        const long pixel = input_pixel(s, place_of(p, s.oh, s.ow), ky, kx);
        if (pixel >= 0)
            sum += LOAD(X_TYPE, x, x_at + pixel * s.cin + c)
                 * LOAD(X_TYPE, g, g_at + p * s.cout + c);
    }
    dweight[dweight_at + (part * s.cin + c) * taps + tap] = sum;
}
#endif
