// Layer, RMS and group normalisation with their gradients.
//
// Formula     RMS 0: y = (x - mean) rstd weight + bias; RMS 1: y = x rstd (weight + offset).
//             dx = rstd (h - mean(h) - z mean(h z)) with z = (x - mean) rstd and
//             h = g (weight + offset); RMS leaves mean(h) out.
// Layout      rows: x, y, g, dx (rows, columns), contiguous, of type X_TYPE; weight, bias
//             (columns), mean, rstd (rows) f32. Groups: x (n, positions, channels), statistics over
//             positions and channels / groups adjacent channels. Sums over positions are taken for
//             each channel apart (reads stay contiguous), in `parts` pieces, and then combined.
// Geometry    named at each kernel.
// Options     X_TYPE; RMS (0 or 1); WG (1), a power of two; VEC (4), which divides columns or
//             channels; ACTIVATION (0 or 4: silu).
// CPU twin    cpu/normalize.c. Pointers said to be optional may be NULL.

#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef RMS
#define RMS 0
#endif
#ifndef ACTIVATION
#define ACTIVATION 0
#endif

#define EACH(i) for (long i = get_local_id(0) * VEC; i < columns; i += WG * VEC)

#ifdef KERNEL_row_norm
// weight, bias, mean, rstd optional. Global (rows WG), local (WG): a work-group takes a row.
__kernel void row_norm(const long columns, const float eps, const float offset, IN(X_TYPE, x),
                       IN(F32, weight), IN(F32, bias), OUT(X_TYPE, y), OUT(F32, mean),
                       OUT(F32, rstd)) {
    __local float scratch[WG];
    const long row = get_group_id(0);
    x += x_at + row * columns;
    y += y_at + row * columns;
    float m = 0;
#if !RMS
    floatv sum = V(0);
    EACH(i) sum += LOADV(X_TYPE, x, i);
    m = group_sum(sum_v(sum), scratch) / columns;
#endif
    floatv squares = V(0);
    EACH(i) {
        const floatv d = LOADV(X_TYPE, x, i) - V(m);
        squares += d * d;
    }
    const float r = 1 / sqrt(group_sum(sum_v(squares), scratch) / columns + eps);
    if (get_local_id(0) == 0) {
        if (mean) mean[mean_at + row] = m;
        if (rstd) rstd[rstd_at + row] = r;
    }
    EACH(i) {
        floatv v = (LOADV(X_TYPE, x, i) - V(m)) * V(r);
        if (weight) v *= LOADV(F32, weight, weight_at + i) + V(offset);
        if (bias) v += LOADV(F32, bias, bias_at + i);
        STOREV(X_TYPE, y, i, v);
    }
}
#endif

#ifdef KERNEL_row_norm_gradient
// weight optional; RMS does not read mean. Global (rows WG), local (WG): a work-group takes a row.
__kernel void row_norm_gradient(const long columns, const float offset, IN(X_TYPE, x),
                                IN(F32, weight), IN(F32, mean), IN(F32, rstd), IN(X_TYPE, g),
                                OUT(X_TYPE, dx)) {
    __local float scratch[WG];
    const long row = get_group_id(0);
    x += x_at + row * columns;
    g += g_at + row * columns;
    dx += dx_at + row * columns;
    const float m = RMS ? 0 : mean[mean_at + row], r = rstd[rstd_at + row];
#define XHAT(i) ((LOADV(X_TYPE, x, i) - V(m)) * V(r))
#define WEIGHT(i) (weight ? LOADV(F32, weight, weight_at + (i)) + V(offset) : V(1))
#define H(i) (LOADV(X_TYPE, g, i) * WEIGHT(i))
    floatv sum = V(0), product = V(0);
    EACH(i) {
        const floatv h = H(i);
        sum += h;
        product += h * XHAT(i);
    }
    const float mean_h = RMS ? 0 : group_sum(sum_v(sum), scratch) / columns;
    const float mean_product = group_sum(sum_v(product), scratch) / columns;
    EACH(i) STOREV(X_TYPE, dx, i, V(r) * (H(i) - V(mean_h) - XHAT(i) * V(mean_product)));
}
#endif

