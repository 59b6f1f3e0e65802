// GGUF's block formats, int8 rows and int4 groups: to floats, from floats, and products with them.
//
// Formula     value = scale code - minimum, or (code - zero) scale: cpu/block_formats.c says what
//             every bit of a block means; codes and products are named at each kernel.
// Layout      matrices (rows, columns) are contiguous, floats of type X_TYPE. Blocks are the
//             ecosystem's bytes, of the FORMAT that GGUF numbers so (apus_format); a buffer's
//             blocks begin at a multiple of 16 bytes. w (n, k) are n rows of k / BLOCK blocks.
//             Sixteen neighbouring values are unpacked at once: in every format they share a scale
//             and a minimum.
// Geometry    named at each kernel, with its tunables.
// Options     FORMAT; X_TYPE.
// CPU twin    cpu/quantized.c, cpu/quantized_rows.c, cpu/block_quantize.c

#ifndef FORMAT
#define FORMAT 2
#endif
#ifndef X_TYPE
#define X_TYPE F32
#endif

#define Q4_0 2
#define Q4_1 3
#define Q5_0 6
#define Q5_1 7
#define Q8_0 8
#define Q2_K 10
#define Q3_K 11
#define Q4_K 12
#define Q5_K 13
#define Q6_K 14
#define IQ4_NL 20
#define IQ4_XS 23

// BLOCK values in BYTES bytes; parts of a block lie at multiples of ALIGN bytes.
#if FORMAT == Q4_0 || FORMAT == IQ4_NL
#define BYTES 18
#define ALIGN 2
#elif FORMAT == Q4_1
#define BYTES 20
#define ALIGN 4
#elif FORMAT == Q5_0
#define BYTES 22
#define ALIGN 2
#elif FORMAT == Q5_1
#define BYTES 24
#define ALIGN 8
#elif FORMAT == Q8_0
#define BYTES 34
#define ALIGN 2
#elif FORMAT == Q2_K
#define BYTES 84
#define ALIGN 4
#elif FORMAT == Q3_K
#define BYTES 110
#define ALIGN 2
#elif FORMAT == Q4_K
#define BYTES 144
#define ALIGN 16
#elif FORMAT == Q5_K
#define BYTES 176
#define ALIGN 16
#elif FORMAT == Q6_K
#define BYTES 210
#define ALIGN 2
#elif FORMAT == IQ4_XS
#define BYTES 136
#define ALIGN 8
#endif
#if FORMAT < Q2_K || FORMAT == IQ4_NL
#define BLOCK 32
#else
#define BLOCK 256
#endif
#define UNITS (BLOCK / 16)

typedef __global const uchar *bytes;

// The widest loads that the alignment allows.
static inline uchar16 load16(bytes p) {
#if ALIGN == 16
    return as_uchar16(*(__global const uint4 *)p);
#elif ALIGN == 8
    return as_uchar16(vload2(0, (__global const ulong *)p));
#elif ALIGN == 4
    return as_uchar16(vload4(0, (__global const uint *)p));
#else
    return as_uchar16(vload8(0, (__global const ushort *)p));
#endif
}
static inline float half_at(bytes p) { return vload_half(0, (__global const half *)p); }

// ---- unit j (0 ..< UNITS) of a block: values 16 j ... 16 j + 15

static inline uchar16 nibbles(bytes q, int high) {
    return load16(q) >> (uchar16)(high * 4) & (uchar16)15;
}

// `width` bits of each of 16 values, of a field that takes 32 bytes for 256 / width values.
static inline uchar16 fields(bytes q, int j, int width) {
    const int i = j * 16, period = 256 / width;
    const uchar16 x = load16(q + i / period * 32 + i % 32);
    return x >> (uchar16)(i % period / 32 * width) & (uchar16)((1 << width) - 1);
}

// Bit l of `set` to bit 4 of code l.
static inline uchar16 fifth_bits(uint set) {
    const uint16 lane = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return convert_uchar16(((uint16)set >> lane & 1) << 4);
}

