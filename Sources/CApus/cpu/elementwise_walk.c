// Plans and runs the loop nests of elementwise operations.
//
// A tile is a rectangle on the two innermost axes. Rows are long runs where all operands are
// contiguous there; where one is transposed, axis 1 is made the axis along which that one is
// contiguous, and tiles get nearly square, so that every cache line that a tile touches is used
// whole. Tiles go to threads in ranges of equal length.
#include "elementwise_walk.h"

#include <stdlib.h>

#include "capus/threads.h"

int64_t walk_element_size(apus_dtype dtype) {
    if (dtype == APUS_F32 || dtype == APUS_I32) return 4;
    return dtype == APUS_BF16 || dtype == APUS_F16 ? 2 : 1;
}

static void swap_axes(walk_loops *l, int32_t i, int32_t j) {
    int64_t length = l->shape[i];
    l->shape[i] = l->shape[j];
    l->shape[j] = length;
    for (int32_t k = 0; k < l->operands; k++) {
        int64_t stride = l->strides[k][i];
        l->strides[k][i] = l->strides[k][j];
        l->strides[k][j] = stride;
    }
}

// Whether axis `outer` continues axis `inner` in every operand.
static bool joins(const walk_loops *l, int32_t inner, int32_t outer) {
    for (int32_t k = 0; k < l->operands; k++)
        if (l->strides[k][outer] != l->strides[k][inner] * l->shape[inner]) return false;
    return true;
}

static void join_axes(walk_loops *l) {
    int32_t last = 0;
    for (int32_t axis = 1; axis < l->rank; axis++) {
        if (joins(l, last, axis)) l->shape[last] *= l->shape[axis];
        else swap_axes(l, ++last, axis);
    }
    if (l->rank > 0) l->rank = last + 1;
}

// Puts the axis along which some operand is contiguous, while axis 0 is not, in place 1.
static bool place_transposed_axis(walk_loops *l, const int64_t *sizes) {
    for (int32_t k = 0; k < l->operands; k++) {
        if (llabs(l->strides[k][0]) <= sizes[k]) continue;
        for (int32_t axis = 1; axis < l->rank; axis++) {
            if (llabs(l->strides[k][axis]) != sizes[k]) continue;
            // The axes between keep their order.
            for (int32_t i = axis; i > 1; i--) swap_axes(l, i, i - 1);
            return true;
        }
    }
    return false;
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

bool walk_plan(int32_t operands, const apus_array *const *arrays, int64_t tile, walk_loops *l) {
    const apus_array *first = arrays[0];
    int64_t sizes[WALK_OPERANDS];
    *l = (walk_loops){.operands = operands};
    for (int32_t k = 0; k < operands; k++) {
        sizes[k] = walk_element_size(arrays[k]->dtype);
        l->data[k] = arrays[k]->data;
    }
    for (int32_t axis = first->rank - 1; axis >= 0; axis--) {
        if (first->shape[axis] == 0) return false;
        if (first->shape[axis] == 1) continue;
        int32_t i = l->rank++;
        l->shape[i] = first->shape[axis];
        for (int32_t k = 0; k < operands; k++)
            l->strides[k][i] = arrays[k]->strides[axis] * sizes[k];
        // Inner axes have the smaller steps in the first operand.
        for (; i > 0 && llabs(l->strides[0][i]) < llabs(l->strides[0][i - 1]); i--)
            swap_axes(l, i, i - 1);
    }
    join_axes(l);
    bool transposed = place_transposed_axis(l, sizes);
    for (; l->rank < 2; l->rank++) {   // there is always a tile
        l->shape[l->rank] = 1;
        for (int32_t k = 0; k < operands; k++)
            l->strides[k][l->rank] = l->rank == 0 ? sizes[k] : l->strides[k][0] * l->shape[0];
    }
    // With few rows, columns can be many.
    bool square = transposed && l->shape[1] > 16;
    int64_t edge = 64;
    while (edge * edge < tile) edge *= 2;
    l->tile_columns = smaller(l->shape[0], square ? edge : transposed ? tile / l->shape[1] : tile);
    l->tile_rows = smaller(l->shape[1], tile / l->tile_columns);
    return true;
}

bool walk_exceeds_cache(const walk_loops *l) {
    int64_t bytes = 0;
    for (int32_t k = 0; k < l->operands; k++) {
        // In place: what was read is in the cache when it is written.
        if (k > 0 && l->data[k] == l->data[0]) return false;
        int64_t span = 1;   // of distinct memory; about 4 bytes an element
        for (int32_t axis = 0; axis < l->rank; axis++)
            if (l->strides[k][axis] != 0) span *= l->shape[axis];
        bytes += span * 4;
    }
    return bytes > apus_cpu_caches().l3;
}

// MARK: running

typedef struct walk_job {
    const walk_loops *loops;
    walk_body body;
    void *context;
    int64_t tiles, tasks;
    int64_t counts[APUS_MAX_RANK];   // tiles along each axis
} walk_job;

// The tile with the given place on each axis.
static walk_tile tile_at(const walk_loops *l, const int64_t *place) {
    int64_t column = place[0] * l->tile_columns, row = place[1] * l->tile_rows;
    walk_tile tile = {
        .rows = smaller(l->tile_rows, l->shape[1] - row),
        .columns = smaller(l->tile_columns, l->shape[0] - column),
    };
    for (int32_t k = 0; k < l->operands; k++) {
        tile.at[k] = l->data[k] + column * l->strides[k][0] + row * l->strides[k][1];
        for (int32_t axis = 2; axis < l->rank; axis++)
            tile.at[k] += place[axis] * l->strides[k][axis];
    }
    return tile;
}

// Tasks have equal numbers of tiles, or one more.
static int64_t first_tile(const walk_job *job, int64_t task) {
    return job->tiles / job->tasks * task + job->tiles % job->tasks * task / job->tasks;
}

static void run_range(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const walk_job *job = context;
    int64_t begin = first_tile(job, task), end = first_tile(job, task + 1);
    int64_t place[APUS_MAX_RANK] = {0}, rest = begin;
    for (int32_t axis = 0; axis < job->loops->rank; axis++) {
        place[axis] = rest % job->counts[axis];
        rest /= job->counts[axis];
    }
    for (int64_t i = begin; i < end; i++) {
        walk_tile tile = tile_at(job->loops, place);
        job->body(job->context, job->loops, &tile);
        int32_t axis = 0;   // counts on, the innermost axis first
        while (axis < job->loops->rank && ++place[axis] == job->counts[axis]) place[axis++] = 0;
    }
    job->body(job->context, job->loops, &(walk_tile){0});
}

void walk_run(const walk_loops *l, int64_t serial, walk_body body, void *context) {
    walk_job job = {.loops = l, .body = body, .context = context, .tiles = 1};
    int64_t elements = 1;
    for (int32_t axis = 0; axis < l->rank; axis++) {
        int64_t extent = axis == 0 ? l->tile_columns : axis == 1 ? l->tile_rows : 1;
        job.counts[axis] = (l->shape[axis] + extent - 1) / extent;
        job.tiles *= job.counts[axis];
        elements *= l->shape[axis];
    }
    // A few ranges for each thread, so that one that is late does not hold up the others.
    job.tasks = elements < serial ? 1 : smaller(4 * apus_thread_count(), job.tiles);
    apus_parallel(job.tasks, run_range, &job);
}
