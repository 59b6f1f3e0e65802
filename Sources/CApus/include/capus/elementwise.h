// Elementwise operations on strided arrays. All arrays of a call have the same shape (broadcast
// axes have stride 0) and float arrays may be f32, bf16 or f16 each; the arithmetic is f32.
#ifndef CAPUS_ELEMENTWISE_H
#define CAPUS_ELEMENTWISE_H

#include "base.h"

/// y = f(x). Parameters in a, b where named.
typedef enum apus_unary_op : int32_t {
    APUS_EXP, APUS_LOG, APUS_LOG1P, APUS_EXPM1, APUS_SQRT, APUS_RSQRT, APUS_RECIPROCAL, APUS_SQUARE,
    APUS_ABS, APUS_NEG, APUS_SIN, APUS_COS, APUS_ERF, APUS_TANH, APUS_SIGMOID,
    APUS_SOFTPLUS /* a: beta */, APUS_RELU, APUS_LEAKY_RELU /* a: slope */, APUS_ELU /* a: alpha */,
    APUS_GELU, APUS_GELU_TANH, APUS_SILU, APUS_MISH,
    APUS_ADD_SCALAR /* x + a */, APUS_MUL_SCALAR /* x * a */, APUS_RSUB_SCALAR /* a - x */,
    APUS_RDIV_SCALAR /* a / x */, APUS_POW_SCALAR /* x ** a; negative x for integer a */,
    APUS_CLAMP /* to [a, b] */,
    // Steps, not differentiable. NOT and IS_FINITE give bool.
    APUS_SIGN, APUS_FLOOR, APUS_CEIL, APUS_ROUND /* half to even */, APUS_NOT /* x == 0 */,
    APUS_IS_FINITE
} apus_unary_op;

/// z = f(x, y). i32 operands (both) give i32 for + - * / (towards zero; x / 0 is 0), maximum,
/// minimum, exactly and wrapping. Comparisons give bool. AND, OR take and give bool. Maximum and
/// minimum pass NaN on.
typedef enum apus_binary_op : int32_t {
    APUS_ADD, APUS_SUB, APUS_MUL, APUS_DIV, APUS_POW, APUS_MAXIMUM, APUS_MINIMUM,
    APUS_EQ, APUS_NE, APUS_LT, APUS_LE, APUS_GT, APUS_GE, APUS_AND, APUS_OR,
    APUS_SILU_MUL /* silu(x) y */, APUS_GELU_MUL /* gelu(x) y */,
    APUS_GELU_TANH_MUL /* gelu_tanh(x) y */, APUS_SIGMOID_MUL /* sigmoid(x) y */,
    APUS_LOGISTIC_LOSS /* log(1 + e^x) - x y */, APUS_SIGMOID_SUB /* sigmoid(x) - y */
} apus_binary_op;

/// i32 to i32 is exact and wraps for square, abs, neg, relu, sign, the roundings, and + - * with a
/// whole scalar.
void apus_unary(apus_unary_op op, float a, float b, const apus_array *x, const apus_array *y);

/// dx = g f'(x). At kinks: abs and relu 0 at 0, leaky_relu its slope, clamp passes on both bounds.
void apus_unary_gradient(apus_unary_op op, float a, float b, const apus_array *x,
                         const apus_array *g, const apus_array *dx);

void apus_binary(apus_binary_op op, const apus_array *x, const apus_array *y, const apus_array *z);

/// y = condition ? a : b; the condition is bool.
void apus_select(const apus_array *condition, const apus_array *a, const apus_array *b,
                 const apus_array *y);

/// y = x with y's strides and type, any pair of types. Floats round to nearest even; f16 overflows
/// to infinity; to an integer truncates and saturates (NaN: 0), also from a wider integer; to bool
/// is x != 0.
void apus_copy(const apus_array *x, const apus_array *y);

/// y = value everywhere (rounded to y's type).
void apus_fill(double value, const apus_array *y);

/// y[i] = start + i · step for a contiguous array of any shape, in row-major order.
void apus_iota(double start, double step, const apus_array *y);

#endif
