// Prepended to every kernel file: element types, loads and stores, strided arrays.
//
// The host builds each kernel by itself, with -DKERNEL_<name>, and chooses types by -DX_TYPE=...
// (values of apus_dtype), operations by -DOP=... (values of the op enums in include/capus). OpenCL
// C 1.2; arithmetic is f32.
//
// A tensor is two arguments: a pointer and the offset of its first element (IN, OUT). A strided
// tensor has a third: its strides along the call's axes, which all its arrays share (IN_STRIDED,
// OUT_STRIDED). Offsets and strides count elements and are 64-bit.

#define F32 0
#define BF16 1
#define F16 2
#define I32 3
#define I8 4
#define U8 5
#define BOOL 6

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

// What is stored: bf16 and f16 as their bits.
typedef float element_0;
typedef ushort element_1;
typedef ushort element_2;
typedef int element_3;
typedef char element_4;
typedef uchar element_5;
typedef uchar element_6;
#define ELEMENT(T) JOIN(element_, T)
#define IS_FLOAT(T) ((T) <= F16)

#define IN(T, x) __global const ELEMENT(T) *x, const long x##_at
#define OUT(T, y) __global ELEMENT(T) *y, const long y##_at
#define IN_STRIDED(T, x) IN(T, x), const axes x##_strides
#define OUT_STRIDED(T, y) OUT(T, y), const axes y##_strides

// A shape, or an array's strides along it; outermost axis first.
typedef struct { long n[8]; } axes;

// ---- conversions

static inline float from_bf16(ushort h) { return as_float((uint)h << 16); }
// To nearest even; NaN stays NaN.
static inline ushort to_bf16(float x) {
    uint u = as_uint(x);
    return (ushort)(x == x ? (u + 0x7fff + (u >> 16 & 1)) >> 16 : u >> 16 | 0x40);
}
// Towards zero, saturating; NaN gives 0.
static inline int to_int(float x) { return x == x ? convert_int_sat(x) : 0; }

// ---- LOAD(T, p, i): element i as float

static inline float load_0(__global const float *p, long i) { return p[i]; }
static inline float load_1(__global const ushort *p, long i) { return from_bf16(p[i]); }
static inline float load_2(__global const ushort *p, long i) {
    return vload_half(i, (__global const half *)p);
}
static inline float load_3(__global const int *p, long i) { return (float)p[i]; }
static inline float load_4(__global const char *p, long i) { return (float)p[i]; }
static inline float load_5(__global const uchar *p, long i) { return (float)p[i]; }
static inline float load_6(__global const uchar *p, long i) { return (float)p[i]; }
#define LOAD(T, p, i) JOIN(load_, T)(p, i)

// ---- STORE(T, p, i, x): rounds a float to nearest even, truncates and saturates to integers; bool
// is x != 0.

static inline void store_0(__global float *p, long i, float x) { p[i] = x; }
static inline void store_1(__global ushort *p, long i, float x) { p[i] = to_bf16(x); }
static inline void store_2(__global ushort *p, long i, float x) {
    vstore_half_rte(x, i, (__global half *)p);
}
static inline void store_3(__global int *p, long i, float x) { p[i] = to_int(x); }
static inline void store_4(__global char *p, long i, float x) {
    p[i] = convert_char_sat(to_int(x));
}
static inline void store_5(__global uchar *p, long i, float x) {
    p[i] = convert_uchar_sat(to_int(x));
}
static inline void store_6(__global uchar *p, long i, float x) { p[i] = x != 0; }
#define STORE(T, p, i, x) JOIN(store_, T)(p, i, x)

// ---- vectors of VEC elements (1, 2, 4, 8 or 16): LOADV(T, p, i) gives elements i ... i + VEC - 1,
// STOREV writes them
//
// -DALIGNED=1 promises that every vector starts at a multiple of VEC elements in its buffer: one
// wide access each.

