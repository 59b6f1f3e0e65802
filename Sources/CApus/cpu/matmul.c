// Matrix products: c = activation(alpha · a b + bias) + residual.
//
// Panels of a and b are packed once by all threads, then blocks of tiles of c are computed from them by whoever is free:
//
//     for a block of rows, of columns and of k that fits the last-level cache
//         pack a and b                                        parallel over panels
//         for a block of tiles of c                           parallel
//             for a piece of k that fits the level-1 cache
//                 for its tiles: micro-kernel
//             epilogue
//
// The inner parts are in gemm_tile.inc. Every sum runs over k in order in one accumulator, so that the result depends
// neither on the blocks nor on the number of threads.
#include "gemm_tile.h"

#include "capus/threads.h"

enum { PANELS_A, PANELS_B, SUMS, ALL_SUMS };   // scratch slots

/// Rows and columns of a tile; elements of k in a unit.
typedef struct gemm_shape { int64_t rows, columns, per_bf16, per_int8; } gemm_shape;

/// A call, or an int8 product with the scales of its rows and columns.
typedef struct gemm_product {
    apus_matmul call;
    const float *row_scale, *column_scale;   // (m), (n); int8 only
} gemm_product;

/// One operand: its lines are rows of a or columns of b; `units` is k in 4-byte units (see gemm_tile.inc).
typedef struct gemm_operand {
    const char *data;
    int64_t lines, line_stride, k, k_stride;
    int64_t width, units;
    uint32_t *panels;   // (lines / width rounded up, units, width)
    int32_t *sums;      // int8: see gemm_column_sums, for b's panels; else NULL
} gemm_operand;

/// A block of c: its tile rows and tile columns; `depth` units of k at a time.
typedef struct gemm_block {
    apus_dtype type;
    gemm_operand a, b;
    int64_t row, row_end, column, column_end, depth;
    bool first, last;       // the operands hold the first, the last part of k
    char *c;                // at line 0 of a and of b
    int64_t c_row;
    const float *bias;      // as c
    const char *residual;   // as c
    const float *row_scale, *column_scale;   // as c; int8 only
    gemm_epilogue epilogue;
} gemm_block;

static int64_t gemm_bytes(apus_dtype type) { return type == APUS_F32 ? 4 : type == APUS_I8 ? 1 : 2; }

#define APUS_KERNELS "matmul.inc"
#include "every_isa.h"

// MARK: one block of rows, columns and k

typedef struct gemm_job {
    gemm_block whole;               // all tiles of the block
    gemm_shape shape;
    int64_t panels_a, panels_b;
    int64_t pack_a, pack_b;         // panels a pack task takes
    int64_t tasks_a;                // pack tasks of a
    int64_t rows, columns;          // tiles a compute task takes
    int64_t task_rows;              // compute tasks in a column of tasks
    float *all_sums;                // (panels_b, panels_a, tile) where k is cut into several jobs, else NULL
    void (*pack)(apus_dtype, const gemm_operand *, bool, int64_t, int64_t);
    void (*compute)(const gemm_block *, float *);
} gemm_job;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t parts(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

static void pack_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const gemm_job *job = context;
    bool is_a = task < job->tasks_a;
    int64_t chunk = is_a ? job->pack_a : job->pack_b, first = (is_a ? task : task - job->tasks_a) * chunk;
    job->pack(job->whole.type, is_a ? &job->whole.a : &job->whole.b,
              job->whole.first, first, least(first + chunk, is_a ? job->panels_a : job->panels_b));
}

static void compute_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const gemm_job *job = context;
    gemm_block block = job->whole;
    block.row = task % job->task_rows * job->rows;
    block.row_end = least(block.row + job->rows, job->panels_a);
    block.column = task / job->task_rows * job->columns;
    block.column_end = least(block.column + job->columns, job->panels_b);
    int64_t tile = job->shape.rows * job->shape.columns;
    int64_t tiles = (block.row_end - block.row) * (block.column_end - block.column);
    // With all sums kept, a task's tiles lie together: those of the task columns before it, then of the rows.
    float *sums = job->all_sums;
    if (sums) sums += tile * (block.column * job->panels_a
                              + (block.column_end - block.column) * block.row);
    else sums = apus_scratch(SUMS, (size_t)(tile * (block.depth < block.a.units ? tiles : 1) * 4));
    job->compute(&block, sums);
}

