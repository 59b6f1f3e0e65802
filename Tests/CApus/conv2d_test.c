// Convolutions and their gradients against loops in double: strides, padding, dilation, groups, odd
// channel counts, every type and epilogue.
#include "check.h"

typedef struct sizes { int64_t x, w, y; } sizes;

static sizes sizes_of(const apus_conv2d *c) {
    return (sizes){c->n * c->h * c->w * c->cin, c->cout * c->kh * c->kw * c->cin / c->groups,
                   c->n * c->oh * c->ow * c->cout};
}

/// Visits every product: y[i] += x[j] w[k], dx[j] += g[i] w[k], dw[k] += g[i] x[j].
static void naive(const apus_conv2d *c, const float *x, const float *w, const float *g, double *y,
                  double *dx, double *dw) {
    int64_t in_group = c->cin / c->groups, out_group = c->cout / c->groups, i = 0;
    for (int64_t n = 0; n < c->n; n++)
    for (int64_t oy = 0; oy < c->oh; oy++)
    for (int64_t ox = 0; ox < c->ow; ox++)
    for (int64_t co = 0; co < c->cout; co++, i++)
        for (int64_t ky = 0; ky < c->kh; ky++)
        for (int64_t kx = 0; kx < c->kw; kx++) {
            int64_t iy = oy * c->stride_h - c->pad_h + ky * c->dilation_h;
            int64_t ix = ox * c->stride_w - c->pad_w + kx * c->dilation_w;
            if (iy < 0 || iy >= c->h || ix < 0 || ix >= c->w) continue;
            int64_t j = ((n * c->h + iy) * c->w + ix) * c->cin + co / out_group * in_group;
            int64_t k = ((co * c->kh + ky) * c->kw + kx) * in_group;
            for (int64_t ci = 0; ci < in_group; ci++, j++, k++) {
                y[i] += (double)x[j] * w[k];
                dx[j] += (double)g[i] * w[k];
                dw[k] += (double)g[i] * x[j];
            }
        }
}

static void check_case(apus_conv2d c) {
    sizes s = sizes_of(&c);
    float *x = malloc((size_t)s.x * 4), *w = malloc((size_t)s.w * 4), *g = malloc((size_t)s.y * 4);
    float *y = malloc((size_t)s.y * 4), *dx = malloc((size_t)s.x * 4);
    float *dw = malloc((size_t)s.w * 4);
    double *ey = calloc((size_t)s.y, 8), *ex = calloc((size_t)s.x, 8), *ew = calloc((size_t)s.w, 8);
    fill_random(x, s.x);
    fill_random(w, s.w);
    fill_random(g, s.y);
    naive(&c, x, w, g, ey, ex, ew);
    apus_conv2d_forward(&c, x, w, NULL, APUS_ACTIVATION_NONE, NULL, y);
    apus_conv2d_input_gradient(&c, g, w, NULL, dx);
    apus_conv2d_weight_gradient(&c, x, g, APUS_F32, dw);
    const char *text = "%d×%d×%d, kernel %d×%d, %d out";
    CHECK(all_close(y, ey, s.y, 1e-5, 2e-4), text, (int)c.h, (int)c.w, (int)c.cin, (int)c.kh,
          (int)c.kw, (int)c.cout);
    CHECK(all_close(dx, ex, s.x, 1e-5, 2e-4), text, (int)c.h, (int)c.w, (int)c.cin, (int)c.kh,
          (int)c.kw, (int)c.cout);
    CHECK(all_close(dw, ew, s.w, 1e-5, 2e-4), text, (int)c.h, (int)c.w, (int)c.cin, (int)c.kh,
          (int)c.kw, (int)c.cout);
    float *again = malloc((size_t)s.y * 4);
    int32_t threads = apus_thread_count();
    apus_set_thread_count(threads == 1 ? 3 : 1);
    apus_conv2d_forward(&c, x, w, NULL, APUS_ACTIVATION_NONE, NULL, again);
    CHECK(memcmp(y, again, (size_t)s.y * 4) == 0, "forward depends on the thread count");
    float *dw2 = malloc((size_t)s.w * 4);
    apus_conv2d_weight_gradient(&c, x, g, APUS_F32, dw2);
    CHECK(memcmp(dw, dw2, (size_t)s.w * 4) == 0, "weight gradient depends on the thread count");
    apus_set_thread_count(threads);
    free(x); free(w); free(g); free(y); free(dx); free(dw); free(again); free(dw2);
    free(ey); free(ex); free(ew);
}