#ifndef VEC
#define VEC 4
#endif
#if VEC == 1
typedef float floatv;
#define LOADV(T, p, i) LOAD(T, p, i)
#define STOREV(T, p, i, x) STORE(T, p, i, x)
#define FIRST(x) (x)
#else
typedef JOIN(float, VEC) floatv;
typedef JOIN(int, VEC) intv;
typedef JOIN(uint, VEC) uintv;
#define FIRST(x) (x).s0
#if ALIGNED
#define VLOAD(type, p, i) (*(__global const JOIN(type, VEC) *)((p) + (i)))
#define VSTORE(type, x, p, i) (*(__global JOIN(type, VEC) *)((p) + (i)) = (x))
#define VLOAD_HALF JOIN(vloada_half, VEC)
#define VSTORE_HALF JOIN(JOIN(vstorea_half, VEC), _rte)
#else
#define VLOAD(type, p, i) JOIN(vload, VEC)(0, (p) + (i))
#define VSTORE(type, x, p, i) JOIN(vstore, VEC)(x, 0, (p) + (i))
#define VLOAD_HALF JOIN(vload_half, VEC)
#define VSTORE_HALF JOIN(JOIN(vstore_half, VEC), _rte)
#endif
#define TO(type) JOIN(JOIN(convert_, type), VEC)
#define TO_SAT(type) JOIN(JOIN(JOIN(convert_, type), VEC), _sat)

static inline uintv to_bf16_v(floatv x) {
    uintv u = JOIN(as_uint, VEC)(x);
    uintv rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    return x == x ? rounded : (u >> 16 | 0x40);
}
static inline intv to_int_v(floatv x) { return x == x ? TO_SAT(int)(x) : (intv)0; }

static inline floatv loadv_0(__global const float *p, long i) { return VLOAD(float, p, i); }
static inline floatv loadv_1(__global const ushort *p, long i) {
    return JOIN(as_float, VEC)(TO(uint)(VLOAD(ushort, p, i)) << 16);
}
static inline floatv loadv_2(__global const ushort *p, long i) {
    return VLOAD_HALF(0, (__global const half *)(p + i));
}
static inline floatv loadv_3(__global const int *p, long i) { return TO(float)(VLOAD(int, p, i)); }
static inline floatv loadv_4(__global const char *p, long i) {
    return TO(float)(VLOAD(char, p, i));
}
static inline floatv loadv_5(__global const uchar *p, long i) {
    return TO(float)(VLOAD(uchar, p, i));
}
static inline floatv loadv_6(__global const uchar *p, long i) {
    return TO(float)(VLOAD(uchar, p, i));
}
#define LOADV(T, p, i) JOIN(loadv_, T)(p, i)

static inline void storev_0(__global float *p, long i, floatv x) { VSTORE(float, x, p, i); }
static inline void storev_1(__global ushort *p, long i, floatv x) {
    VSTORE(ushort, TO(ushort)(to_bf16_v(x)), p, i);
}
static inline void storev_2(__global ushort *p, long i, floatv x) {
    VSTORE_HALF(x, 0, (__global half *)(p + i));
}
static inline void storev_3(__global int *p, long i, floatv x) { VSTORE(int, to_int_v(x), p, i); }
static inline void storev_4(__global char *p, long i, floatv x) {
    VSTORE(char, TO_SAT(char)(to_int_v(x)), p, i);
}
static inline void storev_5(__global uchar *p, long i, floatv x) {
    VSTORE(uchar, TO_SAT(uchar)(to_int_v(x)), p, i);
}
static inline void storev_6(__global uchar *p, long i, floatv x) {
    VSTORE(uchar, TO(uchar)((x != (floatv)0) & 1), p, i);
}
#define STOREV(T, p, i, x) JOIN(storev_, T)(p, i, x)
#endif
#define V(c) ((floatv)(c))

// ---- strided arrays

// Where row `row` of an array begins: its first `rank` axes count rows, the last of them fastest.
static inline long row_offset(long row, int rank, axes shape, axes strides) {
    long offset = 0;
    if (row <= 0x7fffffff) {   // 32-bit division is several times faster
        uint r = (uint)row;
        for (int axis = rank - 1; axis > 0; axis--) {
            const uint n = (uint)shape.n[axis];
            offset += (long)(r % n) * strides.n[axis];
            r /= n;
        }
        row = r;
    } else {
        for (int axis = rank - 1; axis > 0; axis--) {
            offset += row % shape.n[axis] * strides.n[axis];
            row /= shape.n[axis];
        }
    }
    return rank > 0 ? offset + row * strides.n[0] : 0;
}

// ---- functions for one float and for VEC of them

