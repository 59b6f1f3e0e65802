// Layer, RMS and group norm and their gradients against their definitions in double.
#include "check.h"

typedef struct { double mean, rstd; } statistics;

// Of `count` values: entry i stands at x[base + i / width * stride + i % width].
static statistics of(const float *x, int64_t base, int64_t count, int64_t width, int64_t stride,
                     double eps, bool centred) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)x[base + i / width * stride + i % width];
    double mean = centred ? sum / (double)count : 0;
    for (int64_t i = 0; i < count; i++) {
        double d = (double)x[base + i / width * stride + i % width] - mean;
        squares += d * d;
    }
    return (statistics){mean, 1 / sqrt(squares / (double)count + eps)};
}

// One normalised set, as above: y, dx and the shares of dweight and dbias. Its channel is i % width
// + channel.
static void expected_set(const float *x, const float *g, const float *w, const float *b,
                         statistics s, bool centred, int64_t base, int64_t count, int64_t width,
                         int64_t stride, int64_t channel, double *y, double *dx, double *dw,
                         double *db) {
    double h_sum = 0, hx_sum = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = base + i / width * stride + i % width, c = channel + i % width;
        double xn = ((double)x[at] - s.mean) * s.rstd, h = (double)g[at] * (double)w[c];
        y[at] = xn * (double)w[c] + (b ? (double)b[c] : 0);
        dw[c] += (double)g[at] * xn;
        db[c] += (double)g[at];
        h_sum += centred ? h : 0;
        hx_sum += h * xn;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t at = base + i / width * stride + i % width;
        double xn = ((double)x[at] - s.mean) * s.rstd;
        double h = (double)g[at] * (double)w[channel + i % width];
        dx[at] = s.rstd * (h - h_sum / (double)count - xn * hx_sum / (double)count);
    }
}

typedef struct {
    int64_t size, channels;
    float *x, *g, *w, *b, *y, *dx, *dw, *db;
    double *ey, *edx, *edw, *edb;
} data;

static data make(int64_t size, int64_t channels, float offset) {
    size_t s = (size_t)size, c = (size_t)channels;
    data d = {size, channels, malloc(s * 4), malloc(s * 4), malloc(c * 4), malloc(c * 4),
              malloc(s * 4), malloc(s * 4), malloc(c * 4), malloc(c * 4), calloc(s, 8),
              calloc(s, 8), calloc(c, 8), calloc(c, 8)};
    fill_random(d.x, size);
    fill_random(d.g, size);
    fill_random(d.w, channels);
    fill_random(d.b, channels);
    for (int64_t i = 0; i < size; i++) d.x[i] += offset;
    return d;
}

static void finish(data d, const char *name, int64_t a, int64_t b, bool bias) {
    double slack = 1e-5 * sqrt((double)(d.size / d.channels));
    CHECK(all_close(d.y, d.ey, d.size, 1e-5, 2e-5), "%s (%lld, %lld)", name, (long long)a,
          (long long)b);
    CHECK(all_close(d.dx, d.edx, d.size, 1e-4, 2e-5), "%s dx (%lld, %lld)", name, (long long)a,
          (long long)b);
    CHECK(all_close(d.dw, d.edw, d.channels, 1e-5, slack), "%s dweight (%lld, %lld)", name,
          (long long)a, (long long)b);
    if (bias)
        CHECK(all_close(d.db, d.edb, d.channels, 1e-5, slack), "%s dbias (%lld, %lld)", name,
              (long long)a, (long long)b);
    void *blocks[] = {d.x, d.g, d.w, d.b, d.y, d.dx, d.dw, d.db, d.ey, d.edx, d.edw, d.edb};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
}

static void check_layer_norm(int64_t rows, int64_t columns, float offset) {
    data d = make(rows * columns, columns, offset);
    float *mean = malloc((size_t)rows * 4), *rstd = malloc((size_t)rows * 4);
    for (int64_t r = 0; r < rows; r++)
        expected_set(d.x, d.g, d.w, d.b, of(d.x, r * columns, columns, columns, 0, 1e-3, true),
                     true, r * columns, columns, columns, 0, 0, d.ey, d.edx, d.edw, d.edb);
    apus_layer_norm(APUS_F32, rows, columns, 1e-3f, d.x, d.w, d.b, d.y, mean, rstd);
    apus_layer_norm_gradient(APUS_F32, rows, columns, d.x, d.w, mean, rstd, d.g, d.dx, d.dw, d.db);
    finish(d, "layer norm", rows, columns, true);
    free(mean);
    free(rstd);
}

static void check_rms_norm(int64_t rows, int64_t columns) {
    data d = make(rows * columns, columns, 0);
    float *rstd = malloc((size_t)rows * 4), *less = malloc((size_t)columns * 4);
    for (int64_t c = 0; c < columns; c++) d.w[c] = (less[c] = d.w[c]) + 1;
    for (int64_t r = 0; r < rows; r++)
        expected_set(d.x, d.g, d.w, NULL, of(d.x, r * columns, columns, columns, 0, 1e-3, false),
                     false, r * columns, columns, columns, 0, 0, d.ey, d.edx, d.edw, d.edb);
    apus_rms_norm(APUS_F32, rows, columns, 1e-3f, 1, d.x, less, d.y, rstd);
    apus_rms_norm_gradient(APUS_F32, rows, columns, 1, d.x, less, rstd, d.g, d.dx, d.dw);
    finish(d, "RMS norm", rows, columns, false);
    free(rstd);
    free(less);
}

