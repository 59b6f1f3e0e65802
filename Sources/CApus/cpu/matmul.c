// Matrix products: c = activation(alpha · a b + bias) + residual.
//
// Panels of a and b are packed, then blocks of tiles of c are computed from them by whoever is
// free:
//
//     for a block of rows, of columns and of k that fits the last-level cache
//         pack the smaller operand, or both where tasks are few   parallel over panels
//         for a block of tiles of c                               parallel
//             pack the larger operand: what fits the level-2 cache, or single panels of b where
//                 all of a stays there, and fetch what is packed next meanwhile
//             for a piece of k that fits the level-1 cache
//                 for its tiles: micro-kernel
//             epilogue
//
// Rows of bf16 that meet few columns are not packed but read in place. Entries of a large batch are
// jobs of one thread each, with the same plan.
// The inner parts are in gemm_tile.inc. Every sum runs over k in order in one accumulator, so that
// the result depends neither on the blocks nor on the number of threads.
#include "gemm_tile.h"

#include "capus/threads.h"

enum { PANELS_A, PANELS_B, SUMS, ALL_SUMS };   // scratch slots
enum { GEMM_STREAMED = 8 };   // panels of the streamed operand at a time where k is cut

/// Rows and columns of a tile; elements of k in a unit.
typedef struct gemm_shape { int64_t rows, columns, per_bf16, per_int8; } gemm_shape;

/// A call, or an int8 product with the scales of its rows and columns.
typedef struct gemm_product {
    apus_matmul call;
    const float *row_scale, *column_scale;   // (m), (n); int8 only
} gemm_product;

/// One operand: its lines are rows of a or columns of b; `units` is k in 4-byte units (see
/// gemm_tile.inc).
typedef struct gemm_operand {
    const char *data;
    apus_dtype type;
    int64_t lines, line_stride, k, k_stride;
    int64_t width, units;
    uint32_t *panels;   // (lines / width rounded up, units, width)
    int32_t *sums;      // int8: see gemm_column_sums, for b's panels; else NULL
} gemm_operand;

/// Memory that is read soon: rows of some bytes, `row` bytes apart.
typedef struct gemm_ahead { const char *data; int64_t rows, row, bytes; } gemm_ahead;

/// A block of c: all lines of its operands. Tiles are computed for a few panels of the streamed
/// operand at a time against all panels of the other, `depth` units of k at a time.
typedef struct gemm_block {
    apus_dtype type;
    gemm_operand a, b;
    int64_t depth;
    bool stream_a;          // panels of a pass, those of b stay in the cache; or the other way
    bool first, last;       // the operands hold the first, the last part of k
    bool in_place;          // a is not packed: pairs of bf16 are read from its rows
    bool plain;             // the sums are c, in f32 or bf16
    char *c;                // at line 0 of a and of b
    int64_t c_row;
    const float *bias;      // as c
    const char *residual;   // as c
    const float *row_scale, *column_scale;   // as c; int8 only
    gemm_epilogue epilogue;
    gemm_ahead ahead;       // fetched while the block is computed
} gemm_block;

static int64_t gemm_bytes(apus_dtype type) {
    return type == APUS_F32 ? 4 : type == APUS_I8 ? 1 : 2;
}

#define APUS_KERNELS "matmul.inc"
#include "every_isa.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t parts(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

// MARK: one block of rows, columns and k

/// Which operands are packed before the compute tasks; the others are packed by each task for
/// itself.
typedef enum gemm_sharing { SHARE_A, SHARE_B, SHARE_BOTH } gemm_sharing;

typedef struct gemm_job {
    gemm_block whole;               // all tiles of the block
    gemm_shape shape;
    gemm_sharing sharing;
    bool alone;                     // too little work to share
    int64_t panels_a, panels_b;
    int64_t units;                  // of k, in the first of several jobs
    int64_t pack_a, pack_b;         // panels a pack task takes
    int64_t rows, columns;          // panels of a and b a compute task takes
    int64_t piece;                  // panels of b a compute task packs at a time, where it does
    int64_t task_rows;              // compute tasks in a column of tasks
    float *all_sums;                // of all tiles where k is cut into several jobs, else NULL
    void (*pack)(apus_dtype, const gemm_operand *, bool, int64_t, int64_t);
    void (*compute)(const gemm_block *, float *);
} gemm_job;

static void run_tasks(const gemm_job *job, int64_t tasks, apus_task body) {
    if (job->alone) for (int64_t task = 0; task < tasks; task++) body((void *)job, task, 0);
    else apus_parallel(tasks, body, (void *)job);
}

