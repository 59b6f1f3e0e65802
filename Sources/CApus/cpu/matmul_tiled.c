// Matrix products by tiles of c (see matmul.c).
//
//     for a block of rows, of columns and of k that fits the last-level cache
//         pack the smaller operand, and the larger one where its    parallel over panels
//         lines are columns of memory or tasks are few              or over k
//         for a chunk of panels of the larger operand               parallel
//             for a piece of k
//                 pack the chunk, if it is not packed yet: a quarter of the level-2 cache
//                 for a panel of the smaller operand, for those of the chunk: micro-kernel,
//                     at last fetching what this thread packs next, a line every few units of k
//             epilogue
//
// The panels of the smaller operand pass through the level-2 cache. Rows that meet few columns are
// not packed but read in place. The inner parts are in matmul_tiled.inc.
//
// Of the peak of both cores (f32 540 GFLOP/s, bf16 1090): f32 88 to 94 % from 256³ to 2048³,
// 87 to 92 % for the GPT-2 shapes, 83 % with 128 rows of 4096 × 4096; bf16 90 to 95 %, 88 to
// 92 %, 82 %. The micro-kernel alone reaches 97 % from the level-2 cache. Weights that stayed
// packed would give 9 % with 128 rows (bf16 11 %) and 2 % with 512.
#include "matmul_parts.h"

#include "capus/threads.h"

enum { PANELS_A, PANELS_B, SUMS, ALL_SUMS };   // scratch slots

#define APUS_KERNELS "matmul_tiled.inc"
#include "every_isa.h"

// MARK: one block of rows, columns and k

/// How an operand is packed: before the compute tasks and for all of them, or piece by piece by
/// each task for itself, or not at all.
typedef enum gemm_packing { PACK_SHARED, PACK_STREAMED, PACK_NOT } gemm_packing;

typedef struct gemm_job {
    gemm_block whole;               // all tiles of the block
    gemm_shape shape;
    bool alone;                     // too little work to share
    bool wide;                      // b is the larger operand of the call, not a
    gemm_packing pack_a, pack_b;
    int64_t panels_a, panels_b;
    int64_t depth;                  // units of k in a piece
    int64_t task_rows, task_columns;   // compute tasks: panels of a and b in so many equal parts
    float *all_sums;                // of all tiles where k is cut into several jobs, else NULL
    void (*pack)(const gemm_operand *, bool, int64_t, int64_t, int64_t, int64_t);
    void (*compute)(const gemm_block *, float *);
} gemm_job;

static void run_tasks(const gemm_job *job, int64_t tasks, apus_task body) {
    if (job->alone) for (int64_t task = 0; task < tasks; task++) body((void *)job, task, 0);
    else apus_parallel(tasks, body, (void *)job);
}

/// Pieces of an operand that is packed for all: parts of k where lines lie side by side, so that
/// memory is read in order, else panels.
static int64_t pack_parts(const gemm_operand *x) {
    return x->k_stride == 1 ? parts(x->lines, x->width) : x->units;
}

static int64_t pack_part(const gemm_job *job, const gemm_operand *x) {
    return most(1, parts(pack_parts(x), job->alone ? 1 : 4 * apus_thread_count()));
}

static int64_t pack_tasks(const gemm_job *job, const gemm_operand *x, gemm_packing packing) {
    return packing == PACK_SHARED ? parts(pack_parts(x), pack_part(job, x)) : 0;
}

static void pack_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const gemm_job *job = context;
    int64_t tasks_a = pack_tasks(job, &job->whole.a, job->pack_a);
    bool is_a = task < tasks_a;
    const gemm_operand *x = is_a ? &job->whole.a : &job->whole.b;
    int64_t part = pack_part(job, x), first = (is_a ? task : task - tasks_a) * part;
    int64_t last = least(first + part, pack_parts(x));
    bool begins = is_a || job->whole.first;
    if (x->k_stride == 1) job->pack(x, begins, first, last, 0, x->units);
    else job->pack(x, begins, 0, parts(x->lines, x->width), first, last);
}

/// The first panels of a and b of a task, and of the next one in each direction.
typedef struct { int64_t i, i_end, j, j_end; } task_panels;

static task_panels panels_of(const gemm_job *job, int64_t task) {
    int64_t row = task % job->task_rows, column = task / job->task_rows;
    return (task_panels){
        job->panels_a * row / job->task_rows, job->panels_a * (row + 1) / job->task_rows,
        job->panels_b * column / job->task_columns,
        job->panels_b * (column + 1) / job->task_columns,
    };
}

