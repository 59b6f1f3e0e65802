// GGUF's blocks whose best scales must be searched: Q2_K ... Q6_K, IQ4_NL and IQ4_XS, from floats.
//
// Formula     value = d scale level - dmin minimum, with whole numbers scale and minimum for each
//             sub-block. Each sub-block is fitted by itself first: among grids that stretch its
//             range to all levels, or a bit less or more, the one whose least-squares scale (and
//             minimum) leaves the smallest error. d and dmin then make the largest of them the
//             largest whole number; every sub-block chooses among the neighbouring whole numbers;
//             and d and dmin follow by least squares, as long as that helps.
// Layout      x (blocks, BLOCK) of X_TYPE; w (blocks, BYTES), of the FORMAT that GGUF numbers so
//             (apus_format), from a multiple of 2 bytes.
// Geometry    global (blocks), any local: a work-item takes a block.
// Options     FORMAT, X_TYPE; VEC, which divides 16.
// CPU twin    cpu/block_search.c, without importance. Sums run in another order than there, so
//             that a rare block takes another of two equally good grids.

#ifndef FORMAT
#define FORMAT 12
#endif
#ifndef X_TYPE
#define X_TYPE F32
#endif

#define Q2_K 10
#define Q3_K 11
#define Q4_K 12
#define Q5_K 13
#define Q6_K 14
#define IQ4_NL 20
#define IQ4_XS 23

// BLOCK values in BYTES bytes, SUB of them with one scale. Levels are LOW ... HIGH, or IQ4's
// between; scales SCALE_LOW ... SCALE_HIGH, minima 0 ... MINIMUM_HIGH (0: there are none). TRIES
// grids, STRIDE levels apart, are tried on either side of the full range.
#define BLOCK (FORMAT == IQ4_NL ? 32 : 256)
#define SUB (FORMAT == Q2_K || FORMAT == Q3_K || FORMAT == Q6_K ? 16 : 32)
#define TRIES (FORMAT == Q2_K ? 15 : 10)
#if FORMAT == Q2_K
#define BYTES 84
#define LOW 0
#define HIGH 3
#define SCALE_LOW 0
#define SCALE_HIGH 15
#define MINIMUM_HIGH 15
#define STRIDE 0.1f
#elif FORMAT == Q3_K
#define BYTES 110
#define LOW -4
#define HIGH 3
#define SCALE_LOW -32
#define SCALE_HIGH 31
#define MINIMUM_HIGH 0
#define STRIDE 0.1f
#elif FORMAT == Q4_K || FORMAT == Q5_K
#define BYTES (FORMAT == Q4_K ? 144 : 176)
#define LOW 0
#define HIGH (FORMAT == Q4_K ? 15 : 31)
#define SCALE_LOW 0
#define SCALE_HIGH 63
#define MINIMUM_HIGH 63
#define STRIDE 0.2f
#elif FORMAT == Q6_K
#define BYTES 210
#define LOW -32
#define HIGH 31
#define SCALE_LOW -128
#define SCALE_HIGH 127
#define MINIMUM_HIGH 0
#define STRIDE 0.1f
#else
#define TABLE
#define BYTES (FORMAT == IQ4_NL ? 18 : 136)
#define LOW -127
#define HIGH 113
#define SCALE_LOW (FORMAT == IQ4_NL ? 1 : -32)
#define SCALE_HIGH (FORMAT == IQ4_NL ? 1 : 31)
#define MINIMUM_HIGH 0
#define STRIDE 2.0f
#endif
#define SUBS (BLOCK / SUB)
#define STEPS (SUB / VEC)   // vectors in a sub-block

typedef struct { float scale, minimum, error; } fit;
typedef struct {
    float d, dmin;   // exact as halves
    int scale[SUBS], minimum[SUBS];
} grid;

static inline float rounded_to_half(float x) {
    ushort h;
    vstore_half_rte(x, 0, (half *)&h);
    return vload_half(0, (const half *)&h);
}
static inline float inverse_of(float x) { return x != 0 ? 1 / x : 0; }

// x / d to the nearest of low ... high.
static inline int whole(float x, float d, int low, int high) {
    const float q = d != 0 ? x / d : 0;
    return !(q > (float)low) ? low : q < (float)high ? (int)rint(q) : high;
}

#ifdef TABLE
__constant float iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                            1, 13, 25, 38, 53, 69, 89, 113};
#endif