/// The case with output sizes filled in.
static apus_conv2d sized(apus_conv2d c) {
    c.oh = (c.h + 2 * c.pad_h - (c.kh - 1) * c.dilation_h - 1) / c.stride_h + 1;
    c.ow = (c.w + 2 * c.pad_w - (c.kw - 1) * c.dilation_w - 1) / c.stride_w + 1;
    return c;
}

static apus_conv2d square(int64_t n, int64_t size, int64_t cin, int64_t cout, int64_t k,
                          int64_t stride, int64_t pad, int64_t dilation, int64_t groups) {
    return sized((apus_conv2d){
        .n = n, .h = size, .w = size, .cin = cin, .cout = cout, .kh = k, .kw = k,
        .stride_h = stride, .stride_w = stride, .pad_h = pad, .pad_w = pad, .dilation_h = dilation,
        .dilation_w = dilation, .groups = groups});
}

// MARK: narrow types and epilogues

static void narrow(float *x, int64_t n, apus_dtype type, uint16_t *to) {
    for (int64_t i = 0; i < n; i++) {   // values that both types hold exactly
        x[i] = roundf(x[i] * 8) / 8;
        uint32_t bits;
        memcpy(&bits, &x[i], 4);
        if (type == APUS_BF16) to[i] = (uint16_t)(bits >> 16);
        else to[i] = x[i] == 0 ? 0
            : (uint16_t)((bits >> 16 & 0x8000) | ((bits >> 23 & 0xff) - 112) << 10
                         | (bits >> 13 & 0x3ff));
    }
}

static double widen(uint16_t h, apus_dtype type) {
    if (type == APUS_BF16) {
        uint32_t bits = (uint32_t)h << 16;
        float f;
        memcpy(&f, &bits, 4);
        return f;
    }
    double m = h & 0x3ff;
    int e = h >> 10 & 31;
    return (h & 0x8000 ? -1 : 1) * (e ? ldexp(1024 + m, e - 25) : ldexp(m, -24));
}

static bool narrow_close(const uint16_t *y, const double *want, int64_t n, apus_dtype type) {
    const double rtol = type == APUS_BF16 ? 4e-3 : 5e-4;
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(widen(y[i], type) - want[i]) <= rtol * fabs(want[i]) + 1e-6)) {
            printf("  element %d: %g, expected %g\n", (int)i, widen(y[i], type), want[i]);
            return false;
        }
    return true;
}

static void check_narrow(apus_conv2d c, apus_dtype type) {
    c.type = type;
    sizes s = sizes_of(&c);
    float *x = malloc((size_t)s.x * 4), *w = malloc((size_t)s.w * 4), *g = malloc((size_t)s.y * 4);
    uint16_t *hx = malloc((size_t)s.x * 2), *hw = malloc((size_t)s.w * 2);
    uint16_t *hg = malloc((size_t)s.y * 2), *y = malloc((size_t)s.y * 2);
    uint16_t *dx = malloc((size_t)s.x * 2), *dw = malloc((size_t)s.w * 2);
    double *ey = calloc((size_t)s.y, 8), *ex = calloc((size_t)s.x, 8), *ew = calloc((size_t)s.w, 8);
    fill_random(x, s.x);
    fill_random(w, s.w);
    fill_random(g, s.y);
    narrow(x, s.x, type, hx);
    narrow(w, s.w, type, hw);
    narrow(g, s.y, type, hg);
    naive(&c, x, w, g, ey, ex, ew);
    apus_conv2d_forward(&c, hx, hw, NULL, APUS_ACTIVATION_NONE, NULL, y);
    apus_conv2d_input_gradient(&c, hg, hw, NULL, dx);
    apus_conv2d_weight_gradient(&c, hx, hg, type, dw);
    CHECK(narrow_close(y, ey, s.y, type), "forward, type %d", type);
    CHECK(narrow_close(dx, ex, s.x, type), "input gradient, type %d", type);
    CHECK(narrow_close(dw, ew, s.w, type), "weight gradient, type %d", type);
    apus_conv2d_weight_gradient(&c, hx, hg, APUS_F32, w);
    CHECK(all_close(w, ew, s.w, 1e-5, 2e-4), "weight gradient in f32 from type %d", type);
    free(x); free(w); free(g); free(hx); free(hw); free(hg); free(y); free(dx); free(dw);
    free(ey); free(ex); free(ew);
}