/// The tiles of a task.
static gemm_block task_block(const gemm_job *job, int64_t task) {
    const gemm_operand *a = &job->whole.a, *b = &job->whole.b;
    task_panels at = panels_of(job, task);
    return apus_matmul_part_of(&job->whole, at.i * a->width, least(at.i_end * a->width, a->lines),
                               at.j * b->width, least(at.j_end * b->width, b->lines));
}

/// The source of all lines of an operand from a unit of k on.
static gemm_ahead source_of(const gemm_operand *x, int64_t from, int64_t units, int64_t per_unit) {
    int64_t size = gemm_bytes(x->type), k = from * per_unit;
    int64_t count = least(x->k - k, units * per_unit);
    gemm_ahead ahead = {.at = x->data + k * x->k_stride * size};
    if (x->k_stride == 1)
        ahead.rows = x->lines, ahead.row = x->line_stride * size, ahead.bytes = count * size;
    else if (x->line_stride == 1)
        ahead.rows = count, ahead.row = x->k_stride * size, ahead.bytes = x->lines * size;
    if (ahead.rows <= 0) return (gemm_ahead){};
    ahead.rows--;
    // From the beginning of the line on, that the rows may not start at.
    int64_t before = (int64_t)((uintptr_t)ahead.at % 64);
    ahead.at -= before;
    ahead.bytes += before;
    ahead.end = ahead.at + ahead.bytes;
    return ahead;
}

/// What this thread will pack after the piece of k from `start` on: the next piece, or the first
/// one of the task that it will probably take.
static gemm_ahead next_source(const gemm_job *job, int64_t task, const gemm_operand *streamed,
                              int64_t start) {
    int64_t per_unit = gemm_per_unit(job->whole.type, job->shape);
    int64_t next = start + job->depth;
    if (next < streamed->units) return source_of(streamed, next, job->depth, per_unit);
    if (task + 1 >= job->task_rows * job->task_columns) return (gemm_ahead){};
    gemm_block block = task_block(job, task + 1);
    return source_of(job->pack_b == PACK_STREAMED ? &block.b : &block.a, 0, job->depth, per_unit);
}

static void compute_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const gemm_job *job = context;
    gemm_block block = task_block(job, task);
    const int64_t units = block.a.units, tile = job->shape.rows * job->shape.columns;
    const int64_t rows = parts(block.a.lines, block.a.width);
    const int64_t columns = parts(block.b.lines, block.b.width);
    gemm_operand *streamed = job->pack_b == PACK_STREAMED ? &block.b
        : job->pack_a == PACK_STREAMED ? &block.a : NULL;
    if (streamed) {
        size_t bytes = (size_t)(parts(streamed->lines, streamed->width) * streamed->width) * 4;
        streamed->panels = apus_scratch(streamed == &block.a ? PANELS_A : PANELS_B,
                                        bytes * (size_t)least(job->depth, units));
    }
    // Fetched while the last panels of the other operand pass, so that these do not push it out of
    // the level-2 cache.
    const gemm_operand *other = streamed == &block.b ? &block.a : &block.b;
    int64_t last = most(1, apus_cpu_caches().l2 / PANELS_OF_L2 / (other->width * job->depth * 4));
    block.ahead_tiles = least(rows * columns, last * (streamed == &block.b ? columns : rows));
    block.keep = job->all_sums || job->depth < units;
    // A task's sums lie together: those of the task columns before it, then of the rows.
    task_panels at = panels_of(job, task);
    float *sums = job->all_sums ? job->all_sums + tile * (at.j * job->panels_a + columns * at.i)
        : apus_scratch(SUMS, (size_t)(tile * (block.keep ? rows * columns : 1)) * 4);
    do {
        block.depth = least(job->depth, units - block.start);
        if (streamed) {
            streamed->from = block.start;
            streamed->held = block.depth;
            job->pack(streamed, block.first && block.start == 0, 0,
                      parts(streamed->lines, streamed->width), block.start,
                      block.start + block.depth);
            block.ahead = next_source(job, task, streamed, block.start);
        }
        int64_t fetches = block.ahead_tiles * block.depth, step = 8;
        while (step < 64 && fetches * step < (block.ahead.rows + 1) * (block.ahead.bytes + 64))
            step *= 2;
        block.ahead.step = step;
        job->compute(&block, sums);
        block.start += block.depth;
    } while (block.start < units);
}

