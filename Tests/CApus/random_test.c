// Random numbers: known words, the same numbers everywhere, and the shape of the distributions.
#include "check.h"

static apus_array vector_of(void *data, apus_dtype dtype, int64_t n) {
    return (apus_array){.data = data, .dtype = dtype, .rank = 1, .shape = {n}, .strides = {1}};
}

static void check_words(void) {
    // The known answer of Philox4x32-10 for a zero counter and key.
    const uint32_t zero[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    uint32_t words[1001];
    apus_array y = vector_of(words, APUS_I32, 1001);
    apus_random(APUS_BITS, 0, 0, 0, 0, &y);
    CHECK(memcmp(words, zero, sizeof zero) == 0, "words of the zero key");
    // A prefix of a stream is the stream of a shorter request.
    uint32_t prefix[77];
    apus_array shorter = vector_of(prefix, APUS_I32, 77);
    apus_random(APUS_BITS, 0, 0, 0, 0, &shorter);
    CHECK(memcmp(words, prefix, sizeof prefix) == 0, "a prefix");
    apus_random(APUS_BITS, 0, 1, 0, 0, &shorter);
    CHECK(memcmp(words, prefix, sizeof prefix) != 0, "another stream");
}

static void check_moments(apus_distribution distribution, float a, float b, double mean,
                          double variance) {
    enum { N = 200001 };
    float *x = malloc(N * 4), *again = malloc(N * 4);
    apus_array y = vector_of(x, APUS_F32, N), z = vector_of(again, APUS_F32, N);
    apus_random(distribution, 42, 7, a, b, &y);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) sum += x[i];
    for (int i = 0; i < N; i++) squares += (x[i] - mean) * (x[i] - mean);
    CHECK(fabs(sum / N - mean) < 0.01 && fabs(squares / N - variance) < 0.02 * variance,
          "moments: %g, %g", sum / N, squares / N);
    int32_t threads = apus_thread_count();
    apus_set_thread_count(3);
    apus_random(distribution, 42, 7, a, b, &z);
    apus_set_thread_count(threads);
    CHECK(memcmp(x, again, N * 4) == 0, "thread counts");
    free(x), free(again);
}

// Box-Muller in double from the same words.
static void check_normals(void) {
    enum { N = 4096 };
    uint32_t words[N];
    float x[N];
    double want[N];
    apus_array w = vector_of(words, APUS_I32, N), y = vector_of(x, APUS_F32, N);
    apus_random(APUS_BITS, 3, 4, 0, 0, &w);
    apus_random(APUS_NORMAL, 3, 4, 0, 1, &y);
    for (int i = 0; i < N; i += 2) {
        double r = sqrt(-2 * log(((words[i] >> 8) + 1) * 0x1p-24)),
            angle = 2 * M_PI * (words[i + 1] >> 8) * 0x1p-24;
        want[i] = r * cos(angle);
        want[i + 1] = r * sin(angle);
    }
    CHECK(all_close(x, want, N, 1e-6, 1e-7), "normal numbers");
    // Bits that every instruction set and device must give.
    uint32_t sum = 0;
    for (int i = 0; i < N; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, 4);
        sum = sum * 31 + bits;
    }
    CHECK(sum == 0xe06ea9d7u, "bits of the normal numbers: 0x%08x", sum);
}

void test_random(void) {
    check_words();
    check_moments(APUS_UNIFORM, -1, 3, 1, 16.0 / 12);
    check_moments(APUS_NORMAL, 2, 3, 2, 9);
    check_normals();
    bool truth[100003];
    apus_array y = vector_of(truth, APUS_BOOL, 100003);
    apus_random(APUS_BERNOULLI, 1, 2, 0.3f, 0, &y);
    int count = 0;
    for (int i = 0; i < 100003; i++) count += truth[i];
    CHECK(abs(count - 30000) < 600, "%d of 100003", count);
}
