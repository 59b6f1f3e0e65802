// Softmax and its logarithm along rows, and their gradients.
//
// A row has three stages: largest value, exponentials and their sum, division. The exponentials
// wait in scratch memory, so that x is read once and y written once, around the cache where both
// exceed it. One loop works on three rows at once, each in another stage: reading, arithmetic and
// writing overlap, and nothing waits for what ends a row. Rows too long for scratch are
// exponentiated twice, one after the other.
//
// Floor: reading x and writing y once. At (4096, 4096) f32 two Zen 5 cores reach 92 % of the
// bandwidth of a plain copy around the cache; rows in the last-level cache are bound by the
// arithmetic, 12 cycles a vector, a third of a copy's rate.
#include "capus/softmax.h"
#include "capus/threads.h"
#include "stream.h"

// Elements: of a block of a sum, of the longest row whose exponentials are kept, of rows between
// two stages (at most MAX_LAG rows), how far ahead of the first stage memory is asked for.
enum { ROW_BLOCK = 4096, KEPT_ROW = 1 << 17, IN_FLIGHT = 2048, MAX_LAG = 16, AHEAD = 4096 };

typedef enum { SCALE, EXPONENTIATE, LOGARITHM } softmax_finish;

// x, y (rows, columns); the gradient's y is x here, its result y.
typedef struct {
    apus_dtype type;
    bool logarithm, stream;
    int64_t rows, columns, rows_a_task;
    const void *x, *g;
    void *y;
} softmax_call;

#define APUS_KERNELS "softmax.inc"
#include "every_isa.h"

static void softmax_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const softmax_call *call = context;
    int64_t first = task * call->rows_a_task, end = first + call->rows_a_task;
    if (end > call->rows) end = call->rows;
    if (call->g) {
        APUS_BEST(softmax_gradient_rows)(call, first, end);
        return;
    }
    bool keep = !call->logarithm && call->columns <= KEPT_ROW;
    // Rows that begin anywhere cannot be written by whole lines in step with the others.
    int64_t lag = call->stream && !rows_are_aligned(call->y, call->type, call->columns) ? 0
        : call->columns >= IN_FLIGHT ? call->columns <= KEPT_ROW : IN_FLIGHT / call->columns;
    if (lag > MAX_LAG) lag = MAX_LAG;
    int64_t kept = (lag > 0 ? lag : 1) * call->columns;
    float *scratch = keep ? apus_scratch(0, (size_t)kept * sizeof(float)) : NULL;
    APUS_BEST(softmax_rows)(call, first, end, lag, scratch);
}

static void run(softmax_call *call, int64_t arrays) {
    if (call->rows <= 0 || call->columns <= 0) return;
    call->rows_a_task = rows_a_task(call->rows, call->columns);
    call->stream = streams(arrays * call->rows * call->columns * element_size(call->type));
    apus_parallel((call->rows + call->rows_a_task - 1) / call->rows_a_task, softmax_task, call);
}

void apus_softmax(apus_dtype type, bool logarithm, int64_t rows, int64_t columns, const void *x,
                  void *y) {
    softmax_call call = {.type = type, .logarithm = logarithm, .rows = rows, .columns = columns,
                         .x = x, .y = y};
    run(&call, 2);
}

void apus_softmax_gradient(apus_dtype type, bool logarithm, int64_t rows, int64_t columns,
                           const void *y, const void *g, void *dx) {
    softmax_call call = {.type = type, .logarithm = logarithm, .rows = rows, .columns = columns,
                         .x = y, .g = g, .y = dx};
    run(&call, 3);
}