/// In how many equal chunks of at most `largest` panels the threads end together.
static int64_t even_chunks(int64_t panels, int64_t largest, int64_t threads) {
    if (threads > 1) largest = least(largest, parts(panels, 2 * threads));
    return least(panels, parts(parts(panels, largest), threads) * threads);
}

/// Cuts the job into tasks. The larger operand is cut into chunks that fit the level-2 cache, each
/// used by one thread; where that gives too few chunks for the threads, both operands are cut.
/// Chunks whose lines are columns of memory are packed by their tasks. Where both operands are
/// packed for all and fit the cache together, the rows are cut: a thread's part of c is then one
/// piece of memory, which it will find in its cache when it takes the same part of c later.
static void choose_tasks(gemm_job *job) {
    gemm_block *whole = &job->whole;
    int64_t threads = job->alone ? 1 : apus_thread_count(), l2 = apus_cpu_caches().l2;
    int64_t units = whole->a.units * 4;
    int64_t bytes = (job->panels_a * job->shape.rows + job->panels_b * job->shape.columns) * units;
    const bool fits = whole->first && whole->last && whole->a.k_stride != 1
        && whole->b.k_stride != 1 && bytes <= l2 * 3 / 4;
    const bool wide = job->wide && !(fits && job->panels_a >= 3 * threads);
    int64_t panels = wide ? job->panels_b : job->panels_a;
    int64_t width = wide ? job->shape.columns : job->shape.rows;
    int64_t chunk = most(1, l2 / PANELS_OF_L2 / (job->depth * width * 4));
    int64_t rows = job->panels_a, columns = job->panels_b;
    job->task_rows = job->task_columns = 1;
    job->pack_a = job->pack_b = PACK_SHARED;
    whole->a_outside = true;
    if (threads == 1 || panels >= 3 * threads) {
        whole->a_outside = wide;
        *(wide ? &job->task_columns : &job->task_rows) = even_chunks(panels, chunk, threads);
        if (wide && whole->b.k_stride == 1) job->pack_b = PACK_STREAMED;
        if (!wide && whole->a.k_stride == 1) job->pack_a = PACK_STREAMED;
    } else
        while (job->task_rows * job->task_columns < 4 * threads && (rows > 1 || columns > 1)) {
            bool tall = rows * job->shape.rows > columns * job->shape.columns;
            bool cut_rows = rows > 1 && (tall || columns == 1);
            int64_t *longer = cut_rows ? &rows : &columns;
            *longer = (*longer + 1) / 2;
            job->task_rows = parts(job->panels_a, rows);
            job->task_columns = parts(job->panels_b, columns);
        }
    if (whole->in_place) job->pack_a = PACK_NOT;
}

/// After choose_tasks; ready: the larger operand is packed already, if it is packed for all.
static void run_job(gemm_job *job, bool ready) {
    gemm_operand *a = &job->whole.a, *b = &job->whole.b;
    if (job->pack_a == PACK_SHARED)
        a->panels = apus_scratch(PANELS_A, (size_t)(job->panels_a * a->width * a->units * 4));
    if (job->pack_b == PACK_SHARED)
        b->panels = apus_scratch(PANELS_B, (size_t)(job->panels_b * b->width * b->units * 4));
    gemm_packing *larger = job->wide ? &job->pack_b : &job->pack_a;
    if (ready && *larger == PACK_SHARED) *larger = PACK_NOT;
    run_tasks(job, pack_tasks(job, a, job->pack_a) + pack_tasks(job, b, job->pack_b), pack_task);
    run_tasks(job, job->task_rows * job->task_columns, compute_task);
}

// MARK: one product

/// Lines of a block where `lines` of `units` are cut into blocks of about `bytes`, whole tiles.
static int64_t even_lines(int64_t lines, int64_t units, int64_t tile, int64_t bytes) {
    int64_t fit = most(256, bytes / (most(units, 1) * 4));
    return parts(parts(lines, most(1, (lines + fit / 2) / fit)), tile) * tile;
}