static void check_epilogue(void) {
    apus_conv2d c = square(1, 5, 3, 21, 3, 1, 1, 1, 1);
    float x[75], w[567], g[525], bias[21], residual[525], y[525];
    double ey[525] = {0}, ex[75] = {0}, ew[567] = {0};
    fill_random(x, 75);
    fill_random(w, 567);
    fill_random(g, 525);
    fill_random(bias, 21);
    fill_random(residual, 525);
    naive(&c, x, w, g, ey, ex, ew);
    for (int i = 0; i < 525; i++) {
        double v = ey[i] + bias[i % 21];
        ey[i] = v / (1 + exp(-v)) + residual[i];
    }
    apus_conv2d_forward(&c, x, w, bias, APUS_ACTIVATION_SILU, residual, y);
    CHECK(all_close(y, ey, 525, 1e-5, 1e-5), "bias, SiLU and residual");
    for (int i = 0; i < 75; i++) ex[i] += bias[i % 3];
    apus_conv2d_input_gradient(&c, g, w, bias, x);
    CHECK(all_close(x, ex, 75, 1e-5, 1e-5), "a transposed convolution's bias");
}

static void check_depthwise_epilogue(void) {
    apus_conv2d c = square(1, 5, 21, 21, 3, 1, 1, 1, 21);
    float x[525], w[189], g[525] = {0}, bias[21], y[525];
    double ey[525] = {0}, ex[525] = {0}, ew[189] = {0};
    fill_random(x, 525);
    fill_random(w, 189);
    fill_random(bias, 21);
    naive(&c, x, w, g, ey, ex, ew);
    for (int i = 0; i < 525; i++) ey[i] = fmax(ey[i] + bias[i % 21], 0) + x[i];
    apus_conv2d_forward(&c, x, w, bias, APUS_ACTIVATION_RELU, x, y);
    CHECK(all_close(y, ey, 525, 1e-5, 1e-5), "depthwise: bias, ReLU and residual");
}

/// Only the outputs that an infinity reaches become infinite, whatever shares a unit with it.
static void check_infinite_neighbour(void) {
    apus_conv2d c = square(1, 9, 3, 5, 3, 2, 1, 1, 1);
    c.type = APUS_BF16;
    uint16_t x[243] = {0}, w[135], y[125];
    for (int i = 0; i < 135; i++) w[i] = 0x3f80;
    x[(4 * 9 + 5) * 3] = 0x7f80;   // row 4, column 5
    apus_conv2d_forward(&c, x, w, NULL, APUS_ACTIVATION_NONE, NULL, y);
    for (int i = 0; i < 125; i++) {
        bool reached = i / 25 == 2 && (i / 5 % 5 == 2 || i / 5 % 5 == 3);
        CHECK(y[i] == (reached ? 0x7f80 : 0), "output %d of an infinity is %x", i, y[i]);
    }
}

static void check_int8(apus_conv2d c) {
    sizes s = sizes_of(&c);
    int8_t *x = malloc((size_t)s.x), *w = malloc((size_t)s.w);
    float *fx = malloc((size_t)s.x * 4), *fw = malloc((size_t)s.w * 4), *g = calloc((size_t)s.y, 4);
    float *y = malloc((size_t)s.y * 4), sx[4], sw[300], bias[300];
    double *ey = calloc((size_t)s.y, 8), *ex = calloc((size_t)s.x, 8), *ew = calloc((size_t)s.w, 8);
    for (int64_t i = 0; i < s.x; i++) fx[i] = x[i] = (int8_t)(random_float() * 128);
    for (int64_t i = 0; i < s.w; i++) fw[i] = w[i] = (int8_t)(random_float() * 128);
    fill_random(sx, 4);
    fill_random(sw, 300);
    fill_random(bias, 300);
    naive(&c, fx, fw, g, ey, ex, ew);
    for (int64_t i = 0; i < s.y; i++)
        ey[i] = ey[i] * sx[i / (s.y / c.n)] * sw[i % c.cout] + bias[i % c.cout];
    apus_conv2d_int8(&c, x, sx, w, sw, bias, y);
    CHECK(all_close(y, ey, s.y, 1e-6, 1e-3), "int8, %d channels", (int)c.cin);
    free(x); free(w); free(fx); free(fw); free(g); free(y); free(ey); free(ex); free(ew);
}

