// Runs the C tests of every kernel family: `make test-c`, or with the address sanitiser
// `make leak-check`.
#include "check.h"

int checks_passed, checks_failed;

static uint64_t state = 42;

float random_float(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(state >> 40) / (double)(1 << 23) - 1.0);
}

void fill_random(float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) x[i] = random_float();
}

bool all_close(const float *actual, const double *expected, int64_t n, double rtol, double atol) {
    for (int64_t i = 0; i < n; i++) {
        if (fabs(actual[i] - expected[i]) <= atol + rtol * fabs(expected[i])) continue;
        printf("  element %lld of %lld: %.9g, expected %.9g\n", (long long)i, (long long)n,
               actual[i], expected[i]);
        return false;
    }
    return true;
}

// One line a family, in the order of the alphabet.
#define FAMILIES(run) \
    run(attention) \
    run(cache) \
    run(conv2d) \
    run(copy) \
    run(cross_entropy) \
    run(elementwise) \
    run(index) \
    run(linalg) \
    run(matmul) \
    run(normalize) \
    run(opencl) \
    run(optimiser) \
    run(pool2d) \
    run(products) \
    run(quantized) \
    run(random) \
    run(reduce) \
    run(resample) \
    run(rope) \
    run(softmax) \
    run(sort)

#define DECLARE(family) void test_##family(void);
#define RUN(family) test_##family();
FAMILIES(DECLARE)

int main(void) {
    FAMILIES(RUN)
    printf("%d passed, %d failed\n", checks_passed, checks_failed);
    return checks_failed != 0;
}