static bool shares_a(const gemm_job *job) {
    return job->sharing != SHARE_B && !job->whole.in_place;
}

static void pack_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const gemm_job *job = context;
    int64_t tasks_a = shares_a(job) ? parts(job->panels_a, job->pack_a) : 0;
    if (task < tasks_a)
        job->pack(job->whole.type, &job->whole.a, true, task * job->pack_a,
                  least((task + 1) * job->pack_a, job->panels_a));
    else
        job->pack(job->whole.type, &job->whole.b, job->whole.first, (task - tasks_a) * job->pack_b,
                  least((task - tasks_a + 1) * job->pack_b, job->panels_b));
}

static int64_t pack_tasks(const gemm_job *job) {
    return (shares_a(job) ? parts(job->panels_a, job->pack_a) : 0)
        + (job->sharing == SHARE_A ? 0 : parts(job->panels_b, job->pack_b));
}

/// The lines first ..< end of an operand.
static gemm_operand lines_of(gemm_operand x, int64_t first, int64_t end) {
    x.data += first * x.line_stride * gemm_bytes(x.type);
    x.panels += x.panels ? first * x.units : 0;
    x.sums += x.sums ? first : 0;
    x.lines = end - first;
    return x;
}

static gemm_block part_of(const gemm_block *whole, int64_t i, int64_t i_end, int64_t j,
                          int64_t j_end) {
    gemm_block t = *whole;
    int64_t size = gemm_bytes(t.epilogue.c_type);
    t.a = lines_of(t.a, i, i_end);
    t.b = lines_of(t.b, j, j_end);
    t.c += (i * t.c_row + j) * size;
    t.bias += t.bias ? j : 0;
    t.residual += t.residual ? (i * t.epilogue.residual_row + j) * size : 0;
    t.row_scale += t.row_scale ? i : 0;
    t.column_scale += t.column_scale ? j : 0;
    return t;
}

/// The source of the panels of b from a line on.
static gemm_ahead source_of(const gemm_operand *b, int64_t line, int64_t lines) {
    int64_t size = gemm_bytes(b->type);
    lines = least(lines, b->lines - line);
    if (lines <= 0) return (gemm_ahead){};
    const char *data = b->data + line * b->line_stride * size;
    if (b->k_stride == 1) return (gemm_ahead){data, lines, b->line_stride * size, b->k * size};
    if (b->line_stride == 1) return (gemm_ahead){data, b->k, b->k_stride * size, lines * size};
    return (gemm_ahead){};
}

static void compute_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const gemm_job *job = context;
    const gemm_operand *a = &job->whole.a, *b = &job->whole.b;
    int64_t i = task % job->task_rows * job->rows, j = task / job->task_rows * job->columns;
    int64_t rows = least(job->rows, job->panels_a - i);
    int64_t columns = least(job->columns, job->panels_b - j);
    int64_t step = job->sharing == SHARE_A ? least(job->piece, columns) : columns;
    int64_t tile = job->shape.rows * job->shape.columns;
    for (int64_t q = j; q < j + columns; q += step) {
        int64_t count = least(step, j + columns - q);
        gemm_block block = part_of(&job->whole, i * a->width,
                                   least((i + rows) * a->width, a->lines),
                                   q * b->width, least((q + count) * b->width, b->lines));
        if (job->sharing == SHARE_B && !block.in_place) {
            block.a.panels = apus_scratch(PANELS_A, (size_t)(rows * a->width * a->units * 4));
            job->pack(block.type, &block.a, true, 0, rows);
        }
        if (job->sharing == SHARE_A) {
            block.b.panels = apus_scratch(PANELS_B, (size_t)(step * b->width * b->units * 4));
            job->pack(block.type, &block.b, block.first, 0, count);
            if (step < columns) block.ahead = source_of(b, (q + count) * b->width, step * b->width);
        }
        // A task's sums lie together: those of the task columns before it, then of the rows.
        int64_t kept = block.depth < a->units ? GEMM_STREAMED * most(rows, columns) : 1;
        float *sums = job->all_sums ? job->all_sums + tile * (q * job->panels_a + columns * i)
                                    : apus_scratch(SUMS, (size_t)(tile * kept * 4));
        job->compute(&block, sums);
    }
}

