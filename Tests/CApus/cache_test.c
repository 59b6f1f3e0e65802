// The cache of keys and values: tokens in and out, and attention over them against double, with a
// row's bits the same in whatever company.
#include "check.h"

typedef struct setting {
    apus_cache_type type;
    int64_t heads, group, d, dv, window;
    float softcap;
    bool interleaved;
} setting;

typedef struct bench {
    setting s;
    apus_cache cache;
    int64_t rows, dims;
    float *q, *k, *v, *cos, *sin, *o;   // (rows, heads d) …
    float *keys, *values;               // as the cache has them
} bench;

static float *floats(int64_t n) {
    float *x = malloc((size_t)(n + 1) * sizeof *x);
    fill_random(x, n);
    return x;
}

static bench make(setting s, int64_t slots, int64_t capacity, int64_t rows) {
    bench b = {.s = s, .rows = rows, .dims = s.d / 4 * 2};
    size_t keys = (size_t)apus_cache_bytes(s.type, s.heads, capacity, s.d);
    size_t values = (size_t)apus_cache_bytes(s.type, s.heads, capacity, s.dv);
    b.cache = (apus_cache){s.type, s.heads, capacity, s.d, s.dv, malloc(keys * (size_t)slots),
                           malloc(values * (size_t)slots)};
    memset(b.cache.keys, 0xff, keys * (size_t)slots);   // NaN wherever nothing was written
    memset(b.cache.values, 0xff, values * (size_t)slots);
    b.q = floats(rows * s.heads * s.group * s.d);
    b.k = floats(rows * s.heads * s.d);
    b.v = floats(rows * s.heads * s.dv);
    b.cos = floats(rows * b.dims / 2);
    b.sin = floats(rows * b.dims / 2);
    b.o = floats(rows * s.heads * s.group * s.dv);
    b.keys = floats(rows * s.heads * s.d);
    b.values = floats(rows * s.heads * s.dv);
    return b;
}

static void release(bench *b) {
    float *all[] = {b->q, b->k, b->v, b->cos, b->sin, b->o, b->keys, b->values};
    for (int i = 0; i < 8; i++) free(all[i]);
    free(b->cache.keys);
    free(b->cache.values);
}

static apus_rotation rotation_of(const bench *b) {
    return (apus_rotation){b->cos, b->sin, b->dims, b->s.interleaved};
}

static void rotate(const bench *b, const float *x, int64_t row, double *y) {
    for (int64_t i = 0; i < b->s.d; i++) y[i] = x[i];
    for (int64_t i = 0; i < b->dims / 2; i++) {
        int64_t first = b->s.interleaved ? 2 * i : i;
        int64_t second = b->s.interleaved ? 2 * i + 1 : i + b->dims / 2;
        double c = b->cos[row * (b->dims / 2) + i], s = b->sin[row * (b->dims / 2) + i];
        y[first] = x[first] * c - x[second] * s;
        y[second] = x[second] * c + x[first] * s;
    }
}

static void fill(bench *b, int64_t count, const apus_run *runs) {
    const setting *s = &b->s;
    apus_rotation rotation = rotation_of(b);
    apus_cache_rows rows = {b->k, b->v, s->heads * s->d, s->heads * s->dv};
    apus_cache_write(&b->cache, count, runs, &rows, &rotation);
    apus_cache_rows back = {b->keys, b->values, s->heads * s->d, s->heads * s->dv};
    apus_cache_read(&b->cache, count, runs, &back);
    double bound = s->type == APUS_CACHE_F32 ? 1e-6 : s->type == APUS_CACHE_F16 ? 1e-3 : 1e-2;
    double y[256], worst = 0;
    for (int64_t row = 0; row < b->rows; row++)
        for (int64_t h = 0; h < s->heads; h++) {
            rotate(b, b->k + (row * s->heads + h) * s->d, row, y);
            for (int64_t c = 0; c < s->d; c++)
                worst = fmax(worst, fabs(b->keys[(row * s->heads + h) * s->d + c] - y[c]));
        }
    for (int64_t i = 0; i < b->rows * s->heads * s->dv; i++)
        worst = fmax(worst, fabs(b->values[i] - b->v[i]));
    CHECK(worst < bound, "type %d: %g from what was written", s->type, worst);
}

static void attend(const bench *b, int64_t count, const apus_run *runs, float *o) {
    const setting *s = &b->s;
    apus_cache_attention call = {
        .group = s->group, .q = b->q, .q_row = s->heads * s->group * s->d,
        .rotation = rotation_of(b), .scale = 0.3f, .softcap = s->softcap, .window = s->window,
        .o = o, .o_row = s->heads * s->group * s->dv,
    };
    apus_cache_attend(&b->cache, count, runs, &call);
}