// The level nearest to x; NaN gives the lowest.
static inline floatv level(floatv x) {
#ifdef TABLE
    floatv nearest = V(iq4[0]);
    for (int i = 0; i < 15; i++)
        nearest = x > V((iq4[i] + iq4[i + 1]) / 2) ? V(iq4[i + 1]) : nearest;
    return nearest;
#else
    x = x >= V(LOW) ? x : V(LOW);
    return rint(x <= V(HIGH) ? x : V(HIGH));
#endif
}

// Of a sub-block's levels at `inverse` (x + minimum): what the least squares need. The sums of
// levels are exact.
typedef struct { float qq, q, xq; } sums;
static inline sums sums_at(const floatv *x, float inverse, float minimum) {
    floatv qq = V(0), q1 = V(0), xq = V(0);
    for (int i = 0; i < STEPS; i++) {
        const floatv q = level((x[i] + V(minimum)) * V(inverse));
        qq = fma(q, q, qq);
        xq = fma(q, x[i], xq);
        q1 += q;
    }
    const sums s = {sum_v(qq), sum_v(q1), sum_v(xq)};
    return s;
}

// The square error of a sub-block with this scale and minimum.
static inline float error_of(const floatv *x, float scale, float minimum) {
    const float inverse = inverse_of(scale);
    floatv error = V(0);
    for (int i = 0; i < STEPS; i++) {
        const floatv q = level((x[i] + V(minimum)) * V(inverse));
        const floatv miss = x[i] - (q * V(scale) - V(minimum));
        error = fma(miss, miss, error);
    }
    return sum_v(error);
}

// ---- a sub-block by itself

#if MINIMUM_HIGH == 0
// The best scale: grids that stretch the value farthest from 0 to the last level.
static fit best_fit(const floatv *x) {
    const float *each = (const float *)x;
    float peak = 0;
    for (int i = 0; i < SUB; i++) peak = fabs(each[i]) > fabs(peak) ? each[i] : peak;
    fit best = {0, 0, 0};
    if (peak == 0) return best;
    for (int i = -TRIES; i <= TRIES; i++)
        for (int side = -1; side <= 1; side += 2) {
            const sums t = sums_at(x, (float)side * (LOW + (float)i * STRIDE) / peak, 0);
            // The error is the sum of x^2 less this.
            if (t.qq > 0 && t.xq * t.xq > best.error * t.qq) {
                best.scale = t.xq / t.qq;
                best.error = t.xq * t.xq / t.qq;
            }
        }
    return best;
}
#else
// The best scale >= 0 and minimum >= 0.
static fit best_fit(const floatv *x) {
    const float *each = (const float *)x, count = SUB;
    float low = 0, high = each[0], x1 = 0, xx = 0;
    for (int i = 0; i < SUB; i++) {
        low = each[i] < low ? each[i] : low;
        high = each[i] > high ? each[i] : high;
        x1 += each[i];
        xx += each[i] * each[i];
    }
    fit best = {0, -low, INFINITY};
    if (high <= low) return best;
    for (int i = -TRIES; i <= TRIES; i++) {
        const sums t = sums_at(x, (HIGH + (float)i * STRIDE) / (high - low), -low);
        const float det = count * t.qq - t.q * t.q;
        float scale = (count * t.xq - x1 * t.q) / det;
        float minimum = (t.q * t.xq - t.qq * x1) / det;
        if (!(det > 0) || minimum < 0) {
            scale = t.qq > 0 ? t.xq / t.qq : 0;
            minimum = 0;
        }
        const float error = xx + scale * scale * t.qq + minimum * minimum * count
            - 2 * (scale * t.xq - minimum * x1 + scale * minimum * t.q);
        if (scale > 0 && error < best.error) {
            best.scale = scale;
            best.minimum = minimum;
            best.error = error;
        }
    }
    return best;
}
#endif

// ---- all sub-blocks: x (BLOCK / VEC) vectors

// Tries one pair of whole numbers for sub-block b.
static inline void try_pair(const floatv *x, int b, int scale, int minimum, float *best, grid *g) {
    if (scale < SCALE_LOW || scale > SCALE_HIGH || minimum < 0 || minimum > MINIMUM_HIGH) return;
    const float e = error_of(x + b * STEPS, g->d * (float)scale, g->dmin * (float)minimum);
    if (!(e < *best)) return;
    *best = e;
    g->scale[b] = scale;
    g->minimum[b] = minimum;
}

