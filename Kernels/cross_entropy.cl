// Softmax cross-entropy with class weights, ignored targets and label smoothing.
//
// Formula     loss = (1 - smoothing) w_t (lse - x_t) + smoothing / classes sum_k w_k (lse - x_k),
//             0 where t = ignore.
//             With p = exp(x - lse) and W = sum_k w_k: dlogits_k = scale (
//             (1 - smoothing) w_t (p_k - [k = t]) + smoothing / classes (W p_k - w_k)).
// Layout      logits, dlogits (rows, classes), contiguous, of type X_TYPE; targets (rows) i32;
//             weight (classes), loss, lse, row_weight (rows) f32.
// Geometry    global (rows WG), local (WG): a work-group takes a row.
// Options     X_TYPE; WG (1), a power of two; VEC (4), which divides classes; SMOOTH: 0 if
//             smoothing is 0.
// CPU twin    cpu/cross_entropy.c. weight, lse, row_weight may be NULL.

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef SMOOTH
#define SMOOTH 0
#endif

#define EACH(i) for (long i = get_local_id(0) * VEC; i < classes; i += WG * VEC)
#define WEIGHTS(i) (weight ? LOADV(F32, weight, weight_at + (i)) : V(1))

#ifdef KERNEL_cross_entropy
__kernel void cross_entropy(const long classes, IN(X_TYPE, x), IN(I32, targets), IN(F32, weight),
                            const int ignore, const float smoothing, OUT(F32, loss), OUT(F32, lse),
                            OUT(F32, row_weight)) {
    __local float scratch[WG];
    const long row = get_group_id(0);
    x += x_at + row * classes;
    floatv largest = V(-INFINITY), sum = V(0);
    EACH(i) {
        const floatv v = LOADV(X_TYPE, x, i);
        largest = LARGER(largest, v);
    }
    const float top = group_max(max_v(largest), scratch);
    EACH(i) sum += exp(LOADV(X_TYPE, x, i) - V(top));
    const float total = top + log(group_sum(sum_v(sum), scratch));
    float smooth = 0;
#if SMOOTH
    floatv spread = V(0);
    EACH(i) spread += WEIGHTS(i) * (V(total) - LOADV(X_TYPE, x, i));
    smooth = smoothing / classes * group_sum(sum_v(spread), scratch);
#endif
    if (get_local_id(0) > 0) return;
    const int target = targets[targets_at + row];
    float w = 0, l = 0;
    if (target != ignore) {
        w = weight ? weight[weight_at + target] : 1;
        l = (1 - smoothing) * w * (total - LOAD(X_TYPE, x, target)) + smooth;
    }
    loss[loss_at + row] = l;
    if (lse) lse[lse_at + row] = total;
    if (row_weight) row_weight[row_weight_at + row] = w;
}
#endif

#ifdef KERNEL_cross_entropy_gradient
// The gradient of sum_r scale[r scale_stride] loss[r].
__kernel void cross_entropy_gradient(const long classes, IN(X_TYPE, x), IN(I32, targets),
                                     IN(F32, weight), const int ignore, const float smoothing,
                                     IN(F32, lse), IN(F32, scale), const long scale_stride,
                                     OUT(X_TYPE, dx)) {
    __local float scratch[WG];
    const long row = get_group_id(0);
    x += x_at + row * classes;
    dx += dx_at + row * classes;
    const int target = targets[targets_at + row];
    const bool counts = target != ignore;
    const float factor = counts ? scale[scale_at + row * scale_stride] : 0, top = lse[lse_at + row];
    const float w = (1 - smoothing) * (weight && counts ? weight[weight_at + target] : 1);
    float all = w;   // what p_k is multiplied by
    const float smooth = smoothing / classes;
#if SMOOTH
    floatv weights = V(0);
    EACH(i) weights += WEIGHTS(i);
    all += smooth * group_sum(sum_v(weights), scratch);
#endif
    EACH(i) {
        floatv d = V(all) * exp(LOADV(X_TYPE, x, i) - V(top));
        if (SMOOTH) d -= V(smooth) * WEIGHTS(i);
        if (target >= i && target < i + VEC) ((float *)&d)[target - i] -= w;
        STOREV(X_TYPE, dx, i, counts ? V(factor) * d : V(0));
    }
}
#endif