void test_conv2d(void) {
    check_case(square(2, 9, 5, 7, 3, 1, 1, 1, 1));
    check_case(square(1, 20, 16, 33, 3, 1, 1, 1, 1));
    check_case(square(1, 11, 3, 8, 7, 2, 3, 1, 1));
    check_case(square(2, 8, 6, 64, 4, 2, 1, 1, 1));
    check_case(square(1, 10, 34, 5, 3, 3, 0, 1, 1));
    check_case(square(1, 9, 4, 6, 3, 1, 2, 2, 1));
    check_case(square(3, 7, 6, 10, 3, 2, 1, 1, 2));
    check_case(square(1, 8, 6, 6, 3, 1, 1, 1, 6));
    check_case(square(1, 7, 3, 6, 3, 2, 1, 1, 3));
    check_case(square(2, 5, 40, 20, 1, 1, 0, 1, 1));
    check_case(square(1, 7, 5, 3, 1, 2, 0, 1, 1));
    check_case(square(2, 15, 33, 70, 3, 1, 1, 1, 1));   // Winograd's algorithm
    check_case(square(1, 18, 130, 34, 3, 1, 0, 1, 1));
    check_case(square(2, 13, 37, 37, 3, 1, 1, 1, 37));  // depthwise
    check_case(square(1, 9, 8, 8, 5, 2, 2, 1, 8));
    check_case(square(1, 8, 20, 20, 3, 1, 0, 1, 20));
    check_case(square(1, 2, 20, 20, 3, 1, 2, 1, 20));
    check_case(square(2, 3, 4, 5, 3, 1, 0, 1, 1));
    check_case(square(1, 5, 2, 3, 2, 4, 0, 1, 1));   // outputs that nothing reaches
    check_case(sized((apus_conv2d){.n = 1, .h = 1, .w = 19, .cin = 6, .cout = 9, .kh = 1, .kw = 5,
        .stride_h = 1, .stride_w = 2, .pad_h = 0, .pad_w = 2, .dilation_h = 1, .dilation_w = 1,
        .groups = 1}));
    for (apus_dtype type = APUS_BF16; type <= APUS_F16; type++) {
        check_narrow(square(1, 6, 5, 9, 3, 1, 1, 1, 1), type);
        check_narrow(square(1, 7, 32, 40, 3, 2, 1, 1, 1), type);
        check_narrow(square(2, 6, 6, 6, 3, 1, 1, 1, 2), type);
        check_narrow(square(1, 12, 18, 18, 3, 1, 1, 1, 18), type);
        check_narrow(square(2, 33, 3, 40, 7, 2, 3, 1, 1), type);   // few odd channels
        check_narrow(square(1, 19, 3, 8, 4, 3, 0, 1, 1), type);
        check_narrow(square(2, 9, 1, 5, 3, 1, 0, 1, 1), type);
        check_narrow(square(1, 9, 3, 5, 3, 1, 2, 2, 1), type);
        check_narrow(square(2, 9, 36, 17, 3, 1, 1, 1, 1), type);   // rows of odd length
        check_narrow(square(1, 11, 34, 30, 3, 2, 2, 2, 1), type);
    }
    // Weights that outweigh the pixels.
    check_case(square(2, 5, 230, 260, 3, 2, 1, 1, 1));
    check_case(square(1, 4, 256, 260, 3, 1, 1, 1, 1));
    check_narrow(square(2, 5, 460, 260, 3, 2, 1, 1, 1), APUS_BF16);
    check_int8(square(2, 3, 913, 260, 3, 1, 1, 1, 1));
    // Few output channels.
    check_case(square(2, 9, 64, 3, 3, 1, 1, 1, 1));
    check_case(square(2, 12, 3, 64, 4, 2, 1, 1, 1));
    check_case(square(2, 4, 70, 40, 4, 1, 0, 1, 1));   // the gradient's picture is one pixel
    check_narrow(square(2, 12, 3, 64, 4, 2, 1, 1, 1), APUS_BF16);
    check_narrow(square(1, 9, 64, 2, 3, 1, 1, 1, 1), APUS_BF16);
    check_narrow(square(1, 9, 64, 3, 3, 1, 1, 1, 1), APUS_F16);
    check_infinite_neighbour();
    check_epilogue();
    check_depthwise_epilogue();
    check_int8(square(2, 6, 5, 7, 3, 1, 1, 1, 1));
    check_int8(square(2, 9, 64, 40, 3, 2, 1, 1, 1));
    check_int8(square(1, 5, 12, 12, 1, 1, 0, 1, 2));
    check_int8(square(1, 17, 3, 40, 7, 2, 3, 1, 1));   // few channels
    check_int8(square(2, 4, 5, 33, 3, 1, 1, 1, 1));
    apus_conv2d empty = square(0, 4, 3, 3, 3, 1, 1, 1, 1);
    apus_conv2d_forward(&empty, NULL, NULL, NULL, APUS_ACTIVATION_NONE, NULL, NULL);
    apus_conv2d_input_gradient(&empty, NULL, NULL, NULL, NULL);
}
