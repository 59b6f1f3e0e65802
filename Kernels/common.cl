// Prepended to every kernel file: element types, loads and stores, strided arrays.
//
// The host builds each kernel by itself, with -DKERNEL_<name>, and chooses types by -DX_TYPE=... (values of
// apus_dtype), operations by -DOP=... (values of the op enums in include/capus). OpenCL C 1.2; arithmetic is f32.
//
// A tensor is two arguments: a pointer and the offset of its first element (IN, OUT). A strided tensor has a third:
// its strides along the call's axes, which all its arrays share (IN_STRIDED, OUT_STRIDED). Offsets and strides count
// elements and are 64-bit.

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

inline float from_bf16(ushort h) { return as_float((uint)h << 16); }
// To nearest even; NaN stays NaN.
inline ushort to_bf16(float x) {
    uint u = as_uint(x);
    return (ushort)(x == x ? (u + 0x7fff + (u >> 16 & 1)) >> 16 : u >> 16 | 0x40);
}
inline float4 from_bf16_4(ushort4 h) { return as_float4(convert_uint4(h) << 16); }
inline ushort4 to_bf16_4(float4 x) {
    uint4 u = as_uint4(x);
    uint4 rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    return convert_ushort4(x == x ? rounded : (u >> 16 | 0x40));
}
// Towards zero, saturating; NaN gives 0.
inline int to_int(float x) { return x == x ? convert_int_sat(x) : 0; }
inline int4 to_int4(float4 x) { return x == x ? convert_int4_sat(x) : (int4)0; }

// ---- LOAD(T, p, i): element i as float. LOAD4: elements i ... i + 3.

inline float load_0(__global const float *p, long i) { return p[i]; }
inline float load_1(__global const ushort *p, long i) { return from_bf16(p[i]); }
inline float load_2(__global const ushort *p, long i) { return vload_half(i, (__global const half *)p); }
inline float load_3(__global const int *p, long i) { return (float)p[i]; }
inline float load_4(__global const char *p, long i) { return (float)p[i]; }
inline float load_5(__global const uchar *p, long i) { return (float)p[i]; }
inline float load_6(__global const uchar *p, long i) { return (float)p[i]; }
#define LOAD(T, p, i) JOIN(load_, T)(p, i)

inline float4 load4_0(__global const float *p, long i) { return vload4(0, p + i); }
inline float4 load4_1(__global const ushort *p, long i) { return from_bf16_4(vload4(0, p + i)); }
inline float4 load4_2(__global const ushort *p, long i) {
    return vload_half4(0, (__global const half *)(p + i));
}
inline float4 load4_3(__global const int *p, long i) { return convert_float4(vload4(0, p + i)); }
inline float4 load4_4(__global const char *p, long i) { return convert_float4(vload4(0, p + i)); }
inline float4 load4_5(__global const uchar *p, long i) { return convert_float4(vload4(0, p + i)); }
inline float4 load4_6(__global const uchar *p, long i) { return convert_float4(vload4(0, p + i)); }
#define LOAD4(T, p, i) JOIN(load4_, T)(p, i)

// ---- STORE(T, p, i, x): rounds a float to nearest even, truncates and saturates to integers; bool is x != 0.

inline void store_0(__global float *p, long i, float x) { p[i] = x; }
inline void store_1(__global ushort *p, long i, float x) { p[i] = to_bf16(x); }
inline void store_2(__global ushort *p, long i, float x) { vstore_half_rte(x, i, (__global half *)p); }
inline void store_3(__global int *p, long i, float x) { p[i] = to_int(x); }
inline void store_4(__global char *p, long i, float x) { p[i] = convert_char_sat(to_int(x)); }
inline void store_5(__global uchar *p, long i, float x) { p[i] = convert_uchar_sat(to_int(x)); }
inline void store_6(__global uchar *p, long i, float x) { p[i] = x != 0; }
#define STORE(T, p, i, x) JOIN(store_, T)(p, i, x)

inline void store4_0(__global float *p, long i, float4 x) { vstore4(x, 0, p + i); }
inline void store4_1(__global ushort *p, long i, float4 x) { vstore4(to_bf16_4(x), 0, p + i); }
inline void store4_2(__global ushort *p, long i, float4 x) {
    vstore_half4_rte(x, 0, (__global half *)(p + i));
}
inline void store4_3(__global int *p, long i, float4 x) { vstore4(to_int4(x), 0, p + i); }
inline void store4_4(__global char *p, long i, float4 x) { vstore4(convert_char4_sat(to_int4(x)), 0, p + i); }
inline void store4_5(__global uchar *p, long i, float4 x) { vstore4(convert_uchar4_sat(to_int4(x)), 0, p + i); }
inline void store4_6(__global uchar *p, long i, float4 x) {
    vstore4(convert_uchar4((x != (float4)0) & 1), 0, p + i);
}
#define STORE4(T, p, i, x) JOIN(store4_, T)(p, i, x)

// ---- strided arrays

// Where row `row` of an array begins: the first `rank` axes, the last of them fastest, count the rows.
inline long row_offset(long row, int rank, axes shape, axes strides) {
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

// ---- activations of epilogues (values of apus_activation)

inline float activate(int activation, float x) {
    switch (activation) {
    case 1: return x < 0.0f ? 0.0f : x;
    case 2: return 0.5f * x * (1.0f + erf(x * 0.70710678f));
    case 3: return x / (1.0f + exp(-1.5957691f * (x + 0.044715f * x * x * x)));
    case 4: return x / (1.0f + exp(-x));
    default: return x;
    }
}
