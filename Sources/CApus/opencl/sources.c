// The kernel sources, embedded: one entry for every file of Kernels/.
#include <string.h>

#include "host.h"

#define FILES(f)                                                                 \
    f(common) f(elementwise) f(reduce) f(sort) f(matmul) f(softmax) f(normalize) \
    f(cross_entropy) f(index) f(optimiser) f(conv2d) f(pool2d) f(resample) f(random) f(peak) \
    f(quantized) f(quantized_search) f(attention) f(rope)

static const unsigned char common_text[] = {
#embed "../../../Kernels/common.cl" suffix(, 0)
};
static const unsigned char elementwise_text[] = {
#embed "../../../Kernels/elementwise.cl" suffix(, 0)
};
static const unsigned char reduce_text[] = {
#embed "../../../Kernels/reduce.cl" suffix(, 0)
};
static const unsigned char sort_text[] = {
#embed "../../../Kernels/sort.cl" suffix(, 0)
};
static const unsigned char matmul_text[] = {
#embed "../../../Kernels/matmul.cl" suffix(, 0)
};
static const unsigned char softmax_text[] = {
#embed "../../../Kernels/softmax.cl" suffix(, 0)
};
static const unsigned char normalize_text[] = {
#embed "../../../Kernels/normalize.cl" suffix(, 0)
};
static const unsigned char cross_entropy_text[] = {
#embed "../../../Kernels/cross_entropy.cl" suffix(, 0)
};
static const unsigned char index_text[] = {
#embed "../../../Kernels/index.cl" suffix(, 0)
};
static const unsigned char optimiser_text[] = {
#embed "../../../Kernels/optimiser.cl" suffix(, 0)
};
static const unsigned char conv2d_text[] = {
#embed "../../../Kernels/conv2d.cl" suffix(, 0)
};
static const unsigned char pool2d_text[] = {
#embed "../../../Kernels/pool2d.cl" suffix(, 0)
};
static const unsigned char resample_text[] = {
#embed "../../../Kernels/resample.cl" suffix(, 0)
};
static const unsigned char random_text[] = {
#embed "../../../Kernels/random.cl" suffix(, 0)
};
static const unsigned char peak_text[] = {
#embed "../../../Kernels/peak.cl" suffix(, 0)
};
static const unsigned char quantized_text[] = {
#embed "../../../Kernels/quantized.cl" suffix(, 0)
};
static const unsigned char quantized_search_text[] = {
#embed "../../../Kernels/quantized_search.cl" suffix(, 0)
};
static const unsigned char attention_text[] = {
#embed "../../../Kernels/attention.cl" suffix(, 0)
};
static const unsigned char rope_text[] = {
#embed "../../../Kernels/rope.cl" suffix(, 0)
};

const char *opencl_source(const char *file) {
#define MATCH(name) if (strcmp(file, #name) == 0) return (const char *)name##_text;
    FILES(MATCH)
#undef MATCH
    return NULL;
}
