// OpenBLAS, for comparison with our own matrix products; LAPACK's functions are in lapack.c.
#include "capus/matmul.h"
#include "libraries.h"

// Our thread pool calls it, so OpenBLAS itself works with one thread: two pools would fight for the
// cores.
__attribute__((constructor)) static void pin_to_one_thread(void) { openblas_set_num_threads(1); }

void apus_matmul_openblas(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k,
                          const float *a, const float *b, float *c, int32_t threads) {
    if (m <= 0 || n <= 0) return;
    if (threads > 0) openblas_set_num_threads(threads);
    int64_t a_row = trans_a ? m : k, b_row = trans_b ? k : n;
    cblas_sgemm(CblasRowMajor, trans_a ? CblasTrans : CblasNoTrans, trans_b ? CblasTrans
                : CblasNoTrans,
                (blasint)m, (blasint)n, (blasint)k, 1, a, (blasint)(a_row > 0 ? a_row : 1),
                b, (blasint)(b_row > 0 ? b_row : 1), 0, c, (blasint)n);
    if (threads > 0) openblas_set_num_threads(1);
}