/// Cuts tiles into tasks: as large as the level-2 cache likes, but several for each thread.
static void choose_tasks(gemm_job *job) {
    int64_t wanted = 6 * apus_thread_count();
    job->rows = least(job->panels_a, most(1, 256 / job->shape.rows));
    job->columns = least(job->panels_b, most(1, 256 / job->shape.columns));
    while (parts(job->panels_a, job->rows) * parts(job->panels_b, job->columns) < wanted
           && (job->rows > 1 || job->columns > 1)) {
        if (job->rows * job->shape.rows > job->columns * job->shape.columns || job->columns == 1)
            job->rows = (job->rows + 1) / 2;
        else job->columns = (job->columns + 1) / 2;
    }
    job->task_rows = parts(job->panels_a, job->rows);
    job->pack_a = most(1, parts(job->panels_a, wanted));
    job->pack_b = most(1, parts(job->panels_b, wanted));
}

static void run_job(gemm_job *job, bool a_is_packed) {
    choose_tasks(job);
    job->tasks_a = a_is_packed ? 0 : parts(job->panels_a, job->pack_a);
    apus_parallel(job->tasks_a + parts(job->panels_b, job->pack_b), pack_task, job);
    apus_parallel(job->task_rows * parts(job->panels_b, job->columns), compute_task, job);
}

// MARK: one product

/// Sizes of the blocks that run_job takes: lines of a and b, elements of k.
typedef struct gemm_blocking { int64_t m, n, k, depth; } gemm_blocking;

static int64_t per_unit_of(apus_dtype type, gemm_shape shape) {
    return type == APUS_BF16 ? shape.per_bf16 : type == APUS_I8 ? shape.per_int8 : 1;
}

static gemm_blocking choose_blocking(const apus_matmul *call, gemm_shape shape, int64_t per_unit) {
    apus_caches caches = apus_cpu_caches();
    // A panel of b stays in the level-1 cache while panels of a pass by.
    int64_t depth = most(64, caches.l1 * 2 / 3 / (shape.columns * 4) / 8 * 8);
    int64_t units = least(parts(call->k, per_unit), 4096), lines = most(256, caches.l3 / 4 / (most(units, 1) * 4));
    return (gemm_blocking){
        .m = least(call->m, parts(lines, shape.rows) * shape.rows),
        .n = least(call->n, parts(lines, shape.columns) * shape.columns),
        .k = most(1, units * per_unit),
        .depth = units <= depth * 3 / 2 ? most(1, units) : depth,
    };
}

static gemm_operand operand(const void *data, int64_t lines, int64_t line_stride,
                            int64_t k, int64_t k_stride, int64_t width, int64_t per_unit) {
    return (gemm_operand){
        .data = data, .lines = lines, .line_stride = line_stride, .k = k, .k_stride = k_stride,
        .width = width, .units = parts(k, per_unit),
    };
}

/// The part of a product from row i, column j and element k of the sums on, of the given size.
static gemm_block part(const gemm_product *product, int64_t entry, int64_t i, int64_t j, int64_t k,
                       gemm_blocking size, gemm_shape shape) {
    const apus_matmul *call = &product->call;
    int64_t per_unit = per_unit_of(call->type, shape), bytes = gemm_bytes(call->type);
    int64_t c_bytes = gemm_bytes(call->c_type), depth = least(size.k, call->k - k);
    int64_t a = (call->a_offset ? call->a_offset[entry] : 0) + i * call->a_row + k * call->a_column;
    int64_t b = (call->b_offset ? call->b_offset[entry] : 0) + j * call->b_column + k * call->b_row;
    int64_t c = (call->c_offset ? call->c_offset[entry] : 0) + j;
    const char *residual = call->residual;
    return (gemm_block){
        .type = call->type,
        .a = operand((const char *)call->a + a * bytes, least(size.m, call->m - i), call->a_row,
                     depth, call->a_column, shape.rows, per_unit),
        .b = operand((const char *)call->b + b * bytes, least(size.n, call->n - j), call->b_column,
                     depth, call->b_row, shape.columns, per_unit),
        .depth = size.depth,
        .first = k == 0,
        .last = k + depth == call->k,
        .c = (char *)call->c + (c + i * call->c_row) * c_bytes,
        .c_row = call->c_row,
        .bias = call->bias ? call->bias + j : NULL,
        .residual = residual ? residual + (c + i * call->residual_row) * c_bytes : NULL,
        .row_scale = product->row_scale ? product->row_scale + i : NULL,
        .column_scale = product->column_scale ? product->column_scale + j : NULL,
        .epilogue = {call->alpha, call->activation, call->c_type, call->residual_row},
    };
}

