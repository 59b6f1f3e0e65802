// Running sums along an axis, in f64 (integers wrap in 32 bits).
//
// Lines that lie side by side go together, so that the additions of one line need not wait for each
// other's latency and reads are adjacent; a single long line costs the latency of an addition for
// each element.
#include "capus/reduce.h"
#include "capus/threads.h"
#include "lines.h"
#include "stream.h"

#define APUS_KERNELS "typed.inc"
#include "every_isa.h"

enum { TASK = 1 << 14, COLUMNS = 64 };

typedef struct {
    const apus_array *x, *y;
    int32_t axis, across;   // the axis along which lines follow each other, or -1
    bool reverse;
    int64_t lines, lines_a_task;
} cumsum_call;

static double value_at(const apus_array *x, int64_t i) {
    switch (x->dtype) {
    case APUS_F32: return (double)((const float *)x->data)[i];
    case APUS_BF16:
        return (double)from_bf16_portable((vh_portable)(((const uint16_t *)x->data)[i]))[0];
    case APUS_F16:
        return (double)from_f16_portable((vh_portable)(((const uint16_t *)x->data)[i]))[0];
    case APUS_I32: return (double)((const int32_t *)x->data)[i];
    case APUS_I8: return (double)((const int8_t *)x->data)[i];
    default: return (double)((const uint8_t *)x->data)[i];
    }
}

static void put_value(const apus_array *y, int64_t i, double value) {
    switch (y->dtype) {
    case APUS_F32: ((float *)y->data)[i] = (float)value; break;
    case APUS_BF16:
        ((uint16_t *)y->data)[i] = to_bf16_portable(splat_portable((float)value))[0];
        break;
    case APUS_F16:
        ((uint16_t *)y->data)[i] = to_f16_portable(splat_portable((float)value))[0];
        break;
    case APUS_I32: ((int32_t *)y->data)[i] = (int32_t)(uint32_t)(int64_t)value; break;
    default: ((uint8_t *)y->data)[i] = (uint8_t)(int64_t)value; break;
    }
}

// n lines from `line` on, side by side; at most COLUMNS.
static void run_lines(const cumsum_call *call, int64_t line, int64_t n) {
    const apus_array *x = call->x, *y = call->y;
    double sums[COLUMNS] = {0};
    int64_t length = x->shape[call->axis];
    int64_t first = call->reverse ? length - 1 : 0;
    int64_t sign = call->reverse ? -1 : 1;
    int64_t x_at = line_offset(x, x->shape, call->axis, line) + first * x->strides[call->axis];
    int64_t y_at = line_offset(y, x->shape, call->axis, line) + first * y->strides[call->axis];
    int64_t x_across = call->across < 0 ? 0 : x->strides[call->across];
    int64_t y_across = call->across < 0 ? 0 : y->strides[call->across];
    bool floats = x->dtype == APUS_F32 && y->dtype == APUS_F32;
    for (int64_t i = 0; i < length; i++) {
        const float *from = (const float *)x->data + x_at;
        float *to = (float *)y->data + y_at;
        if (floats && x_across == 1 && y_across == 1)
            for (int64_t c = 0; c < n; c++) to[c] = (float)(sums[c] += (double)from[c]);
        else if (floats)
            for (int64_t c = 0; c < n; c++)
                to[c * y_across] = (float)(sums[c] += (double)from[c * x_across]);
        else
            for (int64_t c = 0; c < n; c++)
                put_value(y, y_at + c * y_across, sums[c] += value_at(x, x_at + c * x_across));
        x_at += sign * x->strides[call->axis];
        y_at += sign * y->strides[call->axis];
    }
}

// One line of adjacent floats, forwards. Four sums come from one carry, so the additions that wait
// for each other are a fourth of all.
static void run_adjacent(const float *x, float *y, int64_t n) {
    double carry = 0;
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        double a = (double)x[i], b = (double)x[i + 1], c = (double)x[i + 2], d = (double)x[i + 3];
        double two = a + b, three = two + c, four = two + (c + d);
        y[i] = (float)(carry + a);
        y[i + 1] = (float)(carry + two);
        y[i + 2] = (float)(carry + three);
        y[i + 3] = (float)(carry += four);
    }
    for (; i < n; i++) y[i] = (float)(carry += (double)x[i]);
}

static void cumsum_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const cumsum_call *call = context;
    const apus_array *x = call->x, *y = call->y;
    int32_t axis = call->axis;
    int64_t run = call->across < 0 ? 1 : call->x->shape[call->across];
    int64_t side_by_side = call->across >= 0 && call->x->strides[call->across] == 1 ? COLUMNS : 8;
    int64_t line = task * call->lines_a_task, end = line + call->lines_a_task, n;
    if (end > call->lines) end = call->lines;
    bool adjacent = x->strides[axis] == 1 && y->strides[axis] == 1 && !call->reverse
        && x->dtype == APUS_F32 && y->dtype == APUS_F32;
    for (; adjacent && line < end; line++)
        run_adjacent((const float *)x->data + line_offset(x, x->shape, axis, line),
                     (float *)y->data + line_offset(y, x->shape, axis, line), x->shape[axis]);
    for (; line < end; line += n) {
        n = run - line % run;
        n = n < end - line ? n : end - line;
        n = n < side_by_side ? n : side_by_side;
        run_lines(call, line, n);
    }
}

void apus_cumsum(const apus_array *x, int32_t axis, bool reverse, const apus_array *y) {
    cumsum_call call = {x, y, axis, line_axis(x, axis), reverse, line_count(x, axis), 0};
    int64_t length = x->shape[axis];
    if (call.lines * length <= 0) return;
    call.lines_a_task = (TASK + length - 1) / length;
    if (call.lines >= 1024 && call.lines_a_task < COLUMNS) call.lines_a_task = COLUMNS;
    apus_parallel((call.lines + call.lines_a_task - 1) / call.lines_a_task, cumsum_task, &call);
}
