// Cuts a matrix product into blocks (see matmul.c).
#include "matmul_parts.h"

static gemm_operand operand(const void *data, apus_dtype type, int64_t lines, int64_t line_stride,
                            int64_t k, int64_t k_stride, int64_t width, int64_t per_unit) {
    int64_t units = parts(k, per_unit);
    return (gemm_operand){
        .data = data, .type = type, .lines = lines, .line_stride = line_stride, .k = k,
        .k_stride = k_stride, .width = width, .units = units, .held = units,
    };
}

/// Whether rows of a are read where they are: panels would hold the same units, and packing them is
/// much of the work where there are few columns. Rows whole pages apart would push each other out
/// of the level-1 cache.
static bool reads_in_place(const apus_matmul *call, gemm_shape shape) {
    bool units = call->type == APUS_F32
        || (call->type == APUS_BF16 && shape.per_bf16 == 2 && call->k % 2 == 0);
    return units && call->a_column == 1 && call->n <= COLUMNS_IN_PLACE
        && call->a_row * gemm_bytes(call->type) % 4096 != 0;
}

gemm_block apus_matmul_part(const gemm_product *product, int64_t entry, int64_t i, int64_t j,
                            int64_t k, gemm_blocking size, gemm_shape shape) {
    const apus_matmul *call = &product->call;
    int64_t per_unit = gemm_per_unit(call->type, shape), bytes = gemm_bytes(call->type);
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
        .plain = !product->row_scale && call->alpha == 1 && !call->activation && !call->bias
            && !residual
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

/// The lines first ..< end of an operand.
static gemm_operand lines_of(gemm_operand x, int64_t first, int64_t end) {
    x.data += first * x.line_stride * gemm_bytes(x.type);
    x.panels += x.panels ? first * x.held : 0;
    x.sums += x.sums ? first : 0;
    x.lines = end - first;
    return x;
}

gemm_block apus_matmul_part_of(const gemm_block *whole, int64_t i, int64_t i_end, int64_t j,
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

