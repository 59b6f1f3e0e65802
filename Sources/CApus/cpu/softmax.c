// Softmax and its logarithm along rows, and their gradients.
//
// A row passes three times through the level-1 or level-2 cache: largest value, exponentials and
// their sum, division. The exponentials wait in scratch memory, so that x is read once and y
// written once, around the cache where both exceed it; rows too long for scratch are exponentiated
// twice.
//
// Floor: reading x and writing y once, 52 GB/s; at (4096, 4096) f32 we reach it.
#include "capus/softmax.h"
#include "capus/threads.h"
#include "stream.h"

enum { ROW_BLOCK = 4096, KEPT_ROW = 1 << 17 };   // elements; scratch holds rows of at most KEPT_ROW

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
    float *scratch = keep ? apus_scratch(0, (size_t)call->columns * sizeof(float)) : NULL;
    APUS_BEST(softmax_rows)(call, first, end, scratch);
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
