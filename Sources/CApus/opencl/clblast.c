// Matrix products by CLBlast, which benchmarks put beside our own. Its library is found at run
// time; its C interface is stable, so that the one function is declared here.
#include <dlfcn.h>

#include "host.h"

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

typedef int sgemm(int layout, int trans_a, int trans_b, size_t m, size_t n, size_t k, float alpha,
                  cl_mem a, size_t a_offset, size_t a_row, cl_mem b, size_t b_offset, size_t b_row,
                  float beta, cl_mem c, size_t c_offset, size_t c_row, cl_command_queue *queue,
                  cl_event *event);

static sgemm *found;

static void find(void) {
    void *library = dlopen("libclblast.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) library = dlopen("libclblast.so", RTLD_NOW | RTLD_LOCAL);
    if (library) found = (sgemm *)dlsym(library, "CLBlastSgemm");
}

bool apus_cl_matmul_clblast(apus_cl_context *context, bool trans_a, bool trans_b, int64_t m,
                            int64_t n, int64_t k, apus_cl_buffer *a, int64_t a_offset,
                            apus_cl_buffer *b, int64_t b_offset, apus_cl_buffer *c,
                            int64_t c_offset) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find);
    if (!found) return false;
    pthread_mutex_lock(&context->lock);
    int op_a = trans_a ? TRANSPOSED : PLAIN, op_b = trans_b ? TRANSPOSED : PLAIN;
    size_t a_row = (size_t)(trans_a ? m : k), b_row = (size_t)(trans_b ? k : n);
    int code = found(ROW_MAJOR, op_a, op_b, (size_t)m, (size_t)n, (size_t)k, 1, a->memory,
                     (size_t)a_offset, a_row, b->memory, (size_t)b_offset, b_row, 0, c->memory,
                     (size_t)c_offset, (size_t)n, &context->queue, NULL);
    pthread_mutex_unlock(&context->lock);
    return code == 0;
}