/// The size of chunks, at most `largest`, with which the threads end together: where several do,
/// the largest.
static int64_t even_chunk(int64_t panels, int64_t largest, int64_t threads) {
    if (threads == 1) return parts(panels, parts(panels, largest));
    int64_t best = 1, best_load = INT64_MAX;
    largest = least(largest, parts(panels, 2 * threads));
    for (int64_t size = largest; size > 0 && size > largest / 4; size--) {
        int64_t load = parts(parts(panels, size), threads) * size;
        if (load < best_load) best = size, best_load = load;
    }
    return best;
}

/// Cuts the job into tasks. The larger operand is cut into chunks that fit the level-2 cache, each
/// packed and used by one thread, and the smaller one is packed for all; where that gives too few
/// chunks for the threads, both are.
static void choose_tasks(gemm_job *job) {
    int64_t m = job->panels_a * job->shape.rows, n = job->panels_b * job->shape.columns;
    int64_t threads = job->alone ? 1 : apus_thread_count();
    int64_t panels = n >= m ? job->panels_b : job->panels_a;
    int64_t width = n >= m ? job->shape.columns : job->shape.rows;
    int64_t chunk = most(1, most(128, apus_cpu_caches().l2 / 2 / (job->units * 4)) / width);
    job->rows = job->panels_a;
    job->columns = job->panels_b;
    if (threads == 1 || panels >= 3 * threads) {
        job->sharing = n >= m ? SHARE_A : SHARE_B;
        *(n >= m ? &job->columns : &job->rows) = even_chunk(panels, chunk, threads);
    } else {
        job->sharing = SHARE_BOTH;
        while (parts(job->panels_a, job->rows) * parts(job->panels_b, job->columns) < 4 * threads
               && (job->rows > 1 || job->columns > 1)) {
            bool tall = job->rows * job->shape.rows > job->columns * job->shape.columns;
            bool cut_rows = job->rows > 1 && (tall || job->columns == 1);
            int64_t *longer = cut_rows ? &job->rows : &job->columns;
            *longer = (*longer + 1) / 2;
        }
    }
    // Where a stays in the level-2 cache, panels of b pass through the level-1 cache one by one.
    int64_t a_bytes = m * job->units * 4;
    bool pass = job->sharing == SHARE_A && a_bytes <= apus_cpu_caches().l2 / 2
        && job->whole.depth >= job->units;
    job->piece = pass ? 1 : job->columns;
    job->whole.stream_a = !pass;
    job->task_rows = parts(job->panels_a, job->rows);
    job->pack_a = parts(job->panels_a, 4 * threads);
    job->pack_b = parts(job->panels_b, 4 * threads);
}

/// After choose_tasks.
static void run_job(gemm_job *job) {
    gemm_operand *a = &job->whole.a, *b = &job->whole.b;
    if (shares_a(job))
        a->panels = apus_scratch(PANELS_A, (size_t)(job->panels_a * a->width * a->units * 4));
    if (job->sharing != SHARE_A)
        b->panels = apus_scratch(PANELS_B, (size_t)(job->panels_b * b->width * b->units * 4));
    run_tasks(job, pack_tasks(job), pack_task);
    run_tasks(job, job->task_rows * parts(job->panels_b, job->columns), compute_task);
}

// MARK: one product

/// Sizes of the blocks that run_job takes: lines of a and b, elements of k.
typedef struct gemm_blocking { int64_t m, n, k, depth; } gemm_blocking;

static int64_t per_unit_of(apus_dtype type, gemm_shape shape) {
    return type == APUS_BF16 ? shape.per_bf16 : type == APUS_I8 ? shape.per_int8 : 1;
}

static gemm_blocking choose_blocking(const apus_matmul *call, gemm_shape shape, int64_t per_unit) {
    apus_caches caches = apus_cpu_caches();
    int64_t units = least(parts(call->k, per_unit), 4096);
    int64_t lines = most(256, caches.l3 / 4 / (most(units, 1) * 4));
    // The larger operand is packed in small chunks: it needs no limit, unless the sums must wait
    // for more of k.
    bool whole = call->k <= units * per_unit;
    int64_t m = parts(lines, shape.rows) * shape.rows;
    int64_t n = parts(lines, shape.columns) * shape.columns;
    return (gemm_blocking){
        .m = whole && call->m > call->n ? call->m : least(call->m, m),
        .n = whole && call->n >= call->m ? call->n : least(call->n, n),
        .k = most(1, units * per_unit),
        .depth = most(1, parts(units, most(1, parts(units, 1024)))),
    };
}

static gemm_operand operand(const void *data, apus_dtype type, int64_t lines, int64_t line_stride,
                            int64_t k, int64_t k_stride, int64_t width, int64_t per_unit) {
    return (gemm_operand){
        .data = data, .type = type, .lines = lines, .line_stride = line_stride, .k = k,
            .k_stride = k_stride,
        .width = width, .units = parts(k, per_unit),
    };
}

