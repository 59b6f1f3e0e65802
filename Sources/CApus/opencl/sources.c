// The kernel sources, embedded: one entry for every file of Kernels/.
#include <string.h>

#include "host.h"

#define FILES(f)                                                                                  \
    f(common) f(elementwise) f(matmul) f(softmax) f(normalize) f(random)

static const unsigned char common[] = {
#embed "../../../Kernels/common.cl" suffix(, 0)
};
static const unsigned char elementwise[] = {
#embed "../../../Kernels/elementwise.cl" suffix(, 0)
};
static const unsigned char matmul[] = {
#embed "../../../Kernels/matmul.cl" suffix(, 0)
};
static const unsigned char softmax[] = {
#embed "../../../Kernels/softmax.cl" suffix(, 0)
};
static const unsigned char normalize[] = {
#embed "../../../Kernels/normalize.cl" suffix(, 0)
};
#define random random_source   // the C library has a function of that name
static const unsigned char random[] = {
#embed "../../../Kernels/random.cl" suffix(, 0)
};

const char *opencl_source(const char *file) {
#define MATCH(name) if (strcmp(file, #name) == 0) return (const char *)name;
    FILES(MATCH)
#undef MATCH
    return NULL;
}
