// Pooling against loops in double, for odd windows, every type, and its gradients.
#include "check.h"

static int64_t in_axis(int64_t o, int64_t stride, int64_t pad, int64_t k, int64_t dilation) {
    return o * stride - pad + k * dilation;
}

/// Naive pooling of one channel; chosen (n, oh, ow, c) gets the position of the largest.
static double pool_one(const apus_pool2d *p, const float *x, int64_t n, int64_t oy, int64_t ox,
                       int64_t ch, bool average, int64_t *chosen) {
    double sum = 0, best = -INFINITY;
    int64_t counted = 0, inside = 0;
    for (int64_t ky = 0; ky < p->kh; ky++)
        for (int64_t kx = 0; kx < p->kw; kx++) {
            int64_t iy = in_axis(oy, p->stride_h, p->pad_h, ky, p->dilation_h);
            int64_t ix = in_axis(ox, p->stride_w, p->pad_w, kx, p->dilation_w);
            counted += iy < p->h + p->pad_h && ix < p->w + p->pad_w;
            if (iy < 0 || iy >= p->h || ix < 0 || ix >= p->w) continue;
            double v = x[((n * p->h + iy) * p->w + ix) * p->c + ch];
            inside++;
            sum += v;
            if (v > best) { best = v; *chosen = iy * p->w + ix; }
        }
    return average ? sum / (double)(p->count_include_pad ? counted : inside) : best;
}

static void check_windows(apus_pool2d p) {
    int64_t nx = p.n * p.h * p.w * p.c, ny = p.n * p.oh * p.ow * p.c;
    float *x = malloc((size_t)nx * 4), *y = malloc((size_t)ny * 4), *a = malloc((size_t)ny * 4);
    float *g = malloc((size_t)ny * 4), *dx = malloc((size_t)nx * 4), *da = malloc((size_t)nx * 4);
    int32_t *index = malloc((size_t)ny * 4);
    double *want = calloc((size_t)ny, 8), *mean = calloc((size_t)ny, 8);
    double *want_dx = calloc((size_t)nx, 8);
    fill_random(x, nx);
    fill_random(g, ny);
    apus_max_pool2d(&p, x, y, index);
    apus_max_pool2d_gradient(&p, g, index, dx);
    apus_avg_pool2d(&p, x, a);
    apus_avg_pool2d_gradient(&p, g, da);
    int64_t wrong = 0, i = 0;
    double inner = 0, adjoint = 0;   // <mean(x), g> = <x, gradient(g)>
    for (int64_t n = 0; n < p.n; n++)
        for (int64_t oy = 0; oy < p.oh; oy++)
            for (int64_t ox = 0; ox < p.ow; ox++)
                for (int64_t ch = 0; ch < p.c; ch++, i++) {
                    int64_t at = -1;
                    want[i] = pool_one(&p, x, n, oy, ox, ch, false, &at);
                    mean[i] = pool_one(&p, x, n, oy, ox, ch, true, &at);
                    wrong += index[i] != at;
                    want_dx[(n * p.h * p.w + at) * p.c + ch] += g[i];
                    inner += mean[i] * g[i];
                }
    for (int64_t k = 0; k < nx; k++) adjoint += (double)x[k] * da[k];
    CHECK(all_close(y, want, ny, 0, 0), "maximum, %d channels", (int)p.c);
    CHECK(wrong == 0, "%d indices", (int)wrong);
    CHECK(all_close(dx, want_dx, nx, 1e-6, 1e-6), "maximum's gradient");
    CHECK(all_close(a, mean, ny, 1e-6, 1e-6), "average");
    CHECK(fabs(inner - adjoint) < 1e-4, "average's gradient: %g, %g", inner, adjoint);
    free(x); free(y); free(a); free(g); free(dx); free(da); free(index);
    free(want); free(mean); free(want_dx);
}

static void check_adaptive(void) {
    apus_pool2d p = {.n = 1, .h = 5, .w = 7, .c = 3, .oh = 3, .ow = 4, .adaptive = true};
    float x[105], y[36], g[36], dx[105];
    for (int i = 0; i < 105; i++) x[i] = (float)(i / 3);   // x = row · 7 + column
    for (int i = 0; i < 36; i++) g[i] = 1;
    apus_avg_pool2d(&p, x, y);
    // Rows 0–1, 1–3, 3–4; columns 0–1, 1–3, 3–5, 5–6.
    const double rows[] = {0.5, 2, 3.5}, columns[] = {0.5, 2, 4, 5.5};
    double want[36], total = 0;
    for (int i = 0; i < 36; i++) want[i] = rows[i / 12] * 7 + columns[i / 3 % 4];
    CHECK(all_close(y, want, 36, 1e-6, 0), "adaptive");
    apus_avg_pool2d_gradient(&p, g, dx);
    for (int i = 0; i < 105; i++) total += dx[i];
    CHECK(fabs(total - 36) < 1e-4, "adaptive gradient sums to %g", total);
}

static void check_types_and_nan(void) {
    apus_pool2d p = {1, 2, 2, 2, 1, 1, 2, 2, 2, 2, 0, 0, 1, 1, true, false, APUS_BF16};
    uint16_t x[8] = {0x3f80, 0x4000, 0x4040, 0x7fc0, 0xbf80, 0, 0, 0}, y[2];   // 1 2 3 NaN -1 0 0 0
    apus_max_pool2d(&p, x, y, NULL);
    CHECK(y[0] == 0x4040 && (y[1] & 0x7fc0) == 0x7fc0, "%x %x", y[0], y[1]);
    apus_avg_pool2d(&p, x, y);
    CHECK(y[0] == 0x3f40, "mean of 1 3 -1 0 is %x", y[0]);
    p.type = APUS_F16;
    uint16_t half[8] = {0x3c00, 0, 0x4200, 0, 0xbc00, 0, 0, 0};
    apus_avg_pool2d(&p, half, y);
    CHECK(y[0] == 0x3a00, "mean of 1 3 -1 0 is %x", y[0]);
    p.n = 0;
    apus_avg_pool2d(&p, NULL, NULL);
}

void test_pool2d(void) {
    const int64_t channels[] = {1, 3, 16, 37};
    for (int i = 0; i < 4; i++) {
        int64_t c = channels[i];
        check_windows((apus_pool2d){2, 6, 8, c, 3, 4, 2, 2, 2, 2, 0, 0, 1, 1, true, false, 0});
        check_windows((apus_pool2d){1, 7, 9, c, 4, 5, 3, 3, 2, 2, 1, 1, 1, 1, true, false, 0});
        check_windows((apus_pool2d){1, 7, 9, c, 4, 5, 3, 3, 2, 2, 1, 1, 1, 1, false, false, 0});
        check_windows((apus_pool2d){1, 9, 7, c, 3, 5, 3, 2, 2, 1, 0, 0, 2, 2, true, false, 0});
        check_windows((apus_pool2d){1, 5, 5, c, 3, 3, 2, 2, 2, 2, 0, 0, 1, 1, true, false, 0});
    }
    check_adaptive();
    check_types_and_nan();
}