/// o of one row and query head, in double: keys are the rows first ..< row + 1.
static void expect(const bench *b, int64_t first, int64_t row, int64_t head, double *o) {
    const setting *s = &b->s;
    double q[256], score[1024], top = -INFINITY, sum = 0;
    int64_t h = head / s->group;
    rotate(b, b->q + (row * s->heads * s->group + head) * s->d, row, q);
    if (s->window > 0 && row - s->window + 1 > first) first = row - s->window + 1;
    for (int64_t j = first; j <= row; j++) {
        double dot = 0;
        for (int64_t c = 0; c < s->d; c++) dot += q[c] * b->keys[(j * s->heads + h) * s->d + c];
        dot *= 0.3;
        if (s->softcap != 0) dot = s->softcap * tanh(dot / s->softcap);
        score[j - first] = dot;
        top = fmax(top, dot);
    }
    for (int64_t c = 0; c < s->dv; c++) o[c] = 0;
    for (int64_t j = first; j <= row; j++) {
        double p = exp(score[j - first] - top);
        sum += p;
        for (int64_t c = 0; c < s->dv; c++) o[c] += p * b->values[(j * s->heads + h) * s->dv + c];
    }
    for (int64_t c = 0; c < s->dv; c++) o[c] /= sum;
}

static void check_values(const bench *b, int64_t count, const apus_run *runs) {
    const setting *s = &b->s;
    double o[256], worst = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t t = 0; t < runs[i].count; t++)
            for (int64_t h = t % 3; h < s->heads * s->group; h += 3) {
                int64_t row = runs[i].row + t;
                expect(b, runs[i].row, row, h, o);
                const float *at = b->o + (row * s->heads * s->group + h) * s->dv;
                for (int64_t c = 0; c < s->dv; c++) worst = fmax(worst, fabs(at[c] - o[c]));
            }
    CHECK(worst < 1e-5, "type %d, head size %d: %g", s->type, (int)s->d, worst);
}

/// The last tokens of runs again: together, one by one, and with another number of threads.
static void check_bits(const bench *b, int64_t count, const apus_run *runs, int64_t last) {
    int64_t width = b->s.heads * b->s.group * b->s.dv;
    float *o = floats(b->rows * width);
    apus_run some[8];
    int32_t threads = apus_thread_count();
    for (int way = 0; way < 3; way++) {
        if (way == 2) apus_set_thread_count(threads == 1 ? 3 : 1);
        for (int64_t i = 0; i < count; i++) {
            int64_t n = last < runs[i].count ? last : runs[i].count, skip = runs[i].count - n;
            some[i] = (apus_run){runs[i].row + skip, n, runs[i].slot, runs[i].position + skip};
            for (int64_t t = 0; way == 1 && t < n; t++)
                attend(b, 1, &(apus_run){some[i].row + t, 1, some[i].slot, some[i].position + t},
                       o);
        }
        if (way != 1) attend(b, count, some, o);
        apus_set_thread_count(threads);
        bool same = true;
        for (int64_t i = 0; i < count; i++)
            same = same && memcmp(o + some[i].row * width, b->o + some[i].row * width,
                                  (size_t)(some[i].count * width) * 4) == 0;
        CHECK(same, "type %d: other bits, way %d", b->s.type, way);
    }
    free(o);
}

static void check_copy(bench *b, const apus_run *run, int64_t to) {
    apus_cache_copy(&b->cache, run->slot, to, run->count);
    apus_run copy = *run;
    copy.slot = to;
    int64_t width = b->s.heads * b->s.group * b->s.dv;
    float *o = floats(b->rows * width);
    attend(b, 1, &copy, o);
    CHECK(memcmp(o + run->row * width, b->o + run->row * width, (size_t)(run->count * width) * 4)
              == 0, "type %d: a copied slot", b->s.type);
    free(o);
}

static void test(setting s, int64_t count, const int64_t *lengths) {
    apus_run runs[8];
    int64_t rows = 0, most = 0;
    for (int64_t i = 0; i < count; i++) {
        runs[i] = (apus_run){rows, lengths[i], i, 0};
        rows += lengths[i];
        most = lengths[i] > most ? lengths[i] : most;
    }
    int64_t capacity = (most + 63) / 64 * 64;
    bench b = make(s, count + 1, capacity, rows);
    fill(&b, count, runs);
    attend(&b, count, runs, b.o);
    check_values(&b, count, runs);
    check_bits(&b, count, runs, 1);
    check_bits(&b, count, runs, 9);
    check_copy(&b, &runs[0], count);
    release(&b);
}

void test_cache(void) {
    for (apus_cache_type type = APUS_CACHE_F32; type <= APUS_CACHE_Q8_0; type++)
        for (int interleaved = 0; interleaved < 2; interleaved++) {
            test((setting){type, 2, 4, 64, 64, 0, 0, interleaved}, 3, (int64_t[]){330, 1, 64});
            test((setting){type, 1, 1, 80, 40, 100, 0, interleaved}, 2, (int64_t[]){17, 290});
            test((setting){type, 1, 3, 36, 128, 0, 20, interleaved}, 1, (int64_t[]){600});
        }
}
