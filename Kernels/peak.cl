// What a device can do at most: the roofs over the other kernels. Any local size.
//
// peak_f32    global (items): every item does ROUNDS rounds of CHAINS independent multiply-adds of
//             VEC floats; 2 ROUNDS CHAINS VEC operations an item.
// peak_i8     the same with products of four bytes added to an int: 8 ROUNDS CHAINS operations.
// peak_read   global (items): item i reads vectors i, i + items and so on of x (count vectors), and
//             writes one only if their bits are all set, which never happens.
// peak_write, peak_copy, peak_triad   one vector an item: y = value, y = x, y = x + 3 z.
// peak_empty  nothing: the cost of a launch.
// Tunables    VEC (16 on CPUs, 4 on GPUs), ROUNDS, CHAINS.
// CPU twin    cpu/peak.c

#ifndef ROUNDS
#define ROUNDS 256
#endif
#ifndef CHAINS
#define CHAINS 8
#endif

#ifdef KERNEL_peak_f32
__kernel void peak_f32(OUT(F32, y), const float a, const float b) {
    floatv sums[CHAINS];
    for (int i = 0; i < CHAINS; i++) sums[i] = V((float)(get_global_id(0) + i));
    for (int round = 0; round < ROUNDS; round++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) sums[i] = mad(sums[i], V(a), V(b));
    }
    for (int i = 1; i < CHAINS; i++) sums[0] += sums[i];
    y[y_at + get_global_id(0)] = sum_v(sums[0]);
}
#endif

#ifdef KERNEL_peak_i8
__kernel void peak_i8(OUT(F32, y), const int a, const int b) {
    int sums[CHAINS];
    for (int i = 0; i < CHAINS; i++) sums[i] = (int)get_global_id(0) + i;
    for (int round = 0; round < ROUNDS; round++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) {
            const char4 p = as_char4(a + sums[i]), q = as_char4(b);
            sums[i] += p.x * q.x + p.y * q.y + p.z * q.z + p.w * q.w;
        }
    }
    for (int i = 1; i < CHAINS; i++) sums[0] += sums[i];
    y[y_at + get_global_id(0)] = (float)sums[0];
}
#endif

#ifdef KERNEL_peak_read
__kernel void peak_read(IN(F32, x), OUT(F32, y), const long count) {
    const long items = get_global_size(0);
    uint bits = 0xffffffffu;
    for (long i = get_global_id(0); i < count; i += items) {
        const floatv v = LOADV(F32, x, x_at + i * VEC);
        bits &= as_uint(sum_v(v));
    }
    if (bits == 0xffffffffu) y[y_at] = 1;
}
#endif

#ifdef KERNEL_peak_write
__kernel void peak_write(OUT(F32, y), const float value) {
    STOREV(F32, y, y_at + (long)get_global_id(0) * VEC, V(value));
}
#endif

#ifdef KERNEL_peak_copy
__kernel void peak_copy(IN(F32, x), OUT(F32, y)) {
    const long i = (long)get_global_id(0) * VEC;
    STOREV(F32, y, y_at + i, LOADV(F32, x, x_at + i));
}
#endif

#ifdef KERNEL_peak_triad
__kernel void peak_triad(IN(F32, x), IN(F32, z), OUT(F32, y)) {
    const long i = (long)get_global_id(0) * VEC;
    STOREV(F32, y, y_at + i, LOADV(F32, x, x_at + i) + V(3) * LOADV(F32, z, z_at + i));
}
#endif

#ifdef KERNEL_peak_empty
__kernel void peak_empty(const long nothing) {}
#endif