/// Whether rows of a are read where they are: panels would hold the same pairs of bf16, and packing
/// them is much of the work where there are few columns. Rows whole pages apart would push each
/// other out of the level-1 cache.
static bool reads_in_place(const apus_matmul *call, gemm_shape shape) {
    return call->type == APUS_BF16 && shape.per_bf16 == 2 && call->a_column == 1
        && call->k % 2 == 0 && call->n <= 1024 && call->a_row % 2048 != 0;
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
        .a = operand((const char *)call->a + a * bytes, call->type, least(size.m, call->m - i),
                     call->a_row,
                     depth, call->a_column, shape.rows, per_unit),
        .b = operand((const char *)call->b + b * bytes, call->type, least(size.n, call->n - j),
                     call->b_column,
                     depth, call->b_row, shape.columns, per_unit),
        .depth = size.depth,
        .first = k == 0,
        .last = k + depth == call->k,
        .in_place = reads_in_place(call, shape),
        .plain = call->alpha == 1 && !call->activation && !call->bias && !residual
            && call->c_type != APUS_F16,
        .c = (char *)call->c + (c + i * call->c_row) * c_bytes,
        .c_row = call->c_row,
        .bias = call->bias ? call->bias + j : NULL,
        .residual = residual ? residual + (c + i * call->residual_row) * c_bytes : NULL,
        .row_scale = product->row_scale ? product->row_scale + i : NULL,
        .column_scale = product->column_scale ? product->column_scale + j : NULL,
        .epilogue = {call->alpha, call->activation, call->c_type, call->residual_row},
    };
}

// MARK: few rows

typedef struct skinny_job {
    gemm_block whole;
    int64_t chunk;         // columns of a task
    const uint32_t *x;     // (m, x_row): a in units
    int64_t x_row;
    void (*compute)(const gemm_block *, const uint32_t *, int64_t);
} skinny_job;

static void skinny_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const skinny_job *job = context;
    const gemm_block *t = &job->whole;
    int64_t end = least((task + 1) * job->chunk, t->b.lines);
    gemm_block block = part_of(t, 0, t->a.lines, task * job->chunk, end);
    job->compute(&block, job->x, job->x_row);
}

/// Whether reading b is the most of the work, and b's columns can be read in place.
static bool is_skinny(const apus_matmul *call) {
    return call->m <= 16 && call->b_row == 1 && call->k >= 16 && call->n >= 8;
}

static void run_skinny(const gemm_product *product, int64_t entry) {
    const apus_matmul *call = &product->call;
    gemm_shape shape = APUS_BEST(gemm_shape);
    gemm_blocking all = {.m = call->m, .n = call->n, .k = call->k};
    skinny_job job = {.whole = part(product, entry, 0, 0, 0, all, shape),
        .compute = APUS_BEST(skinny_block)};
    job.x_row = parts(job.whole.a.units, 16) * 16;
    uint32_t *x = apus_scratch(PANELS_A, (size_t)(parts(call->m, 8) * 8 * job.x_row * 4));
    APUS_BEST(skinny_pack)(call->type, &job.whole.a, x, job.x_row);
    job.x = x;
    job.chunk = parts(parts(call->n, 8 * apus_thread_count()), 24) * 24;
    int64_t tasks = parts(call->n, job.chunk);
    if (call->n * call->k >= 1 << 15) apus_parallel(tasks, skinny_task, &job);
    else for (int64_t task = 0; task < tasks; task++) skinny_task(&job, task, 0);
}

/// The job of a product, or of the part of it from row i, column j and element k of the sums on.
static gemm_job make_job(const gemm_product *product, int64_t entry, bool alone, int64_t i,
                         int64_t j, int64_t k, gemm_blocking size) {
    const apus_matmul *call = &product->call;
    gemm_shape shape = APUS_BEST(gemm_shape);
    gemm_job job = {
        .shape = shape, .pack = APUS_BEST(matmul_pack), .compute = APUS_BEST(matmul_block),
        .whole = part(product, entry, i, j, k, size, shape),
        .units = most(1, parts(size.k, per_unit_of(call->type, shape))),
        .alone = alone || call->m * call->n * call->k < 1 << 18,
    };
    job.panels_a = parts(job.whole.a.lines, shape.rows);
    job.panels_b = parts(job.whole.b.lines, shape.columns);
    choose_tasks(&job);
    return job;
}

