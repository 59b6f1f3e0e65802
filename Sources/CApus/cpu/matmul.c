// Matrix products: c = activation(alpha · a b + bias) + residual.
//
// Few rows read b in place (matmul_skinny.c); all others are computed by tiles of packed panels
// (matmul_tiled.c). Entries of a large batch are jobs of one thread each. Every sum runs over k in
// an order that depends on the sizes alone, so that the result depends neither on the blocks nor
// on the number of threads. Which way is taken when, and why, stands in matmul_parts.h; what
// fraction of the floor is reached, at the head of each way.
#include "matmul_parts.h"

#include "capus/threads.h"

/// Whether reading b is the most of the work, and b can be read in place.
static bool is_skinny(const apus_matmul *call) {
    return call->m <= FEW_ROWS && (call->b_row == 1 || call->b_column == 1) && call->k >= 16
        && call->n >= 8;
}

/// One entry of a batch.
static void run_entry(const gemm_product *product, int64_t entry) {
    if (is_skinny(&product->call)) apus_matmul_skinny(product, entry);
    else apus_matmul_tiled(product, entry, false);
}

static void skinny_entry(void *context, int64_t entry, int32_t thread) {
    (void)thread;
    apus_matmul_skinny(context, entry);
}

void apus_matmul_run(const apus_matmul *call) {
    if (call->m <= 0 || call->n <= 0 || call->batch <= 0) return;
    gemm_product product = {.call = *call};
    if (call->batch < BATCH_PER_THREAD * apus_thread_count())
        for (int64_t entry = 0; entry < call->batch; entry++) run_entry(&product, entry);
    // Many entries: each is one thread's, packed and used in its own cache.
    else if (is_skinny(call)) apus_parallel(call->batch, skinny_entry, &product);
    else apus_matmul_tiled_batch(&product);
}

void apus_matmul_int8(int64_t m, int64_t n, int64_t k, const int8_t *x, const float *sx,
                      const int8_t *w, const float *sw, const float *bias, float *y) {
    if (m <= 0 || n <= 0) return;
    gemm_product product = {
        .call = {.m = m, .n = n, .k = k, .a = x, .a_row = k, .a_column = 1, .b = w, .b_row = 1,
            .b_column = k, .c = y, .c_row = n, .type = APUS_I8, .c_type = APUS_F32, .batch = 1,
            .alpha = 1, .bias = bias},
        .row_scale = sx,
        .column_scale = sw,
    };
    run_entry(&product, 0);
}

const char *apus_matmul_kernel(const apus_matmul *call) {
    static const char *const f32[] = {"tile f32 4x8", "tile f32 8x12", "tile f32 6x16",
        "tile f32 14x32"};
    if (is_skinny(call)) return "skinny";
    if (call->type == APUS_BF16 && apus_cpu_isa() == APUS_ISA_AVX512) return "tile bf16 14x32";
    return f32[apus_cpu_isa()];
}
