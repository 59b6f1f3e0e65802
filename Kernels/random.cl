// Random numbers: Philox4x32-10, the same bits as on every other device.
//
// Formula     include/capus/random.h says how words come from key, stream and place, and
//             apus_distribution what is made of them.
// Layout      y contiguous: elements 0 ..< n are the numbers of words 0 ..< n of the stream.
// Geometry    global (ceil(n / 4)), any local size: a work-item makes one block, four words.
// Options     DISTRIBUTION: a value of apus_distribution; Y_TYPE: I32 for bits, else any type.
// CPU twin    cpu/random.inc, operation by operation: each sum and product is rounded on its own,
//             and no function of the library is called, for those may differ by a bit from device
//             to device.

#pragma OPENCL FP_CONTRACT OFF

#ifndef DISTRIBUTION
#define DISTRIBUTION 0
#endif
#ifndef Y_TYPE
#define Y_TYPE F32
#endif

inline uint4 philox(uint4 counter, uint2 key) {
    for (int round = 0; round < 10; round++, key += (uint2)(0x9E3779B9u, 0xBB67AE85u)) {
        counter = (uint4)(
            mul_hi(counter.s2, 0xCD9E8D57u) ^ counter.s1 ^ key.s0, counter.s2 * 0xCD9E8D57u,
            mul_hi(counter.s0, 0xD2511F53u) ^ counter.s3 ^ key.s1, counter.s0 * 0xD2511F53u);
    }
    return counter;
}

// 0 <= u < 1, a multiple of 2^-24.
inline float unit(uint word) { return (float)(int)(word >> 8) * 0x1p-24f; }

// sqrt(-2 log u) for u = ((word >> 8) + 1) 2^-24.
inline float radius(uint word) {
    const float m = (float)((int)(word >> 8) + 1);
    // m = (1 + f) 2^k with 1 + f in sqrt(1/2) ..< sqrt(2)
    const int k = (as_int(m) - 0x3f3504f3) >> 23;
    const float f = as_float(as_int(m) - (k << 23)) - 1.0f;
    const float e = (float)(k - 24);
    float p = f * -0x1.38c974p-4f + 0x1.055eaep-3f;
    p = p * f + -0x1.0d8246p-3f;
    p = p * f + 0x1.22d930p-3f;
    p = p * f + -0x1.54728ap-3f;
    p = p * f + 0x1.99a01cp-3f;
    p = p * f + -0x1.000226p-2f;
    p = p * f + 0x1.555554p-2f;
    const float square = f * f;
    float y = p * (f * square) + e * 0x1.7f7d1cp-20f;
    y = y + square * -0.5f;
    const float log_u = e * 0x1.62e4p-1f + (f + y);
    const float x = log_u * -2.0f;
    // 1 / sqrt(x) by three Newton steps from a guess that halves the exponent; in the end x = 0
    // gives 0.
    const float half_x = x * 0.5f;
    float s = as_float(0x5f375a86 - (as_int(x) >> 1));
    s = s * (1.5f - half_x * s * s);
    s = s * (1.5f - half_x * s * s);
    s = s * (1.5f - half_x * s * s);
    return x * s;
}

// Cosine and sine of 2 pi (word >> 8) 2^-24: the nearest quarter turn, and the rest, at most an
// eighth, in radians.
inline float2 turn(uint word) {
    const int a = (int)(word >> 8), q = (a + (1 << 21)) >> 22;
    const float r = (float)(a - (q << 22)) * 0x1.921fb6p-22f, z = r * r;
    float s = z * -0x1.9955bcp-13f + 0x1.11077cp-7f;
    s = s * z + -0x1.555546p-3f;
    s = s * (z * r) + r;
    float c = z * 0x1.99e0ecp-16f + -0x1.6c0c1ap-10f;
    c = c * z + 0x1.55554ap-5f;
    c = c * z + -0.5f;
    c = c * z + 1.0f;
    const bool odd = q & 1;
    return (float2)(as_float(as_int(odd ? s : c) ^ (int)((uint)((q + 1) & 2) << 30)),
                    as_float(as_int(odd ? c : s) ^ (int)((uint)(q & 2) << 30)));
}

inline float2 normal_pair(uint first, uint second, float mean, float deviation) {
    const float r = radius(first);
    const float2 t = turn(second);
    return (float2)((r * t.s0) * deviation + mean, (r * t.s1) * deviation + mean);
}

#ifdef KERNEL_random
// a, b: (low, high), (mean, deviation) or (probability, unused).
__kernel void random(const long n, const ulong seed, const ulong stream, const float a,
                     const float b, OUT(Y_TYPE, y)) {
    const ulong block = get_global_id(0);
    const long first = (long)block * 4;
    if (first >= n) return;
    const uint4 w = philox((uint4)((uint)block, (uint)(block >> 32), (uint)stream,
                                   (uint)(stream >> 32)),
                           (uint2)((uint)seed, (uint)(seed >> 32)));
#if DISTRIBUTION == 0
    const uint words[4] = {w.s0, w.s1, w.s2, w.s3};
    for (int i = 0; i < 4 && first + i < n; i++) y[y_at + first + i] = (ELEMENT(Y_TYPE))words[i];
#else
#if DISTRIBUTION == 1
    const float4 u = (float4)(unit(w.s0), unit(w.s1), unit(w.s2), unit(w.s3));
    const float4 z = u * (b - a) + a;
#elif DISTRIBUTION == 2
    const float4 z = (float4)(normal_pair(w.s0, w.s1, a, b), normal_pair(w.s2, w.s3, a, b));
#else
    const float4 u = (float4)(unit(w.s0), unit(w.s1), unit(w.s2), unit(w.s3));
    const float4 z = u < a ? (float4)1.0f : (float4)0.0f;
#endif
    const float numbers[4] = {z.s0, z.s1, z.s2, z.s3};
    for (int i = 0; i < 4 && first + i < n; i++) STORE(Y_TYPE, y, y_at + first + i, numbers[i]);
#endif
}
#endif