// The whole numbers for each sub-block, given d and dmin: the best of the neighbours of what the
// fit asks for (of either sign, where there are no minima). Returns the error.
static float choose(const floatv *x, const fit *fits, grid *g) {
    float total = 0;
    for (int b = 0; b < SUBS; b++) {
        const int scale = whole(fits[b].scale, g->d, SCALE_LOW, SCALE_HIGH);
        const int minimum = whole(fits[b].minimum, g->dmin, 0, MINIMUM_HIGH);
        float best = INFINITY;
        g->scale[b] = scale;
        g->minimum[b] = minimum;
        for (int i = -1; i <= 1; i++) {
#if MINIMUM_HIGH > 0
            for (int j = -1; j <= 1; j++) try_pair(x, b, scale + i, minimum + j, &best, g);
#else
            for (int side = 1; side >= -1; side -= 2)
                try_pair(x, b, side * (scale + i), 0, &best, g);
#endif
        }
        total += best;
    }
    return total;
}

// d and dmin by least squares, given the whole numbers and levels: x ~ d a - dmin m. The
// determinant is exact: a and m are whole.
static void refine(const floatv *x, grid *g) {
    long aa = 0, mm = 0, am = 0;
    float ax = 0, mx = 0;
    for (int b = 0; b < SUBS; b++) {
        const float scale = g->d * (float)g->scale[b], minimum = g->dmin * (float)g->minimum[b];
        const sums t = sums_at(x + b * STEPS, inverse_of(scale), minimum);
        const long a = g->scale[b], m = g->minimum[b];
        aa += a * a * (long)t.qq;
        mm += m * m * SUB;
        am += a * m * (long)t.q;
        ax += (float)a * t.xq;
        for (int i = 0; i < STEPS; i++) mx += (float)m * sum_v(x[b * STEPS + i]);
    }
    const float det = (float)(aa * mm - am * am), faa = (float)aa, fmm = (float)mm, fam = (float)am;
    if (det > 1e-9f * faa * fmm) {
        g->d = rounded_to_half((ax * fmm - mx * fam) / det);
        g->dmin = rounded_to_half((ax * fam - mx * faa) / det);
    } else if (aa > 0) {
        g->d = rounded_to_half((ax + fam * g->dmin) / faa);
    }
}

// Whole numbers, d and dmin from a first d and dmin, refined as long as that helps. Keeps what
// beats `best` in `kept` and returns its error.
static float descend(const floatv *x, const fit *fits, float d, float dmin, float best,
                     grid *kept) {
    grid next;
    next.d = rounded_to_half(d);
    next.dmin = rounded_to_half(dmin);
    float last = INFINITY;
    for (int turn = 0; turn < 3; turn++) {
        const float error = choose(x, fits, &next);
        if (turn > 0 && !(error < last)) break;
        last = error;
        if (error < best || best == INFINITY) {
            best = error;
            *kept = next;
        }
        refine(x, &next);
    }
    return best;
}

static void search(const floatv *x, grid *kept) {
    fit fits[SUBS];
    float scale = 0, minimum = 0;
    for (int b = 0; b < SUBS; b++) {
        fits[b] = best_fit(x + b * STEPS);
        scale = fabs(fits[b].scale) > fabs(scale) ? fits[b].scale : scale;
        minimum = fits[b].minimum > minimum ? fits[b].minimum : minimum;
    }
    const float dmin = MINIMUM_HIGH > 0 ? minimum / (float)MINIMUM_HIGH : 0;
    float best = descend(x, fits, scale / (float)SCALE_HIGH, dmin, INFINITY, kept);
#if MINIMUM_HIGH == 0 && SCALE_LOW < 0
    // The largest scale becomes one of the numbers farthest from 0: which one decides how the
    // others round.
    for (int i = SCALE_LOW; i < SCALE_LOW / 2; i += 1 - SCALE_LOW / 8)
        best = descend(x, fits, scale / (float)i, 0, best, kept);
#endif
}

// ---- bytes (cpu/block_formats.c says what every bit means)

// What is stored for each value: its level counted from the lowest.
static void set_codes(const floatv *x, const grid *g, uchar *code) {
    for (int i = 0; i < BLOCK / VEC; i++) {
        const int b = i / STEPS;
        const float scale = g->d * (float)g->scale[b], minimum = g->dmin * (float)g->minimum[b];
        const floatv q = level((x[i] + V(minimum)) * V(inverse_of(scale)));
        const float *each = (const float *)&q;
        for (int e = 0; e < VEC; e++) {
#ifdef TABLE
            uchar place = 0;
            for (int l = 1; l < 16; l++) place += each[e] >= iq4[l];
            code[i * VEC + e] = place;
#else
            code[i * VEC + e] = (uchar)((int)each[e] - (LOW));
#endif
        }
    }
}