#ifdef KERNEL_row_norm_gradient_weights
// dweight, dbias (parts, columns): sums of g xhat and of g over part p of the rows; add the parts
// up with `reduce`. dbias optional. Global (columns / VEC, parts), any local size.
__kernel void row_norm_gradient_weights(const long rows, const long columns, IN(X_TYPE, x),
                                        IN(F32, mean), IN(F32, rstd), IN(X_TYPE, g),
                                        OUT(F32, dweight), OUT(F32, dbias)) {
    const long i = (long)get_global_id(0) * VEC;
    const long part = get_global_id(1), parts = get_global_size(1);
    if (i >= columns) return;
    const long each = (rows + parts - 1) / parts, end = min(rows, (part + 1) * each);
    floatv product = V(0), sum = V(0);
    for (long row = part * each; row < end; row++) {
        const float m = RMS ? 0 : mean[mean_at + row], r = rstd[rstd_at + row];
        const floatv h = LOADV(X_TYPE, g, g_at + row * columns + i);
        product += h * (LOADV(X_TYPE, x, x_at + row * columns + i) - V(m)) * V(r);
        sum += h;
    }
    STOREV(F32, dweight, dweight_at + part * columns + i, product);
    if (dbias) STOREV(F32, dbias, dbias_at + part * columns + i, sum);
}
#endif

#ifdef KERNEL_channel_statistics
// part_mean, part_squares (n, parts, channels): mean, and sum of squared differences from it, over
// part p of the positions. Global (channels / VEC, parts, n), any local size.
__kernel void channel_statistics(const long positions, const long channels, const long parts,
                                 IN(X_TYPE, x), OUT(F32, part_mean), OUT(F32, part_squares)) {
    const long c = (long)get_global_id(0) * VEC, part = get_global_id(1), image = get_global_id(2);
    if (c >= channels || part >= parts) return;
    const long each = (positions + parts - 1) / parts, from = min(positions, part * each);
    const long to = min(positions, from + each);
    x += x_at + image * positions * channels + c;
    floatv sum = V(0), squares = V(0);
    for (long p = from; p < to; p++) sum += LOADV(X_TYPE, x, p * channels);
    const floatv mean = sum / V(max(to - from, 1L));
    for (long p = from; p < to; p++) {
        const floatv d = LOADV(X_TYPE, x, p * channels) - mean;
        squares += d * d;
    }
    const long at = (image * parts + part) * channels + c;
    STOREV(F32, part_mean, part_mean_at + at, mean);
    STOREV(F32, part_squares, part_squares_at + at, squares);
}
#endif

#ifdef KERNEL_group_norm_statistics
// Combines the channels and parts of each group: mean, rstd (n, groups), optional; scale and shift
// (n, channels) with y = x scale + shift. weight, bias (channels) optional. Global (groups, n), any
// local size.
__kernel void group_norm_statistics(const long positions, const long channels, const long groups,
                                    const long parts, const float eps, IN(F32, part_mean),
                                    IN(F32, part_squares), IN(F32, weight), IN(F32, bias),
                                    OUT(F32, mean), OUT(F32, rstd), OUT(F32, scale),
                                    OUT(F32, shift)) {
    const long group = get_global_id(0), image = get_global_id(1), n = channels / groups;
    if (group >= groups) return;
    const long each = (positions + parts - 1) / parts, first = group * n;
    const float count = (float)(positions * n);
    float sum = 0;
    for (long part = 0; part < parts; part++) {
        const float weight_of_part = (float)max(min(each, positions - part * each), 0L);
        const long at = part_mean_at + (image * parts + part) * channels + first;
        for (long c = 0; c < n; c++) sum += weight_of_part * part_mean[at + c];
    }
    const float m = sum / count;
    float squares = 0;
    for (long part = 0; part < parts; part++) {
        const float weight_of_part = (float)max(min(each, positions - part * each), 0L);
        const long at = (image * parts + part) * channels + first;
        for (long c = 0; c < n; c++) {
            const float d = part_mean[part_mean_at + at + c] - m;
            squares += part_squares[part_squares_at + at + c] + weight_of_part * d * d;
        }
    }
    const float r = 1 / sqrt(squares / count + eps);
    if (mean) mean[mean_at + image * groups + group] = m;
    if (rstd) rstd[rstd_at + image * groups + group] = r;
    for (long c = first; c < first + n; c++) {
        const float w = weight ? r * weight[weight_at + c] : r;
        scale[scale_at + image * channels + c] = w;
        shift[shift_at + image * channels + c] = (bias ? bias[bias_at + c] : 0) - m * w;
    }
}
#endif

#ifdef KERNEL_group_norm
// y = activation(x scale + shift); scale, shift (n, channels). Global (channels / VEC, positions,
// n), any local size.
__kernel void group_norm(const long positions, const long channels, IN(X_TYPE, x), IN(F32, scale),
                         IN(F32, shift), OUT(X_TYPE, y)) {
    const long c = (long)get_global_id(0) * VEC;
    const long position = get_global_id(1), image = get_global_id(2);
    if (c >= channels || position >= positions) return;
    const long at = (image * positions + position) * channels + c;
    const long coefficient = image * channels + c;
    const floatv v = fma(LOADV(X_TYPE, x, x_at + at), LOADV(F32, scale, scale_at + coefficient),
                         LOADV(F32, shift, shift_at + coefficient));
    STOREV(X_TYPE, y, y_at + at, activate_v(ACTIVATION, v));
}
#endif

