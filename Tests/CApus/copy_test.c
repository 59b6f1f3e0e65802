// Copies between layouts and types, fills and counting.
#include "check.h"

static const int64_t sizes[] = {4, 2, 2, 4, 1, 1, 1};   // of the types, in their order

// Steps of `axes` of a row-major array of this shape, the axes in the order of `order`.
static apus_array permuted(void *data, apus_dtype dtype, int rank, const int64_t *shape,
                           const int *order) {
    apus_array a = {.data = data, .dtype = dtype, .rank = rank};
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        a.strides[order[i]] = step;
        step *= shape[order[i]];
    }
    for (int i = 0; i < rank; i++) a.shape[i] = shape[i];
    return a;
}

static int64_t place(const apus_array *a, const int64_t *index) {
    int64_t at = 0;
    for (int i = 0; i < a->rank; i++) at += index[i] * a->strides[i];
    return at;
}

// The bytes of every element arrive at their place.
static void check_permutation(apus_dtype dtype, int rank, const int64_t *shape, const int *order) {
    int64_t n = 1, size = sizes[dtype];
    for (int i = 0; i < rank; i++) n *= shape[i];
    unsigned char *x = malloc((size_t)(n * size)), *y = calloc((size_t)n, (size_t)size);
    for (int64_t i = 0; i < n * size; i++) x[i] = (unsigned char)(int)(random_float() * 127);
    const int natural[] = {0, 1, 2, 3};
    apus_array from = permuted(x, dtype, rank, shape, order),
        to = permuted(y, dtype, rank, shape, natural);
    for (int back = 0; back < 2; back++) {
        apus_copy(&from, &to);
        bool same = true;
        for (int64_t i = 0; i < n; i++) {
            int64_t index[4], rest = i;
            for (int axis = rank - 1; axis >= 0; axis--)
                index[axis] = rest % shape[axis], rest /= shape[axis];
            same &= memcmp(x + place(&from, index) * size, y + place(&to, index) * size,
                           (size_t)size) == 0;
        }
        CHECK(same, "type %d, rank %d, order %d %d %d", dtype, rank, order[0], order[1], order[2]);
        apus_array swap = from;   // and back again
        from = to, to = swap;
        memset(x, 0, (size_t)(n * size));
        if (back == 0) {
            unsigned char *other = x;
            x = y, y = other;
        }
    }
    free(x), free(y);
}

static void check_conversions(void) {
    const float x[] = {1.9f, -1.9f, 300, -300, 3e9f, -3e9f, NAN, 0, 1e-8f, 65519, 65520, -INFINITY,
                       1.00390625f};
    enum { N = sizeof x / sizeof *x };
    apus_array from = {.data = (void *)x, .rank = 1, .shape = {N}, .strides = {1}}, to = from;
    int32_t whole[N];
    to.data = whole, to.dtype = APUS_I32;
    apus_copy(&from, &to);
    const int32_t wholes[N] = {1, -1, 300, -300, INT32_MAX, INT32_MIN, 0, 0, 0, 65519, 65520,
                               INT32_MIN, 1};
    CHECK(memcmp(whole, wholes, sizeof whole) == 0, "to i32");
    int8_t small[N];
    to.data = small, to.dtype = APUS_I8;
    apus_copy(&from, &to);
    CHECK(small[0] == 1 && small[2] == 127 && small[3] == -128 && small[6] == 0, "to i8");
    uint8_t byte[N];
    to.data = byte, to.dtype = APUS_U8;
    apus_copy(&from, &to);
    CHECK(byte[1] == 0 && byte[2] == 255 && byte[3] == 0 && byte[6] == 0, "to u8");
    bool truth[N];
    to.data = truth, to.dtype = APUS_BOOL;
    apus_copy(&from, &to);
    CHECK(truth[0] && truth[6] && !truth[7] && truth[8], "to bool");
    uint16_t half[N], brain[N];
    to.data = half, to.dtype = APUS_F16;
    apus_copy(&from, &to);
    CHECK(half[9] == 0x7bff && half[10] == 0x7c00 && half[11] == 0xfc00 && half[8] == 0
          && half[6] > 0x7c00, "to f16");
    to.data = brain, to.dtype = APUS_BF16;
    apus_copy(&from, &to);
    CHECK(brain[12] == 0x3f80 && brain[11] == 0xff80 && (brain[6] & 0x7fff) > 0x7f80, "to bf16");
    float back[N];
    apus_array wide = {.data = back, .rank = 1, .shape = {N}, .strides = {1}};
    apus_copy(&to, &wide);
    CHECK(back[2] == 300 && back[7] == 0 && isinf(back[11]) && isnan(back[6]), "from bf16");
}

static void check_fills(void) {
    for (int dtype = APUS_F32; dtype <= APUS_BOOL; dtype++) {
        unsigned char y[3 * 50 * 4] = {0};
        apus_array a = {.data = y, .dtype = (apus_dtype)dtype, .rank = 2, .shape = {3, 40},
                        .strides = {50, 1}};
        apus_fill(1, &a);
        float x[120], last;
        apus_array wide = {.data = x, .rank = 2, .shape = {3, 40}, .strides = {40, 1}};
        apus_copy(&a, &wide);
        bool ones = true;
        for (int i = 0; i < 120; i++) ones &= x[i] == 1;
        apus_array beyond = {.data = y + 145 * sizes[dtype], .dtype = (apus_dtype)dtype};
        apus_copy(&beyond, &(apus_array){.data = &last});
        CHECK(ones && last == 0, "fill of type %d", dtype);
    }
    int32_t count[5000];
    apus_array a = {.data = count, .dtype = APUS_I32, .rank = 1, .shape = {5000}, .strides = {1}};
    apus_iota(16777217, 3, &a);
    CHECK(count[0] == 16777217 && count[4999] == 16777217 + 3 * 4999, "counting in i32");
    float values[5000];
    a.data = values, a.dtype = APUS_F32;
    apus_iota(0.5, -0.25, &a);
    CHECK(values[4999] == 0.5f - 0.25f * 4999, "counting in f32");
}

void test_copy(void) {
    const int orders[][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 2, 1, 3}, {3, 2, 1, 0}};
    const int64_t shapes[][4] = {{2, 3, 17, 33}, {1, 70, 5, 64}, {2, 16, 16, 1}, {3, 1, 129, 40}};
    for (int dtype = APUS_F32; dtype <= APUS_BOOL; dtype++)
        for (int s = 0; s < 4; s++)
            for (int o = 0; o < 5; o++)
                check_permutation((apus_dtype)dtype, 4, shapes[s], orders[o]);
    const int swapped[] = {1, 0, 2};
    for (int64_t rows = 1; rows < 100; rows = rows * 2 + 1)
        for (int64_t columns = 1; columns < 300; columns = columns * 3 + 1)
            check_permutation(APUS_F32, 2, (int64_t[]){rows, columns}, swapped);
    // Around the cache.
    check_permutation(APUS_F32, 2, (int64_t[]){2112, 2176}, swapped);
    check_permutation(APUS_BF16, 2, (int64_t[]){2080, 2112}, swapped);
    check_conversions();
    check_fills();
    // Backwards.
    float x[37], y[37];
    fill_random(x, 37);
    apus_array from = {.data = x + 36, .rank = 1, .shape = {37}, .strides = {-1}};
    apus_copy(&from, &(apus_array){.data = y, .rank = 1, .shape = {37}, .strides = {1}});
    CHECK(y[0] == x[36] && y[36] == x[0], "flip");
}