/// The smaller operand is packed for all; so is the larger one where its lines lie side by side,
/// else it is packed in small chunks and needs no limit, unless the sums must wait for more of k.
static gemm_blocking choose_blocking(const apus_matmul *call, gemm_shape shape) {
    int64_t l3 = apus_cpu_caches().l3, per_unit = gemm_per_unit(call->type, shape);
    int64_t units = least(parts(call->k, per_unit), 4096);
    bool whole = call->k <= units * per_unit, wide = call->n >= call->m;
    gemm_blocking size = {
        .m = even_lines(call->m, units, shape.rows, wide ? l3 / 4 : l3 / 2),
        .n = even_lines(call->n, units, shape.columns, wide ? l3 / 2 : l3 / 4),
        .k = most(1, units * per_unit),
        .depth = most(1, parts(units, most(1, parts(units, PIECE_UNITS)))),
    };
    if (whole && !wide && call->a_column == 1) size.m = call->m;
    if (whole && wide && call->b_row == 1) size.n = call->n;
    return size;
}

/// The job of a product, or of the part of it from row i, column j and element k of the sums on.
static gemm_job make_job(const gemm_product *product, int64_t entry, bool alone, int64_t i,
                         int64_t j, int64_t k, gemm_blocking size) {
    const apus_matmul *call = &product->call;
    gemm_shape shape = APUS_BEST(gemm_shape);
    gemm_job job = {
        .shape = shape, .pack = APUS_BEST(matmul_pack), .compute = APUS_BEST(matmul_block),
        .whole = apus_matmul_part(product, entry, i, j, k, size, shape),
        .depth = size.depth,
        .alone = alone || call->m * call->n * call->k < ALONE, .wide = call->n >= call->m,
    };
    job.panels_a = parts(job.whole.a.lines, shape.rows);
    job.panels_b = parts(job.whole.b.lines, shape.columns);
    choose_tasks(&job);
    return job;
}

void apus_matmul_tiled(const gemm_product *product, int64_t entry, bool alone) {
    const apus_matmul *call = &product->call;
    gemm_shape shape = APUS_BEST(gemm_shape);
    gemm_blocking size = choose_blocking(call, shape);

    // Column sums of int8 and, where k is cut, all sums outlive a job.
    int64_t m = parts(size.m, shape.rows) * shape.rows;
    int64_t n = parts(size.n, shape.columns) * shape.columns;
    int64_t column_sums = call->type == APUS_I8 ? n : 0, all_sums = size.k < call->k ? m * n : 0;
    int32_t *sums = NULL;
    if (column_sums + all_sums)
        sums = apus_scratch(ALL_SUMS, (size_t)(column_sums + all_sums) * 4);
    // All blocks of the smaller operand for each one of the larger.
    int64_t rows = parts(call->m, size.m), columns = parts(call->n, size.n);
    bool wide = call->n >= call->m, whole = size.k >= call->k;
    for (int64_t block = 0; block < rows * columns; block++) {
        int64_t i = wide ? block % rows : block / columns;
        int64_t j = wide ? block / rows : block % columns;
        int64_t k = 0;
        do {
            gemm_job job = make_job(product, entry, alone, i * size.m, j * size.n, k, size);
            if (column_sums) job.whole.b.sums = sums;
            if (all_sums) job.all_sums = (float *)(sums + column_sums);
            run_job(&job, whole && (wide ? i : j) > 0);
            k += size.k;
        } while (k < call->k);
    }
}

// MARK: batches

typedef struct gemm_batch {
    const gemm_product *product;
    bool one_job;        // each entry is one job: that of entry 0 with other operands
    gemm_job job;
} gemm_batch;

static void entry_task(void *context, int64_t entry, int32_t thread) {
    (void)thread;
    const gemm_batch *batch = context;
    if (!batch->one_job) {
        apus_matmul_tiled(batch->product, entry, true);
        return;
    }
    const apus_matmul *call = &batch->product->call;
    gemm_job job = batch->job;
    int64_t bytes = gemm_bytes(call->type);
    int64_t c = (call->c_offset[entry] - call->c_offset[0]) * gemm_bytes(call->c_type);
    job.whole.a.data += (call->a_offset[entry] - call->a_offset[0]) * bytes;
    job.whole.b.data += (call->b_offset[entry] - call->b_offset[0]) * bytes;
    job.whole.c += c;
    job.whole.residual += job.whole.residual ? c : 0;
    run_job(&job, false);
}

void apus_matmul_tiled_batch(const gemm_product *product) {
    const apus_matmul *call = &product->call;
    gemm_batch batch = {.product = product};
    gemm_blocking size = choose_blocking(call, APUS_BEST(gemm_shape));
    batch.one_job = size.m >= call->m && size.n >= call->n && size.k >= call->k;
    if (batch.one_job) batch.job = make_job(product, 0, true, 0, 0, 0, size);
    apus_parallel(call->batch, entry_task, &batch);
}