static void run_entry(const gemm_product *product, int64_t entry) {
    const apus_matmul *call = &product->call;
    gemm_shape shape = APUS_BEST(gemm_shape);
    int64_t per_unit = per_unit_of(call->type, shape);
    gemm_blocking size = choose_blocking(call, shape, per_unit);
    gemm_job job = {.shape = shape, .pack = APUS_BEST(matmul_pack), .compute = APUS_BEST(matmul_block)};

    int64_t m = parts(size.m, shape.rows) * shape.rows, n = parts(size.n, shape.columns) * shape.columns;
    int64_t units = parts(size.k, per_unit);
    uint32_t *panels_a = apus_scratch(PANELS_A, (size_t)(m * units * 4));
    uint32_t *panels_b = apus_scratch(PANELS_B, (size_t)(n * (units + 1) * 4));
    if (size.k < call->k) job.all_sums = apus_scratch(ALL_SUMS, (size_t)(m * n * 4));
    for (int64_t i = 0; i < call->m; i += size.m)
        for (int64_t j = 0; j < call->n; j += size.n) {
            int64_t k = 0;
            do {
                job.whole = part(product, entry, i, j, k, size, shape);
                job.whole.a.panels = panels_a;
                job.whole.b.panels = panels_b;
                if (call->type == APUS_I8) job.whole.b.sums = (int32_t *)(panels_b + n * units);
                job.panels_a = parts(job.whole.a.lines, shape.rows);
                job.panels_b = parts(job.whole.b.lines, shape.columns);
                run_job(&job, j > 0 && size.k >= call->k);
                k += size.k;
            } while (k < call->k);
        }
}

// MARK: the public functions

static void entry_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    run_entry(context, task);
}

void apus_matmul_run(const apus_matmul *call) {
    if (call->m <= 0 || call->n <= 0 || call->batch <= 0) return;
    gemm_product product = {.call = *call};
    // Many entries: each is one thread's, packed and used in its own cache.
    if (call->batch >= 8 * apus_thread_count()) apus_parallel(call->batch, entry_task, &product);
    else for (int64_t entry = 0; entry < call->batch; entry++) run_entry(&product, entry);
}

void apus_matmul_int8(int64_t m, int64_t n, int64_t k, const int8_t *x, const float *sx,
                      const int8_t *w, const float *sw, const float *bias, float *y) {
    if (m <= 0 || n <= 0) return;
    gemm_product product = {
        .call = {.m = m, .n = n, .k = k, .a = x, .a_row = k, .a_column = 1, .b = w, .b_row = 1, .b_column = k,
                 .c = y, .c_row = n, .type = APUS_I8, .c_type = APUS_F32, .batch = 1, .alpha = 1, .bias = bias},
        .row_scale = sx,
        .column_scale = sw,
    };
    run_entry(&product, 0);
}

const char *apus_matmul_kernel(const apus_matmul *call) {
    static const char *const f32[] = {"tile f32 4x8", "tile f32 8x12", "tile f32 6x16", "tile f32 14x32"};
    if (call->type == APUS_BF16 && APUS_BEST(gemm_shape).per_bf16 == 2) return "tile bf16 14x32";
    return f32[apus_cpu_isa()];
}