/// With SiLU behind the norm, all gradients are those without it for g · SiLU'(ey).
static void check_silu_gradient(const data *d, int64_t n, int64_t positions, int64_t channels,
                                int64_t groups, const float *mean, const float *rstd) {
    const size_t bytes = (size_t)d->size * 4, row = (size_t)channels * 4;
    float *g = malloc(bytes), *dx = malloc(bytes), *sums = malloc(4 * row);
    for (int64_t i = 0; i < d->size; i++) {
        double s = 1 / (1 + exp(-d->ey[i]));
        g[i] = (float)(d->g[i] * s * (1 + d->ey[i] * (1 - s)));
    }
    float *dw = sums, *db = dw + channels, *dw_silu = db + channels, *db_silu = dw_silu + channels;
    apus_group_norm_gradient(APUS_F32, n, positions, channels, groups, APUS_ACTIVATION_NONE, d->x,
                             d->w, d->b, mean, rstd, g, dx, dw, db);
    apus_group_norm_gradient(APUS_F32, n, positions, channels, groups, APUS_ACTIVATION_SILU, d->x,
                             d->w, d->b, mean, rstd, d->g, d->dx, dw_silu, db_silu);
    double most = 0, of_sums = 0;
    for (int64_t i = 0; i < d->size; i++) most = fmax(most, fabs(dx[i] - d->dx[i]));
    for (int64_t c = 0; c < 2 * channels; c++)
        of_sums = fmax(of_sums, fabs(dw[c] - dw_silu[c]) / (1 + fabs(dw[c])));
    CHECK(most < 2e-4 && of_sums < 2e-4, "SiLU's gradient: %g, %g", most, of_sums);
    free(g);
    free(dx);
    free(sums);
}

static void check_group_norm(int64_t n, int64_t positions, int64_t channels, int64_t groups,
                             float offset) {
    data d = make(n * positions * channels, channels, offset);
    int64_t width = channels / groups;
    float *mean = malloc((size_t)(n * groups) * 4), *rstd = malloc((size_t)(n * groups) * 4);
    for (int64_t s = 0; s < n * groups; s++) {
        int64_t channel = s % groups * width, base = s / groups * positions * channels + channel;
        statistics stats = of(d.x, base, positions * width, width, channels, 1e-3, true);
        expected_set(d.x, d.g, d.w, d.b, stats, true, base, positions * width, width, channels,
                     channel, d.ey, d.edx, d.edw, d.edb);
    }
    apus_group_norm(APUS_F32, n, positions, channels, groups, 1e-3f, APUS_ACTIVATION_SILU, d.x, d.w,
                    d.b, d.y, mean, rstd);
    int64_t wrong = 0;
    for (int64_t i = 0; i < d.size; i++)
        wrong += fabs(d.y[i] - d.ey[i] / (1 + exp(-d.ey[i]))) > 2e-5;
    CHECK(wrong == 0, "group norm with SiLU");
    check_silu_gradient(&d, n, positions, channels, groups, mean, rstd);
    apus_group_norm(APUS_F32, n, positions, channels, groups, 1e-3f, APUS_ACTIVATION_NONE, d.x, d.w,
                    d.b, d.y, mean, rstd);
    apus_group_norm_gradient(APUS_F32, n, positions, channels, groups, APUS_ACTIVATION_NONE, d.x,
                             d.w, d.b, mean, rstd, d.g, d.dx, d.dw, d.db);
    finish(d, "group norm", positions, channels, true);
    free(mean);
    free(rstd);
}

// The same bits for one thread and for many.
static void check_threads(void) {
    enum { ROWS = 301, COLUMNS = 65 };
    data d = make(ROWS * COLUMNS, COLUMNS, 0);
    float mean[ROWS], rstd[ROWS], first[COLUMNS];
    int32_t threads = apus_thread_count();
    apus_layer_norm(APUS_F32, ROWS, COLUMNS, 1e-5f, d.x, d.w, d.b, d.y, mean, rstd);
    for (int32_t t = 1; t <= 3; t++) {
        apus_set_thread_count(t);
        apus_layer_norm_gradient(APUS_F32, ROWS, COLUMNS, d.x, d.w, mean, rstd, d.g, d.dx, d.dw,
                                 d.db);
        if (t == 1) memcpy(first, d.dw, sizeof first);
        CHECK(memcmp(first, d.dw, sizeof first) == 0, "dweight with %d threads", t);
    }
    apus_set_thread_count(threads);
    memcpy(d.y, d.x, sizeof(float));
    void *blocks[] = {d.x, d.g, d.w, d.b, d.y, d.dx, d.dw, d.db, d.ey, d.edx, d.edw, d.edb};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
}

void test_normalize(void) {
    static const int64_t columns[] = {1, 5, 16, 33, 100, 4200};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        check_layer_norm(1, columns[i], 0);
        check_layer_norm(37, columns[i], 3);
        check_rms_norm(1, columns[i]);
        check_rms_norm(40, columns[i]);
    }
    check_group_norm(1, 1, 6, 2, 0);
    check_group_norm(2, 7, 6, 3, 2);
    check_group_norm(2, 300, 48, 4, 3);
    check_group_norm(1, 900, 80, 80, 0);
    check_group_norm(3, 50, 17, 1, 0);
    check_threads();
}
