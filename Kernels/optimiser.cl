// Fused optimiser steps: every state is read once and written once.
//
// Formula     in include/capus/optimiser.h.
// Layout      all (n), contiguous: parameter and state f32, gradient of type G_TYPE.
// Geometry    global (ceil(n / VEC)), any local size; a work-item updates VEC neighbours.
// Options     G_TYPE: the gradient's dtype (f32 or bf16); VEC (4); DECOUPLED, NESTEROV, FIRST_STEP
//             (0 or 1).
// CPU twin    cpu/optimiser.c. largest and buffer may be NULL.

#ifndef G_TYPE
#define G_TYPE F32
#endif

// `vectors` for VEC elements from i on; the end goes one by one, as j.
#define UPDATE(vectors, scalars)                 \
    const long i = (long)get_global_id(0) * VEC; \
    if (i + VEC <= n) {                          \
        vectors                                  \
    } else {                                     \
        for (long j = i; j < n; j++) { scalars } \
    }

#ifdef KERNEL_adam
#ifndef DECOUPLED
#define DECOUPLED 0
#endif
#define ADAM(F, LOADS, STORES, i)                                                                \
    F g = LOADS(G_TYPE, gradient, gradient_at + i), p = LOADS(F32, parameter, parameter_at + i); \
    if (DECOUPLED) p -= decay * p;                                                               \
    else g += decay * p;                                                                         \
    const F m = beta1 * LOADS(F32, first, first_at + i) + rest1 * g;                             \
    F v = beta2 * LOADS(F32, second, second_at + i) + rest2 * g * g;                             \
    STORES(F32, first, first_at + i, m);                                                         \
    STORES(F32, second, second_at + i, v);                                                       \
    if (largest) {                                                                               \
        v = fmax(v, LOADS(F32, largest, largest_at + i));                                        \
        STORES(F32, largest, largest_at + i, v);                                                 \
    }                                                                                            \
    p -= rate * m / (sqrt(v / bias2) + eps);                                                     \
    STORES(F32, parameter, parameter_at + i, p);
// rest1 = 1 - beta1 and rest2 = 1 - beta2, rounded once; rate = lr / bias1; decay = lr weight_decay
// if DECOUPLED, else weight_decay. largest (AMSGrad) may be NULL.
__kernel void adam(const long n, OUT(F32, parameter), IN(G_TYPE, gradient), OUT(F32, first),
                   OUT(F32, second), OUT(F32, largest), const float rate, const float beta1,
                   const float rest1, const float beta2, const float rest2, const float eps,
                   const float decay, const float bias2) {
    UPDATE(ADAM(floatv, LOADV, STOREV, i), ADAM(float, LOAD, STORE, j))
}
#endif

#ifdef KERNEL_sgd
#ifndef NESTEROV
#define NESTEROV 0
#endif
#ifndef FIRST_STEP
#define FIRST_STEP 0
#endif
#define SGD(F, LOADS, STORES, i)                                                                 \
    F g = LOADS(G_TYPE, gradient, gradient_at + i), p = LOADS(F32, parameter, parameter_at + i); \
    g += weight_decay * p;                                                                       \
    if (buffer) {                                                                                \
        F b = g;                                                                                 \
        if (!FIRST_STEP) b = momentum * LOADS(F32, buffer, buffer_at + i) + rest * g;            \
        STORES(F32, buffer, buffer_at + i, b);                                                   \
        g = NESTEROV ? g + momentum * b : b;                                                     \
    }                                                                                            \
    STORES(F32, parameter, parameter_at + i, p - lr * g);
// rest = 1 - dampening, rounded once.
__kernel void sgd(const long n, OUT(F32, parameter), IN(G_TYPE, gradient), OUT(F32, buffer),
                  const float lr, const float momentum, const float rest,
                  const float weight_decay) {
    UPDATE(SGD(floatv, LOADV, STOREV, i), SGD(float, LOAD, STORE, j))
}
#endif
