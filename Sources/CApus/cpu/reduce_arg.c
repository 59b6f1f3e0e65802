// Index of the largest or smallest value along an axis: the first at ties, and the first NaN if
// there is one.
//
// Lines of adjacent elements are scanned in blocks, and a block is searched only if its extreme is
// a new one; lines that lie side by side are scanned together, vectors across them.
//
// Floor: reading x once.
#include "capus/reduce.h"
#include "capus/threads.h"
#include "lines.h"
#include "stream.h"

enum { ARG_BLOCK = 1024, TASK = 1 << 15, COLUMNS = 256 };

#define APUS_KERNELS "reduce_arg.inc"
#include "every_isa.h"

typedef struct {
    bool largest;
    const apus_array *x, *y;
    int32_t axis;
    int64_t lines, lines_a_task;
} arg_call;

static int64_t integer_at(const apus_array *x, int64_t i) {
    switch (x->dtype) {
    case APUS_I32: return ((const int32_t *)x->data)[i];
    case APUS_I8: return ((const int8_t *)x->data)[i];
    default: return ((const uint8_t *)x->data)[i];
    }
}

static int64_t integer_line(const arg_call *call, int64_t at) {
    int64_t best = 0, stride = call->x->strides[call->axis];
    for (int64_t i = 1; i < call->x->shape[call->axis]; i++) {
        int64_t a = integer_at(call->x, at + i * stride);
        int64_t b = integer_at(call->x, at + best * stride);
        if (call->largest ? a > b : a < b) best = i;
    }
    return best;
}

static void one_line(const arg_call *call, int64_t line) {
    const apus_array *x = call->x;
    int64_t at = line_offset(x, x->shape, call->axis, line), n = x->shape[call->axis];
    int64_t best = x->dtype > APUS_F16 ? integer_line(call, at)
        : APUS_BEST(arg_line)(x->dtype, x->data, at, x->strides[call->axis], n,
                              call->largest ? 1 : -1);
    ((int32_t *)call->y->data)[line_offset(call->y, x->shape, call->axis, line)] = (int32_t)best;
}

// n lines whose elements are adjacent.
static void columns(const arg_call *call, int64_t line, int64_t n) {
    float best[COLUMNS];
    int32_t index[COLUMNS];
    const apus_array *x = call->x;
    APUS_BEST(arg_columns)(x->dtype, x->data, line_offset(x, x->shape, call->axis, line),
                           x->strides[call->axis], x->shape[call->axis], n, call->largest ? 1 : -1,
                           best, index);
    for (int64_t c = 0; c < n; c++)
        ((int32_t *)call->y->data)[line_offset(call->y, x->shape, call->axis, line + c)] = index[c];
}

static void arg_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const arg_call *call = context;
    const apus_array *x = call->x;
    int32_t across = line_axis(x, call->axis);
    bool side_by_side = across >= 0 && x->strides[across] == 1 && x->strides[call->axis] != 1
        && x->dtype <= APUS_F16;
    int64_t line = task * call->lines_a_task, end = line + call->lines_a_task, n;
    if (end > call->lines) end = call->lines;
    for (; line < end; line += n) {
        n = 1;
        if (!side_by_side) { one_line(call, line); continue; }
        n = x->shape[across] - line % x->shape[across];
        n = n < end - line ? n : end - line;
        n = n < COLUMNS ? n : COLUMNS;
        columns(call, line, n);
    }
}

void apus_arg_reduce(bool largest, const apus_array *x, int32_t axis, const apus_array *y) {
    arg_call call = {largest, x, y, axis, line_count(x, axis), 0};
    int64_t length = x->shape[axis];
    if (call.lines * length <= 0) return;
    call.lines_a_task = (TASK + length - 1) / length;
    // whole cache lines side by side
    if (call.lines >= 1024 && call.lines_a_task < 64) call.lines_a_task = 64;
    apus_parallel((call.lines + call.lines_a_task - 1) / call.lines_a_task, arg_task, &call);
}
