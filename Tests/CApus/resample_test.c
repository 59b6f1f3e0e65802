// Nearest and bilinear resampling against their formulas in double; gradients as adjoints.
#include "check.h"

static double at(const float *x, const apus_resample *r, int64_t iy, int64_t ix, int64_t ch) {
    return x[(iy * r->w + ix) * r->c + ch];
}

static double expected(const float *x, const apus_resample *r, int64_t oy, int64_t ox, int64_t ch) {
    if (!r->bilinear) return at(x, r, oy * r->h / r->oh, ox * r->w / r->ow, ch);
    double sy = fmax(((double)oy + 0.5) * (double)r->h / (double)r->oh - 0.5, 0);
    double sx = fmax(((double)ox + 0.5) * (double)r->w / (double)r->ow - 0.5, 0);
    int64_t y0 = (int64_t)sy, x0 = (int64_t)sx;
    int64_t y1 = y0 + 1 < r->h ? y0 + 1 : y0, x1 = x0 + 1 < r->w ? x0 + 1 : x0;
    double ty = sy - (double)y0, tx = sx - (double)x0;
    return (1 - ty) * ((1 - tx) * at(x, r, y0, x0, ch) + tx * at(x, r, y0, x1, ch))
        + ty * ((1 - tx) * at(x, r, y1, x0, ch) + tx * at(x, r, y1, x1, ch));
}

static void check_size(apus_resample r) {
    int64_t nx = r.h * r.w * r.c, ny = r.oh * r.ow * r.c, i = 0;
    float *x = malloc((size_t)nx * 4), *y = malloc((size_t)ny * 4);
    float *g = malloc((size_t)ny * 4), *dx = malloc((size_t)nx * 4);
    double *want = malloc((size_t)ny * 8), inner = 0, adjoint = 0;
    fill_random(x, nx);
    fill_random(g, ny);
    apus_resample_forward(&r, x, y);
    apus_resample_gradient(&r, g, dx);
    for (int64_t oy = 0; oy < r.oh; oy++)
        for (int64_t ox = 0; ox < r.ow; ox++)
            for (int64_t ch = 0; ch < r.c; ch++, i++) {
                want[i] = expected(x, &r, oy, ox, ch);
                inner += want[i] * g[i];
            }
    for (int64_t k = 0; k < nx; k++) adjoint += (double)x[k] * dx[k];
    CHECK(all_close(y, want, ny, 1e-6, 1e-6), "%d×%d to %d×%d", (int)r.h, (int)r.w,
          (int)r.oh, (int)r.ow);
    CHECK(fabs(inner - adjoint) < 1e-4, "gradient: %g, %g", inner, adjoint);
    free(x); free(y); free(g); free(dx); free(want);
}

void test_resample(void) {
    for (int bilinear = 0; bilinear < 2; bilinear++) {
        const int64_t channels[] = {1, 5, 16, 35};
        for (int i = 0; i < 4; i++) {
            check_size((apus_resample){1, 4, 5, channels[i], 8, 10, bilinear, APUS_F32});
            check_size((apus_resample){1, 5, 4, channels[i], 7, 11, bilinear, APUS_F32});
            check_size((apus_resample){1, 9, 8, channels[i], 4, 3, bilinear, APUS_F32});
            check_size((apus_resample){1, 1, 1, channels[i], 3, 2, bilinear, APUS_F32});
        }
    }
    apus_resample r = {1, 1, 2, 1, 1, 4, true, APUS_F16};
    uint16_t x[] = {0, 0x3c00}, y[4];   // 0, 1
    apus_resample_forward(&r, x, y);
    CHECK(y[0] == 0 && y[1] == 0x3400 && y[2] == 0x3a00 && y[3] == 0x3c00,
          "0 ¼ ¾ 1 in half precision");
    r.type = APUS_BF16;
    apus_resample_gradient(&r, (uint16_t[]){0x3f80, 0x3f80, 0x3f80, 0x3f80}, x);
    CHECK(x[0] == 0x4000 && x[1] == 0x4000, "each gathers 2");
}