// erf to 1e-7: x P(x^2) up to 1, 1 - exp(-Q(|x|)) beyond. Branch-free, and many times faster than
// the built-in one where that is not vectorised.
#define DEFINE_ERF(name, F)                                                                        \
    static inline F name(F x) {                                                                    \
        const F t = fmin(fabs(x), (F)4), s = x * x;                                                \
        const F p = fma(fma(fma(fma(fma(fma((F)7.8758749e-5f, s, (F)-8.0168643e-4f), s,            \
            (F)5.1890871e-3f), s, (F)-2.6854211e-2f), s, (F)1.1283594e-1f), s, (F)-3.7612626e-1f), \
                s,                                                                                 \
            (F)1.1283791f);                                                                        \
        const F q = fma(fma(fma(fma(fma(fma(fma(fma((F)-1.6371515e-6f, t, (F)4.6058043e-5f), t,    \
            (F)-5.9680563e-4f), t, (F)4.7595963e-3f), t, (F)-2.6421136e-2f), t, (F)1.1008008e-1f), \
                t,                                                                                 \
            (F)6.3182605e-1f), t, (F)1.1302334f), t, (F)-3.2013807e-4f);                           \
        return t < (F)1 ? x * p : (x == x ? copysign((F)1 - exp(-q), x) : x);                      \
    }
// Activations of epilogues: values of apus_activation.
#define DEFINE_ACTIVATE(name, F, erf)                                                     \
    static inline F name(int activation, F x) {                                           \
        switch (activation) {                                                             \
        case 1: return x < (F)0 ? (F)0 : x;                                               \
        case 2: return (F)0.5f * x * ((F)1 + erf(x * (F)0.70710678f));                    \
        case 3: return x / ((F)1 + exp((F)-1.5957691f * (x + (F)0.044715f * x * x * x))); \
        case 4: return x / ((F)1 + exp(-x));                                              \
        default: return x;                                                                \
        }                                                                                 \
    }
DEFINE_ERF(fast_erf, float)
DEFINE_ACTIVATE(activate, float, fast_erf)
#if VEC > 1
DEFINE_ERF(fast_erf_v, floatv)
DEFINE_ACTIVATE(activate_v, floatv, fast_erf_v)
#else
#define fast_erf_v fast_erf
#define activate_v activate
#endif

// ---- reductions of a vector, and of WG work-items along local id 0, in a fixed order

#ifndef WG
#define WG 1
#endif

#define PLUS(a, b) ((a) + (b))
// NaN spreads
#define LARGER(a, b) ((((a) > (b)) | ((a) != (a))) ? (a) : (b))
#define SMALLER(a, b) ((((a) < (b)) | ((a) != (a))) ? (a) : (b))

// Defines F name(F v of VEC): the lanes joined by op, halves with halves.
#if VEC == 16
#define FOLD_LANES(F, op)                           \
    const JOIN(F, 8) eight = op(v.lo, v.hi);        \
    const JOIN(F, 4) four = op(eight.lo, eight.hi); \
    const JOIN(F, 2) two = op(four.lo, four.hi);    \
    return op(two.x, two.y);
#elif VEC == 8
#define FOLD_LANES(F, op)                        \
    const JOIN(F, 4) four = op(v.lo, v.hi);      \
    const JOIN(F, 2) two = op(four.lo, four.hi); \
    return op(two.x, two.y);
#elif VEC == 4
#define FOLD_LANES(F, op)                  \
    const JOIN(F, 2) two = op(v.lo, v.hi); \
    return op(two.x, two.y);
#elif VEC == 2
#define FOLD_LANES(F, op) return op(v.x, v.y);
#else
#define FOLD_LANES(F, op) return v;
#endif
#define DEFINE_FOLD(name, F, vector, op) static inline F name(vector v) { FOLD_LANES(F, op) }
DEFINE_FOLD(sum_v, float, floatv, PLUS)
DEFINE_FOLD(max_v, float, floatv, LARGER)

// scratch has WG floats. WG is a power of two.
#if WG == 1
#define GROUP_FOLD(op)
#else
#define GROUP_FOLD(op)                                                  \
    const int l = get_local_id(0);                                      \
    scratch[l] = x;                                                     \
    barrier(CLK_LOCAL_MEM_FENCE);                                       \
    for (int width = WG / 2; width > 0; width /= 2) {                   \
        if (l < width) scratch[l] = op(scratch[l], scratch[l + width]); \
        barrier(CLK_LOCAL_MEM_FENCE);                                   \
    }                                                                   \
    x = scratch[0];                                                     \
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
static inline float group_sum(float x, __local float *scratch) {
    GROUP_FOLD(PLUS)
    return x;
}
static inline float group_max(float x, __local float *scratch) {
    GROUP_FOLD(LARGER)
    return x;
}