static void run_tiled(const gemm_product *product, int64_t entry, bool alone) {
    const apus_matmul *call = &product->call;
    gemm_shape shape = APUS_BEST(gemm_shape);
    gemm_blocking size = choose_blocking(call, shape, per_unit_of(call->type, shape));

    // Column sums of int8 and, where k is cut, all sums outlive a job.
    int64_t m = parts(size.m, shape.rows) * shape.rows;
    int64_t n = parts(size.n, shape.columns) * shape.columns;
    int64_t column_sums = call->type == APUS_I8 ? n : 0, all_sums = size.k < call->k ? m * n : 0;
    int32_t *sums = NULL;
    if (column_sums + all_sums)
        sums = apus_scratch(ALL_SUMS, (size_t)(column_sums + all_sums) * 4);
    for (int64_t i = 0; i < call->m; i += size.m)
        for (int64_t j = 0; j < call->n; j += size.n) {
            int64_t k = 0;
            do {
                gemm_job job = make_job(product, entry, alone, i, j, k, size);
                if (column_sums) job.whole.b.sums = sums;
                if (all_sums) job.all_sums = (float *)(sums + column_sums);
                run_job(&job);
                k += size.k;
            } while (k < call->k);
        }
}

/// One entry of a batch; alone: on this thread.
static void run_entry(const gemm_product *product, int64_t entry, bool alone) {
    if (is_skinny(&product->call)) run_skinny(product, entry);
    else run_tiled(product, entry, alone);
}

// MARK: the public functions

typedef struct gemm_batch {
    gemm_product product;
    bool one_job;        // each entry is one job: that of entry 0 with other operands
    gemm_job job;
} gemm_batch;

static void entry_task(void *context, int64_t entry, int32_t thread) {
    (void)thread;
    const gemm_batch *batch = context;
    if (!batch->one_job) {
        run_entry(&batch->product, entry, true);
        return;
    }
    const apus_matmul *call = &batch->product.call;
    gemm_job job = batch->job;
    int64_t bytes = gemm_bytes(call->type);
    int64_t c = (call->c_offset[entry] - call->c_offset[0]) * gemm_bytes(call->c_type);
    job.whole.a.data += (call->a_offset[entry] - call->a_offset[0]) * bytes;
    job.whole.b.data += (call->b_offset[entry] - call->b_offset[0]) * bytes;
    job.whole.c += c;
    job.whole.residual += job.whole.residual ? c : 0;
    run_job(&job);
}

void apus_matmul_run(const apus_matmul *call) {
    if (call->m <= 0 || call->n <= 0 || call->batch <= 0) return;
    if (call->batch < 8 * apus_thread_count()) {
        gemm_product product = {.call = *call};
        for (int64_t entry = 0; entry < call->batch; entry++) run_entry(&product, entry, false);
        return;
    }
    // Many entries: each is one thread's, packed and used in its own cache.
    gemm_batch batch = {.product.call = *call};
    gemm_shape shape = APUS_BEST(gemm_shape);
    gemm_blocking size = choose_blocking(call, shape, per_unit_of(call->type, shape));
    batch.one_job = !is_skinny(call) && size.m >= call->m && size.n >= call->n
        && size.k >= call->k;
    if (batch.one_job) batch.job = make_job(&batch.product, 0, true, 0, 0, 0, size);
    apus_parallel(call->batch, entry_task, &batch);
}

void apus_matmul_int8(int64_t m, int64_t n, int64_t k, const int8_t *x, const float *sx,
                      const int8_t *w, const float *sw, const float *bias, float *y) {
    if (m <= 0 || n <= 0) return;
    gemm_product product = {
        .call = {.m = m, .n = n, .k = k, .a = x, .a_row = k, .a_column = 1, .b = w, .b_row = 1,
            .b_column = k,
                 .c = y, .c_row = n, .type = APUS_I8, .c_type = APUS_F32, .batch = 1, .alpha = 1,
                     .bias = bias},
        .row_scale = sx,
        .column_scale = sw,
    };
    run_entry(&product, 0, false);
}

const char *apus_matmul_kernel(const apus_matmul *call) {
    static const char *const f32[] = {"tile f32 4x8", "tile f32 8x12", "tile f32 6x16",
        "tile f32 14x32"};
    if (is_skinny(call)) return "skinny";
    if (call->type == APUS_BF16 && APUS_BEST(gemm_shape).per_bf16 == 2) return "tile bf16 14x32";
    return f32[apus_cpu_isa()];
}