static inline float16 iq4_levels(uchar16 code) {
    const char16 levels = (char16)(
        -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
    return convert_float16(shuffle(levels, code));
}

// The scale and minimum of sub-block b in the 12 bytes of Q4_K and Q5_K, 6 bits each.
static inline float2 six_bits(bytes s, int b) {
    if (b < 4) return (float2)(s[b] & 63, s[b + 4] & 63);
    return (float2)((s[b + 4] & 15) | s[b - 4] >> 6 << 4, s[b + 4] >> 4 | s[b] >> 6 << 4);
}

static inline float16 unit(bytes b, int j) {
#if FORMAT == Q4_0
    return (convert_float16(nibbles(b + 2, j)) - 8.0f) * half_at(b);
#elif FORMAT == Q4_1
    return fma(convert_float16(nibbles(b + 4, j)), (float16)half_at(b), (float16)half_at(b + 2));
#elif FORMAT == Q5_0
    const uint set = *(__global const ushort *)(b + 2 + 2 * j);
    return (convert_float16(nibbles(b + 6, j) | fifth_bits(set)) - 16.0f) * half_at(b);
#elif FORMAT == Q5_1
    const uint set = *(__global const ushort *)(b + 4 + 2 * j);
    const float16 code = convert_float16(nibbles(b + 8, j) | fifth_bits(set));
    return fma(code, (float16)half_at(b), (float16)half_at(b + 2));
#elif FORMAT == Q8_0
    return convert_float16(as_char16(load16(b + 2 + 16 * j))) * half_at(b);
#elif FORMAT == IQ4_NL
    return iq4_levels(nibbles(b + 2, j)) * half_at(b);
#elif FORMAT == Q2_K
    const float scale = half_at(b + 80) * (float)(b[j] & 15);
    const float minimum = half_at(b + 82) * (float)(b[j] >> 4);
    return fma(convert_float16(fields(b + 16, j, 2)), (float16)scale, (float16)-minimum);
#elif FORMAT == Q3_K
    const int low = b[96 + (j & 7)] >> (j >> 3) * 4 & 15;
    const int high = b[104 + (j & 3)] >> (j >> 2) * 2 & 3;
    const float scale = half_at(b + 108) * (float)((low | high << 4) - 32);
    const uchar16 code = fields(b + 32, j, 2) | fields(b, j, 1) << (uchar16)2;
    return (convert_float16(code) - 4.0f) * scale;
#elif FORMAT == Q4_K
    const float2 s = six_bits(b + 4, j / 2) * (float2)(half_at(b), half_at(b + 2));
    return fma(convert_float16(fields(b + 16, j, 4)), (float16)s.x, (float16)-s.y);
#elif FORMAT == Q5_K
    const float2 s = six_bits(b + 4, j / 2) * (float2)(half_at(b), half_at(b + 2));
    const uchar16 code = fields(b + 48, j, 4) | fields(b + 16, j, 1) << (uchar16)4;
    return fma(convert_float16(code), (float16)s.x, (float16)-s.y);
#elif FORMAT == Q6_K
    const uchar16 low = nibbles(b + j / 8 * 64 + j % 4 * 16, j % 8 / 4);
    const uchar16 code = low | fields(b + 128, j, 2) << (uchar16)4;
    return (convert_float16(code) - 32.0f) * (half_at(b + 208) * (float)as_char(b[192 + j]));
#elif FORMAT == IQ4_XS
    const int s = j / 2, high = *(__global const ushort *)(b + 2) >> 2 * s & 3;
    const int scale = (b[4 + s / 2] >> (s & 1) * 4 & 15) | high << 4;
    return iq4_levels(nibbles(b + 8 + s * 16, j & 1)) * (half_at(b) * (float)(scale - 32));
#endif
}

// Sixteen floats of X_TYPE.
static inline float16 load_x(__global const ELEMENT(X_TYPE) *x, long i) {
#if X_TYPE == F32
    return vload16(0, x + i);
#elif X_TYPE == BF16
    return as_float16(convert_uint16(vload16(0, x + i)) << 16);
#else
    return vload_half16(0, (__global const half *)(x + i));
#endif
}
static inline float sum16(float16 v) {
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    return (b.x + b.z) + (b.y + b.w);
}

#ifdef KERNEL_dequantize
// Formula     y = the values of `units` units of 16, in order.
// Geometry    global (units), any local. Options: FORMAT, X_TYPE of y.
__kernel void dequantize(const long units, IN(U8, w), OUT(X_TYPE, y)) {
    const long u = get_global_id(0);
    if (u >= units) return;
    const float16 v = unit(w + w_at + u / UNITS * BYTES, (int)(u % UNITS));
    y += y_at + u * 16;
#if X_TYPE == F32
    vstore16(v, 0, y);
#else
    const float *each = (const float *)&v;
    for (int i = 0; i < 16; i++) STORE(X_TYPE, y, i, each[i]);
#endif
}
#endif

#ifdef KERNEL_dequantize_rows
// Formula     y (rows, columns) = rows index[i] of w: the lookup of embeddings. index i32; one
//             outside 0 ..< limit gives 0.
// Geometry    global (columns / 16, rows), any local.
__kernel void dequantize_rows(const long columns, const long rows, const long limit, IN(U8, w),
                              IN(I32, index), OUT(X_TYPE, y)) {
    const long u = get_global_id(0), i = get_global_id(1);
    if (u >= columns / 16 || i >= rows) return;
    const long row = index[index_at + i], first = row * (columns / BLOCK);
    float16 v = (float16)0;
    if (row >= 0 && row < limit) v = unit(w + w_at + (first + u / UNITS) * BYTES, (int)(u % UNITS));
    const float *each = (const float *)&v;
    for (int e = 0; e < 16; e++) STORE(X_TYPE, y, y_at + i * columns + u * 16 + e, each[e]);
}
#endif

#ifdef KERNEL_quantize
// Formula     blocks of 32 from their largest or extreme values, with the CPU's bytes: Q8_0, Q4_0,
//             Q4_1, Q5_0, Q5_1.
// Geometry    global (blocks), any local. Options: FORMAT, X_TYPE of x.
#define LEVELS (FORMAT == Q4_0 || FORMAT == Q4_1 ? 16 : 32)
#pragma OPENCL FP_CONTRACT OFF
static inline uchar code_of(float x) {
    return !(x > 0) ? 0 : x < (float)(LEVELS - 1) ? (uchar)x : LEVELS - 1;
}

__kernel void quantize(const long blocks, IN(X_TYPE, x), OUT(U8, w)) {
    const long b = get_global_id(0);
    if (b >= blocks) return;
    float v[32], far = 0;
    for (int i = 0; i < 32; i++) v[i] = LOAD(X_TYPE, x, x_at + b * 32 + i);
    float low = v[0], high = v[0];
    for (int i = 0; i < 32; i++) {
        far = fabs(v[i]) > fabs(far) ? v[i] : far;
        low = v[i] < low ? v[i] : low;
        high = v[i] > high ? v[i] : high;
    }
    w += w_at + b * BYTES;
#if FORMAT == Q8_0
    const float d = fabs(far) / 127, inverse = d != 0 ? 1 / d : 0;
    for (int i = 0; i < 32; i++) {
        const float q = round(v[i] * inverse);
        w[2 + i] = as_uchar((char)(!(q > -127) ? -127 : q < 127 ? (int)q : 127));
    }
#else
#if FORMAT == Q4_0 || FORMAT == Q5_0
    const float d = far / (-LEVELS / 2), from = 0, half_step = LEVELS / 2 + 0.5f;
    __global uchar *q = w + BYTES - 16, *fifth = w + 2;
#else
    const float d = (high - low) / (LEVELS - 1), from = low, half_step = 0.5f;
    __global uchar *q = w + BYTES - 16, *fifth = w + 4;
    vstore_half_rte(low, 0, (__global half *)(w + 2));
#endif
    const float inverse = d != 0 ? 1 / d : 0;
    uint set = 0;
    for (int i = 0; i < 16; i++) {
        const uchar a = code_of((v[i] - from) * inverse + half_step);
        const uchar c = code_of((v[i + 16] - from) * inverse + half_step);
        q[i] = (a & 15) | (c & 15) << 4;
        set |= (uint)(a >> 4) << i | (uint)(c >> 4) << (i + 16);
    }
    if (LEVELS == 32)
        for (int i = 0; i < 4; i++) fifth[i] = (uchar)(set >> 8 * i);
#endif
    vstore_half_rte(d, 0, (__global half *)w);
}
#endif

#ifdef KERNEL_quantize_int8_rows
// Formula     scale = max|x| / 127 (1 for a zero row), q = clamp(round(x / scale), -127, 127), half
//             to even; x (rows, columns), scale (rows) f32.
// Geometry    global (rows WG), local (WG).
// Options     X_TYPE; WG, a power of two; VEC, which divides columns.
__kernel void quantize_int8_rows(const long columns, IN(X_TYPE, x), OUT(I8, q), OUT(F32, scale)) {
    __local float scratch[WG];
    const long row = get_group_id(0);
    x += x_at + row * columns;
    floatv peak = V(0);
    for (long i = get_local_id(0) * VEC; i < columns; i += WG * VEC) {
        const floatv v = fabs(LOADV(X_TYPE, x, i));
        peak = LARGER(v, peak);
    }
    float s = group_max(max_v(peak), scratch) / 127;
    s = s == 0 ? 1 : s;
    if (get_local_id(0) == 0) scale[scale_at + row] = s;
    for (long i = get_local_id(0) * VEC; i < columns; i += WG * VEC) {
        const floatv v = rint(LOADV(X_TYPE, x, i) / V(s));
        STOREV(I8, q, q_at + row * columns + i, fmin(fmax(v, V(-127)), V(127)));
    }
}
#endif

#ifdef KERNEL_quantize_int4_groups
// Formula     as apus_quantize_int4_groups; ZERO_POINT 0 or 1.
// Geometry    global (groups of all rows), any local. Options: X_TYPE, ZERO_POINT.
__kernel void quantize_int4_groups(const long groups, const long length, IN(X_TYPE, x),
                                   OUT(U8, packed), OUT(F32, scale), OUT(F32, zero)) {
    const long g = get_global_id(0);
    if (g >= groups) return;
    x += x_at + g * length;
    packed += packed_at + g * (length / 2);
    float low = ZERO_POINT ? 0 : LOAD(X_TYPE, x, 0), high = low;
    for (long i = 0; i < length; i++) {
        low = fmin(low, LOAD(X_TYPE, x, i));
        high = fmax(high, LOAD(X_TYPE, x, i));
    }
    float s = (high - low) / 15;
    s = s == 0 ? 1 : s;
    const float z = clamp(rint(-low / s), 0.0f, 15.0f);
    scale[scale_at + g] = s;
    zero[zero_at + g] = ZERO_POINT ? z : low;
    for (long i = 0; i < length; i += 2) {
        uint code[2];
        for (int e = 0; e < 2; e++) {
            const float v = LOAD(X_TYPE, x, i + e);
            const float q = ZERO_POINT ? rint(v / s) + z : rint((v - low) / s);
            code[e] = (uint)clamp(q, 0.0f, 15.0f);
        }
        packed[i / 2] = (uchar)(code[0] | code[1] << 4);
    }
}
#endif

#ifdef KERNEL_dequantize_int4_groups
// Formula     y = (code - zero) scale, or code scale + zero without ZERO_POINT; y (pairs, 2).
// Geometry    global (pairs), any local. Options: X_TYPE of y, ZERO_POINT.
__kernel void dequantize_int4_groups(const long pairs, const long length, IN(U8, packed),
                                     IN(F32, scale), IN(F32, zero), OUT(X_TYPE, y)) {
    const long i = get_global_id(0);
    if (i >= pairs) return;
    const long g = 2 * i / length;
    const float s = scale[scale_at + g], z = zero[zero_at + g];
    const uchar code = packed[packed_at + i];
    for (int e = 0; e < 2; e++) {
        const float q = (float)(e ? code >> 4 : code & 15);
        STORE(X_TYPE, y, y_at + 2 * i + e, ZERO_POINT ? (q - z) * s : q * s + z);
    }
}
#endif

// ---- products: y (m, n) = x (m, k) w^T + bias, w in blocks; y and bias f32, bias may be NULL

#ifdef KERNEL_quantized_matmul_few_rows
// At most M rows (a compile-time number): a work-group takes a row of w, its items units of 16
// values along k, each of which is unpacked once for all rows of x.
// Geometry    global (WG n), local (WG). Options: FORMAT, X_TYPE, M; WG, a power of two.
#ifndef M
#define M 1
#endif
__kernel void quantized_matmul_few_rows(const long m, const long n, const long k, IN(X_TYPE, x),
                                        IN(U8, w), IN(F32, bias), OUT(F32, y)) {
    __local float scratch[WG];
    const long column = get_group_id(0);
    w += w_at + column * (k / BLOCK) * BYTES;
    x += x_at;
    float16 sums[M];
    for (int i = 0; i < M; i++) sums[i] = (float16)0;
    for (long u = get_local_id(0); u < k / 16; u += WG) {
        const float16 v = unit(w + u / UNITS * BYTES, (int)(u % UNITS));
        for (int i = 0; i < M; i++)
            sums[i] = fma(load_x(x, min((long)i, m - 1) * k + u * 16), v, sums[i]);
    }
    for (int i = 0; i < M; i++) {
        float total = group_sum(sum16(sums[i]), scratch);
        if (bias) total += bias[bias_at + column];
        if (get_local_id(0) == 0 && i < m) y[y_at + i * n + column] = total;
    }
}
#endif

#if defined(KERNEL_quantized_matmul) || defined(KERNEL_int8_matmul)
#ifndef MWG
#define MWG 64
#endif
#ifndef NWG
#define NWG 64
#endif
#ifndef MDIM
#define MDIM 16
#endif
#ifndef NDIM
#define NDIM 16
#endif
#define ITEMS (MDIM * NDIM)
#if ITEMS == 1
#define SYNCHRONISE
#else
#define SYNCHRONISE barrier(CLK_LOCAL_MEM_FENCE);
#endif
#define MWI (MWG / MDIM)
#define NWI (NWG / NDIM / VEC)
#endif

#ifdef KERNEL_quantized_matmul
// Many rows: tiles of x and of w, unpacked, go through local memory in steps of KWG; an item adds
// to MWI x NWI sums of VEC columns, RI rows of them at a time in registers.
// Geometry    global (NDIM ceil(n / NWG), MDIM ceil(m / MWG)), local (NDIM, MDIM)
// Tunables    MWG, NWG, KWG, MDIM, NDIM, VEC, RI (MWI); MWG a multiple of MDIM RI, NWG of NDIM VEC,
//             KWG of 16. On a CPU: MDIM = NDIM = 1, MWG 96, RI 12, NWG 32, VEC 16, KWG 64.
#ifndef KWG
#define KWG 32
#endif
#ifndef RI
#define RI MWI
#endif
__kernel __attribute__((reqd_work_group_size(NDIM, MDIM, 1)))
void quantized_matmul(const long m, const long n, const long k, IN(X_TYPE, x), IN(U8, w),
                      IN(F32, bias), OUT(F32, y)) {
    __local float x_tile[KWG][MWG + (ITEMS > 1)];   // padded: columns are written side by side
    __local floatv w_tile[KWG][NWG / VEC];
    const int tn = get_local_id(0), tm = get_local_id(1), item = tm * NDIM + tn;
    const long m0 = (long)get_group_id(1) * MWG, n0 = (long)get_group_id(0) * NWG;
    floatv sums[MWI][NWI];
    for (int i = 0; i < MWI; i++)
        for (int j = 0; j < NWI; j++) sums[i][j] = V(0);
    for (long k0 = 0; k0 < k; k0 += KWG) {
        for (int e = item; e < NWG * (KWG / 16); e += ITEMS) {
            const int part = e % (KWG / 16), column = e / (KWG / 16);
            const long u = k0 / 16 + part;
            float16 v = (float16)0;
            if (n0 + column < n && u * 16 < k) {
                const long block = (n0 + column) * (k / BLOCK) + u / UNITS;
                v = unit(w + w_at + block * BYTES, (int)(u % UNITS));
            }
            const float *each = (const float *)&v;
            for (int l = 0; l < 16; l++) ((__local float *)w_tile[part * 16 + l])[column] = each[l];
        }
        for (int e = item; e < MWG * KWG; e += ITEMS) {
            const long row = m0 + e / KWG, p = k0 + e % KWG;
            x_tile[e % KWG][e / KWG] = row < m && p < k ? LOAD(X_TYPE, x, x_at + row * k + p) : 0;
        }
        SYNCHRONISE
        for (int from = 0; from < MWI; from += RI) {
            floatv part[RI][NWI];
            for (int i = 0; i < RI; i++)
                for (int j = 0; j < NWI; j++) part[i][j] = sums[from + i][j];
            for (int p = 0; p < KWG; p++) {
                floatv right[NWI];
                for (int j = 0; j < NWI; j++) right[j] = w_tile[p][j * NDIM + tn];
                for (int i = 0; i < RI; i++) {
                    const floatv left = V(x_tile[p][tm * MWI + from + i]);
                    for (int j = 0; j < NWI; j++) part[i][j] = fma(left, right[j], part[i][j]);
                }
            }
            for (int i = 0; i < RI; i++)
                for (int j = 0; j < NWI; j++) sums[from + i][j] = part[i][j];
        }
        SYNCHRONISE
    }
    for (int i = 0; i < MWI; i++)
        for (int j = 0; j < NWI; j++) {
            const long row = m0 + tm * MWI + i, column = n0 + (j * NDIM + tn) * VEC;
            const floatv total = sums[i][j];   // a copy: indexing sums would move them to memory
            const float *each = (const float *)&total;
            for (int e = 0; row < m && e < VEC && column + e < n; e++) {
                const float shift = bias ? bias[bias_at + column + e] : 0;
                y[y_at + row * n + column + e] = each[e] + shift;
            }
        }
}
#endif

// ---- int8: whole-number sums of products, one scale a row of either operand

// Four products of bytes, added to acc.
static inline int dot4(int acc, uint a, uint b) {
#ifdef __opencl_c_integer_dot_product_input_4x8bit_packed
    return acc + dot_4x8packed_ss_int(a, b);
#else
    const int4 p = convert_int4(as_char4(a)) * convert_int4(as_char4(b));
    return acc + (p.x + p.y) + (p.z + p.w);
#endif
}
// The n (1 ... 4) bytes at p, then zeros.
static inline uint load4(__global const char *p, long n) {
    if (n >= 4) return as_uint(vload4(0, p));
    uint four = as_uchar(p[0]);
    if (n > 1) four |= (uint)as_uchar(p[1]) << 8;
    if (n > 2) four |= (uint)as_uchar(p[2]) << 16;
    return four;
}

#ifdef KERNEL_int8_matmul
// Formula     y (m, n) = (x w^T) sx sw + bias: x (m, k), sx (m), w (n, k), sw (n), bias (n) f32 or
//             NULL, y f32.
// Geometry    global (NDIM ceil(n / NWG), MDIM ceil(m / MWG)), local (NDIM, MDIM)
// Tunables    MWG, NWG, MDIM, NDIM, VEC as above; KWG: values of k in a step, a multiple of 4.
#ifndef KWG
#define KWG 64
#endif
#define FOURS (KWG / 4)
__kernel __attribute__((reqd_work_group_size(NDIM, MDIM, 1)))
void int8_matmul(const long m, const long n, const long k, IN(I8, x), IN(F32, sx), IN(I8, w),
                 IN(F32, sw), IN(F32, bias), OUT(F32, y)) {
    __local uint x_tile[FOURS][MWG + 1], w_tile[FOURS][NWG + 1];
    const int tn = get_local_id(0), tm = get_local_id(1), item = tm * NDIM + tn;
    const long m0 = (long)get_group_id(1) * MWG, n0 = (long)get_group_id(0) * NWG;
    int sums[MWI][NWI * VEC];
    for (int i = 0; i < MWI; i++)
        for (int j = 0; j < NWI * VEC; j++) sums[i][j] = 0;
    for (long k0 = 0; k0 < k; k0 += KWG) {
        for (int e = item; e < MWG * FOURS; e += ITEMS) {
            const long row = m0 + e / FOURS, p = k0 + e % FOURS * 4;
            const bool inside = row < m && p < k;
            x_tile[e % FOURS][e / FOURS] = inside ? load4(x + x_at + row * k + p, k - p) : 0;
        }
        for (int e = item; e < NWG * FOURS; e += ITEMS) {
            const long row = n0 + e / FOURS, p = k0 + e % FOURS * 4;
            const bool inside = row < n && p < k;
            w_tile[e % FOURS][e / FOURS] = inside ? load4(w + w_at + row * k + p, k - p) : 0;
        }
        SYNCHRONISE
        for (int p = 0; p < FOURS; p++)
            for (int i = 0; i < MWI; i++) {
                const uint left = x_tile[p][tm * MWI + i];
                for (int j = 0; j < NWI * VEC; j++)
                    sums[i][j] = dot4(sums[i][j], left, w_tile[p][j * NDIM + tn]);
            }
        SYNCHRONISE
    }
    for (int i = 0; i < MWI; i++)
        for (int j = 0; j < NWI * VEC; j++) {
            const long row = m0 + tm * MWI + i, column = n0 + j * NDIM + tn;
            if (row >= m || column >= n) continue;
            const float v = (float)sums[i][j] * sx[sx_at + row] * sw[sw_at + column];
            y[y_at + row * n + column] = v + (bias ? bias[bias_at + column] : 0);
        }
}
#endif

#ifdef KERNEL_int8_conv2d
// Formula     y = conv(x, weight) sx sw + bias, directly: x (n, h, w, cin) int8, sx (n),
//             weight (cout, kh, kw, cin / groups) int8, sw (cout), bias (cout) f32 or NULL,
//             y (n, oh, ow, cout) f32.
// Geometry    global (cout, ceil(ow / 4), n oh), any local: an item takes four neighbouring pixels
//             of one channel.
typedef struct {
    long n, h, w, cin, cout, kh, kw, oh, ow;
    long stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups;
} conv;   // in the order of apus_conv2d
__kernel void int8_conv2d(const conv s, IN(I8, x), IN(F32, sx), IN(I8, weight), IN(F32, sw),
                          IN(F32, bias), OUT(F32, y)) {
    const long channel = get_global_id(0), ox = (long)get_global_id(1) * 4, line = get_global_id(2);
    if (channel >= s.cout || ox >= s.ow || line >= s.n * s.oh) return;
    const long sample = line / s.oh, oy = line % s.oh, each = s.cin / s.groups;
    const long group = channel / (s.cout / s.groups);
    weight += weight_at + channel * s.kh * s.kw * each;
    x += x_at + sample * s.h * s.w * s.cin + group * each;
    int sums[4] = {0, 0, 0, 0};
    for (long ky = 0; ky < s.kh; ky++) {
        const long iy = oy * s.stride_h - s.pad_h + ky * s.dilation_h;
        if (iy < 0 || iy >= s.h) continue;
        for (long kx = 0; kx < s.kw; kx++) {
            __global const char *tap = weight + (ky * s.kw + kx) * each;
            const long ix = ox * s.stride_w - s.pad_w + kx * s.dilation_w;
            for (long c = 0; c < each; c += 4) {
                const uint right = load4(tap + c, each - c);
                for (int i = 0; i < 4; i++) {
                    const long at = ix + i * s.stride_w;
                    if (at < 0 || at >= s.w) continue;
                    const uint left = load4(x + (iy * s.w + at) * s.cin + c, each - c);
                    sums[i] = dot4(sums[i], left, right);
                }
            }
        }
    }
    const float scale = sx[sx_at + sample] * sw[sw_at + channel];
    const float shift = bias ? bias[bias_at + channel] : 0;
    for (int i = 0; i < 4 && ox + i < s.ow; i++)
        y[y_at + (line * s.ow + ox + i) * s.cout + channel] = (float)sums[i] * scale + shift;
}
#endif