// Bits from ... from + width - 1 of all codes; the codes that share a byte are `apart`.
static inline void pack(const uchar *code, int from, int width, int apart, __global uchar *q) {
    for (int i = 0; i < BLOCK * width / 8; i++) {
        uint byte = 0;
        for (int f = 0; f < 8 / width; f++) {
            const uint c = code[(i / apart * (8 / width) + f) * apart + i % apart];
            byte |= (c >> from & ((1 << width) - 1)) << f * width;
        }
        q[i] = (uchar)byte;
    }
}
static inline void put_half(float x, __global uchar *w) {
    vstore_half_rte(x, 0, (__global half *)w);
}

#if FORMAT == Q4_K || FORMAT == Q5_K
// The twelve bytes of six-bit scales and minima.
static inline void put_scales(const grid *g, __global uchar *w) {
    for (int j = 0; j < 4; j++) {
        const int scale = g->scale[j + 4], minimum = g->minimum[j + 4];
        w[j] = (uchar)(g->scale[j] | scale >> 4 << 6);
        w[j + 4] = (uchar)(g->minimum[j] | minimum >> 4 << 6);
        w[j + 8] = (uchar)((scale & 15) | (minimum & 15) << 4);
    }
}
#endif

static inline void put(const grid *g, const uchar *code, __global uchar *w) {
#if FORMAT == Q2_K
    for (int j = 0; j < 16; j++) w[j] = (uchar)(g->scale[j] | g->minimum[j] << 4);
    pack(code, 0, 2, 32, w + 16);
    put_half(g->d, w + 80);
    put_half(g->dmin, w + 82);
#elif FORMAT == Q3_K
    pack(code, 2, 1, 32, w);
    pack(code, 0, 2, 32, w + 32);
    uchar s[16];
    for (int j = 0; j < 16; j++) s[j] = (uchar)(g->scale[j] + 32);
    for (int j = 0; j < 8; j++) w[96 + j] = (uchar)((s[j] & 15) | (s[j + 8] & 15) << 4);
    for (int j = 0; j < 4; j++)
        w[104 + j] = (uchar)(s[j] >> 4 | s[j + 4] >> 4 << 2 | s[j + 8] >> 4 << 4
                             | s[j + 12] >> 4 << 6);
    put_half(g->d, w + 108);
#elif FORMAT == Q4_K
    put_half(g->d, w);
    put_half(g->dmin, w + 2);
    put_scales(g, w + 4);
    pack(code, 0, 4, 32, w + 16);
#elif FORMAT == Q5_K
    put_half(g->d, w);
    put_half(g->dmin, w + 2);
    put_scales(g, w + 4);
    pack(code, 4, 1, 32, w + 16);
    pack(code, 0, 4, 32, w + 48);
#elif FORMAT == Q6_K
    pack(code, 0, 4, 64, w);
    pack(code, 4, 2, 32, w + 128);
    for (int j = 0; j < 16; j++) w[192 + j] = (uchar)(g->scale[j] & 255);
    put_half(g->d, w + 208);
#elif FORMAT == IQ4_NL
    put_half(g->d, w);
    pack(code, 0, 4, 16, w + 2);
#elif FORMAT == IQ4_XS
    put_half(g->d, w);
    uint high = 0;
    for (int j = 0; j < 8; j++) high |= (uint)(g->scale[j] + 32) >> 4 << 2 * j;
    w[2] = (uchar)high;
    w[3] = (uchar)(high >> 8);
    for (int j = 0; j < 4; j++)
        w[4 + j] = (uchar)((g->scale[2 * j] & 15) | (g->scale[2 * j + 1] & 15) << 4);
    pack(code, 0, 4, 16, w + 8);
#endif
}

__kernel void quantize_search(const long blocks, IN(X_TYPE, x), OUT(U8, w)) {
    const long b = get_global_id(0);
    if (b >= blocks) return;
    floatv values[BLOCK / VEC];
    for (int i = 0; i < BLOCK / VEC; i++) values[i] = LOADV(X_TYPE, x, x_at + b * BLOCK + i * VEC);
    grid best;
    search(values, &best);
    uchar code[BLOCK];
    set_codes(values, &best, code);
    put(&best, code, w + w_at + b * BYTES);
}