#ifdef KERNEL_group_norm_gradient_sums
// sum_g, sum_gx (n, parts, channels): sums of g and of g xhat over part p of the positions; mean,
// rstd (n, groups). Global (channels / VEC, parts, n), any local size.
__kernel void group_norm_gradient_sums(const long positions, const long channels, const long groups,
                                       const long parts, IN(X_TYPE, x), IN(X_TYPE, g),
                                       IN(F32, mean), IN(F32, rstd), OUT(F32, sum_g),
                                       OUT(F32, sum_gx)) {
    const long c = (long)get_global_id(0) * VEC, part = get_global_id(1), image = get_global_id(2);
    if (c >= channels || part >= parts) return;
    const long each = (positions + parts - 1) / parts, end = min(positions, (part + 1) * each);
    const long start = image * positions * channels + c, n = channels / groups;
    float ms[VEC], rs[VEC];
    for (int e = 0; e < VEC; e++) {
        ms[e] = mean[mean_at + image * groups + (c + e) / n];
        rs[e] = rstd[rstd_at + image * groups + (c + e) / n];
    }
#if VEC == 1
    const floatv m = ms[0], r = rs[0];
#else
    const floatv m = JOIN(vload, VEC)(0, ms), r = JOIN(vload, VEC)(0, rs);
#endif
    floatv sum = V(0), product = V(0);
    for (long p = part * each; p < end; p++) {
        const floatv h = LOADV(X_TYPE, g, g_at + start + p * channels);
        sum += h;
        product += h * (LOADV(X_TYPE, x, x_at + start + p * channels) - m) * r;
    }
    const long at = (image * parts + part) * channels + c;
    STOREV(F32, sum_g, sum_g_at + at, sum);
    STOREV(F32, sum_gx, sum_gx_at + at, product);
}
#endif

#ifdef KERNEL_group_norm_gradient_coefficients
// cg, cx, c1 (n, channels) with dx = g cg + x cx + c1; dweight, dbias (n, channels), optional: add
// them up over n with `reduce`. weight optional. Global (groups, n), any local size.
__kernel void group_norm_gradient_coefficients(const long positions, const long channels,
                                               const long groups, const long parts, IN(F32, sum_g),
                                               IN(F32, sum_gx), IN(F32, weight), IN(F32, mean),
                                               IN(F32, rstd), OUT(F32, cg), OUT(F32, cx),
                                               OUT(F32, c1), OUT(F32, dweight), OUT(F32, dbias)) {
    const long group = get_global_id(0), image = get_global_id(1), n = channels / groups;
    if (group >= groups) return;
    const float m = mean[mean_at + image * groups + group];
    const float r = rstd[rstd_at + image * groups + group];
    float h = 0, hx = 0;   // sums over the group of g weight and of g weight xhat
    for (long c = group * n; c < group * n + n; c++) {
        float s = 0, sx = 0;
        for (long part = 0; part < parts; part++) {
            s += sum_g[sum_g_at + (image * parts + part) * channels + c];
            sx += sum_gx[sum_gx_at + (image * parts + part) * channels + c];
        }
        const float w = weight ? weight[weight_at + c] : 1;
        h += w * s;
        hx += w * sx;
        if (dbias) dbias[dbias_at + image * channels + c] = s;
        if (dweight) dweight[dweight_at + image * channels + c] = sx;
    }
    const float count = (float)(positions * n), x_factor = -r * r * hx / count;
    for (long c = group * n; c < group * n + n; c++) {
        const long at = image * channels + c;
        cg[cg_at + at] = weight ? r * weight[weight_at + c] : r;
        cx[cx_at + at] = x_factor;
        c1[c1_at + at] = -r * h / count - m * x_factor;
    }
}
#endif

#ifdef KERNEL_group_norm_gradient
// dx = g cg + x cx + c1. Global (channels / VEC, positions, n), any local size.
__kernel void group_norm_gradient(const long positions, const long channels, IN(X_TYPE, x),
                                  IN(X_TYPE, g), IN(F32, cg), IN(F32, cx), IN(F32, c1),
                                  OUT(X_TYPE, dx)) {
    const long c = (long)get_global_id(0) * VEC;
    const long position = get_global_id(1), image = get_global_id(2);
    if (c >= channels || position >= positions) return;
    const long at = (image * positions + position) * channels + c;
    const long coefficient = image * channels + c;
    const floatv v = fma(LOADV(X_TYPE, x, x_at + at), LOADV(F32, cx, cx_at + coefficient),
                         LOADV(F32, c1, c1_at + coefficient));
    STOREV(X_TYPE, dx, dx_at + at,
           fma(LOADV(X_TYPE, g, g_at + at), LOADV(F32, cg, cg_at + coefficient), v));
}
#endif
