// Elementwise operations on strided arrays of one shape.
//
// Formula     unary: y = OP(x, a, b), and its gradient; binary: z = OP(x, y). The tables below are
//             in the order of apus_unary_op and apus_binary_op.
// Layout      any strides; the host merges axes (apus_cl_merge_axes) until RANK are left.
// Geometry    global (ceil(shape[RANK - 1] / VEC), rows): a work-item computes VEC neighbours in
//             one row of the last axis; `rows` is the product of the other axes. Any local size.
// Options     X_TYPE, Y_TYPE ...: dtypes; OP; RANK (1); VEC (4): 1, 2, 4, 8 or 16;
//             X_STEP, Y_STEP ...: the last stride of each array, 1 or 0: needed unless VEC is 1.
// CPU twin    cpu/elementwise.c, cpu/copy.c

#ifndef OP
#define OP 0
#endif
#ifndef RANK
#define RANK 1
#endif
#ifndef X_TYPE
#define X_TYPE F32
#endif
#ifndef Y_TYPE
#define Y_TYPE F32
#endif
#ifndef Z_TYPE
#define Z_TYPE F32
#endif
#ifndef G_TYPE
#define G_TYPE F32
#endif
#ifndef X_STEP
#define X_STEP x_strides.n[RANK - 1]
#endif
#ifndef Y_STEP
#define Y_STEP y_strides.n[RANK - 1]
#endif
#ifndef Z_STEP
#define Z_STEP z_strides.n[RANK - 1]
#endif
#ifndef G_STEP
#define G_STEP g_strides.n[RANK - 1]
#endif

// VEC elements at once. What is left at the end of a row goes through the first lane.
#define READ(T, p, i, step) ((step) || VEC == 1 ? LOADV(T, p, i) : V(LOAD(T, p, i)))

// The work-item's place: `i`, the first of its elements in row `row`; `left`, how many the row
// still has there.
#define PLACE                                    \
    const long i = (long)get_global_id(0) * VEC; \
    const long row = get_global_id(1);           \
    const long left = shape.n[RANK - 1] - i;     \
    if (left <= 0 || row >= rows) return;
// The index of the work-item's first element in array x.
#define START(x, step) (x##_at + row_offset(row, RANK - 1, shape, x##_strides) + i * (step))

// ---- f(x) of apus_unary_op; a, b are its parameters

#define SIGMOID(x) (V(1) / (V(1) + exp(-(x))))
#define SOFTPLUS(x) (log1p(exp(-fabs(x))) + fmax(x, V(0)))
#define NORMAL_CDF(x) (V(0.5f) * (V(1) + fast_erf_v((x) * V(0.70710678f))))
#define TANH_GELU(x) SIGMOID(V(1.5957691f) * ((x) + V(0.044715f) * (x) * (x) * (x)))

#define UNARY_0(x) exp(x)
#define UNARY_1(x) log(x)
#define UNARY_2(x) log1p(x)
#define UNARY_3(x) expm1(x)
#define UNARY_4(x) sqrt(x)
#define UNARY_5(x) (V(1) / sqrt(x))
#define UNARY_6(x) (V(1) / (x))
#define UNARY_7(x) ((x) * (x))
#define UNARY_8(x) fabs(x)
#define UNARY_9(x) (-(x))
#define UNARY_10(x) sin(x)
#define UNARY_11(x) cos(x)
#define UNARY_12(x) fast_erf_v(x)
#define UNARY_13(x) tanh(x)
#define UNARY_14(x) SIGMOID(x)
#define UNARY_15(x) (SOFTPLUS((x) * a) / a)                            // softplus
#define UNARY_16(x) ((x) < V(0) ? V(0) : (x))                          // relu
#define UNARY_17(x) ((x) > V(0) ? (x) : (x) * a)                       // leaky relu
#define UNARY_18(x) ((x) > V(0) ? (x) : a * expm1(x))                  // elu
#define UNARY_19(x) ((x) * NORMAL_CDF(x))                              // gelu
#define UNARY_20(x) ((x) * TANH_GELU(x))                               // gelu by tanh
#define UNARY_21(x) ((x) / (V(1) + exp(-(x))))                         // silu
#define UNARY_22(x) ((x) * tanh(SOFTPLUS(x)))                          // mish
#define UNARY_23(x) ((x) + a)
#define UNARY_24(x) ((x) * a)
#define UNARY_25(x) (a - (x))
#define UNARY_26(x) (a / (x))
#define UNARY_27(x) pow(x, V(a))
#define UNARY_28(x) ((x) < V(a) ? V(a) : ((x) > V(b) ? V(b) : (x)))    // clamp
#define UNARY_29(x) ((x) > V(0) ? V(1) : ((x) < V(0) ? V(-1) : (x)))   // sign
#define UNARY_30(x) floor(x)
#define UNARY_31(x) ceil(x)
#define UNARY_32(x) rint(x)
#define UNARY_33(x) ((x) == V(0) ? V(1) : V(0))                        // not
#define UNARY_34(x) (fabs(x) < V(INFINITY) ? V(1) : V(0))              // is finite

#ifdef KERNEL_unary
// y = f(x)
__kernel void unary(const axes shape, const long rows, IN_STRIDED(X_TYPE, x),
                    OUT_STRIDED(Y_TYPE, y), const float a, const float b) {
    PLACE
    const long xi = START(x, X_STEP), yi = START(y, Y_STEP);
    if (left >= VEC) {
        const floatv v = READ(X_TYPE, x, xi, X_STEP);
        STOREV(Y_TYPE, y, yi, JOIN(UNARY_, OP)(v));
    } else {
        for (long e = 0; e < left; e++) {
            const floatv v = V(LOAD(X_TYPE, x, xi + e * X_STEP));
            STORE(Y_TYPE, y, yi + e * Y_STEP, FIRST(JOIN(UNARY_, OP)(v)));
        }
    }
}
#endif

// ---- f'(x) of the differentiable ones

#define GRADIENT_0(x) exp(x)
#define GRADIENT_1(x) (V(1) / (x))
#define GRADIENT_2(x) (V(1) / (V(1) + (x)))
#define GRADIENT_3(x) exp(x)
#define GRADIENT_4(x) (V(0.5f) / sqrt(x))
#define GRADIENT_5(x) (V(-0.5f) / ((x) * sqrt(x)))
#define GRADIENT_6(x) (V(-1) / ((x) * (x)))
#define GRADIENT_7(x) (V(2) * (x))
#define GRADIENT_8(x) UNARY_29(x)
#define GRADIENT_9(x) V(-1)
#define GRADIENT_10(x) cos(x)
#define GRADIENT_11(x) (-sin(x))
#define GRADIENT_12(x) (V(1.1283792f) * exp(-(x) * (x)))
#define GRADIENT_13(x) (V(1) - tanh(x) * tanh(x))
#define GRADIENT_14(x) (SIGMOID(x) * SIGMOID(-(x)))
#define GRADIENT_15(x) SIGMOID((x) * a)
#define GRADIENT_16(x) ((x) > V(0) ? V(1) : V(0))
#define GRADIENT_17(x) ((x) > V(0) ? V(1) : V(a))
#define GRADIENT_18(x) ((x) > V(0) ? V(1) : a * exp(x))
#define GRADIENT_19(x) (NORMAL_CDF(x) + (x) * V(0.39894228f) * exp(V(-0.5f) * (x) * (x)))
#define GRADIENT_20(x) (TANH_GELU(x) + (x) * TANH_GELU(x) * (V(1) - TANH_GELU(x)) \
                        * V(1.5957691f) * (V(1) + V(0.134145f) * (x) * (x)))
#define GRADIENT_21(x) (SIGMOID(x) * (V(1) + (x) * SIGMOID(-(x))))
#define GRADIENT_22(x) (tanh(SOFTPLUS(x)) \
                        + (x) * (V(1) - tanh(SOFTPLUS(x)) * tanh(SOFTPLUS(x))) * SIGMOID(x))
#define GRADIENT_23(x) V(1)
#define GRADIENT_24(x) V(a)
#define GRADIENT_25(x) V(-1)
#define GRADIENT_26(x) (-a / ((x) * (x)))
#define GRADIENT_27(x) (a == 0 ? V(0) : a * pow(x, V(a - 1)))
#define GRADIENT_28(x) (((x) >= V(a)) & ((x) <= V(b)) ? V(1) : V(0))

#ifdef KERNEL_unary_gradient
// y = g f'(x)
__kernel void unary_gradient(const axes shape, const long rows, IN_STRIDED(X_TYPE, x),
                             IN_STRIDED(G_TYPE, g), OUT_STRIDED(Y_TYPE, y), const float a,
                             const float b) {
    PLACE
    const long xi = START(x, X_STEP), gi = START(g, G_STEP), yi = START(y, Y_STEP);
    if (left >= VEC) {
        const floatv v = READ(X_TYPE, x, xi, X_STEP);
        STOREV(Y_TYPE, y, yi, READ(G_TYPE, g, gi, G_STEP) * JOIN(GRADIENT_, OP)(v));
    } else {
        for (long e = 0; e < left; e++) {
            const floatv v = V(LOAD(X_TYPE, x, xi + e * X_STEP));
            const float f = FIRST(JOIN(GRADIENT_, OP)(v));
            STORE(Y_TYPE, y, yi + e * Y_STEP, LOAD(G_TYPE, g, gi + e * G_STEP) * f);
        }
    }
}
#endif

// ---- f(x, y) of apus_binary_op

#define TRUE_WHERE(condition) ((condition) ? V(1) : V(0))
#define BINARY_0(x, y) ((x) + (y))
#define BINARY_1(x, y) ((x) - (y))
#define BINARY_2(x, y) ((x) * (y))
#define BINARY_3(x, y) ((x) / (y))
#define BINARY_4(x, y) pow(x, y)
#define BINARY_5(x, y) (((x) > (y)) | ((x) != (x)) ? (x) : (y))        // maximum: NaN spreads
#define BINARY_6(x, y) (((x) < (y)) | ((x) != (x)) ? (x) : (y))        // minimum
#define BINARY_7(x, y) TRUE_WHERE((x) == (y))
#define BINARY_8(x, y) TRUE_WHERE((x) != (y))
#define BINARY_9(x, y) TRUE_WHERE((x) < (y))
#define BINARY_10(x, y) TRUE_WHERE((x) <= (y))
#define BINARY_11(x, y) TRUE_WHERE((x) > (y))
#define BINARY_12(x, y) TRUE_WHERE((x) >= (y))
#define BINARY_13(x, y) TRUE_WHERE(((x) != V(0)) & ((y) != V(0)))
#define BINARY_14(x, y) TRUE_WHERE(((x) != V(0)) | ((y) != V(0)))
#define BINARY_15(x, y) (UNARY_21(x) * (y))
#define BINARY_16(x, y) (UNARY_19(x) * (y))
#define BINARY_17(x, y) (UNARY_20(x) * (y))
#define BINARY_18(x, y) (SIGMOID(x) * (y))
#define BINARY_19(x, y) (SOFTPLUS(x) - (x) * (y))                      // logistic loss
#define BINARY_20(x, y) (SIGMOID(x) - (y))

// The same for two i32: exact. Division by 0 gives 0.
#define INTEGER_0(x, y) ((int)((uint)(x) + (uint)(y)))
#define INTEGER_1(x, y) ((int)((uint)(x) - (uint)(y)))
#define INTEGER_2(x, y) ((int)((uint)(x) * (uint)(y)))
#define INTEGER_3(x, y) ((y) == 0 ? 0 : (y) == -1 ? (int)(0u - (uint)(x)) : (x) / (y))
#define INTEGER_5(x, y) max(x, y)
#define INTEGER_6(x, y) min(x, y)
#define INTEGER_7(x, y) ((x) == (y))
#define INTEGER_8(x, y) ((x) != (y))
#define INTEGER_9(x, y) ((x) < (y))
#define INTEGER_10(x, y) ((x) <= (y))
#define INTEGER_11(x, y) ((x) > (y))
#define INTEGER_12(x, y) ((x) >= (y))

#ifdef KERNEL_binary
// z = f(x, y)
__kernel void binary(const axes shape, const long rows, IN_STRIDED(X_TYPE, x),
                     IN_STRIDED(Y_TYPE, y), OUT_STRIDED(Z_TYPE, z)) {
    PLACE
    const long xi = START(x, X_STEP), yi = START(y, Y_STEP), zi = START(z, Z_STEP);
#if X_TYPE == I32 && Y_TYPE == I32 && OP != 4 && OP < 13
    for (long e = 0; e < min(left, (long)VEC); e++)
        z[zi + e * Z_STEP] = (ELEMENT(Z_TYPE))JOIN(INTEGER_, OP)(x[xi + e * X_STEP],
                                                                 y[yi + e * Y_STEP]);
#else
    if (left >= VEC) {
        const floatv v = READ(X_TYPE, x, xi, X_STEP), w = READ(Y_TYPE, y, yi, Y_STEP);
        STOREV(Z_TYPE, z, zi, JOIN(BINARY_, OP)(v, w));
    } else {
        for (long e = 0; e < left; e++) {
            const floatv v = V(LOAD(X_TYPE, x, xi + e * X_STEP));
            const floatv w = V(LOAD(Y_TYPE, y, yi + e * Y_STEP));
            STORE(Z_TYPE, z, zi + e * Z_STEP, FIRST(JOIN(BINARY_, OP)(v, w)));
        }
    }
#endif
}
#endif

// y[yi] = x[xi]: as bits for one type, exactly between integers, by float otherwise.
#define CONVERT_BITS(T, y, yi, x, xi) y[yi] = x[xi]
#define CONVERT_INTEGER(T, y, yi, x, xi) y[yi] = (ELEMENT(Y_TYPE))x[xi]
#define CONVERT_FLOAT(T, y, yi, x, xi) STORE(Y_TYPE, y, yi, LOAD(T, x, xi))

#ifdef KERNEL_select_where
// y = condition ? x : z; c is bool. x, y and z are of one type, or floats.
#if X_TYPE == Y_TYPE && Z_TYPE == Y_TYPE
#define CONVERT CONVERT_BITS
#else
#define CONVERT CONVERT_FLOAT
#endif
__kernel void select_where(const axes shape, const long rows, IN_STRIDED(BOOL, c),
                           IN_STRIDED(X_TYPE, x), IN_STRIDED(Z_TYPE, z), OUT_STRIDED(Y_TYPE, y)) {
    PLACE
    const long step = c_strides.n[RANK - 1], ci = START(c, step);
    const long xi = START(x, X_STEP), zi = START(z, Z_STEP), yi = START(y, Y_STEP);
    for (long e = 0; e < min(left, (long)VEC); e++)
        if (c[ci + e * step]) CONVERT(X_TYPE, y, yi + e * Y_STEP, x, xi + e * X_STEP);
        else CONVERT(Z_TYPE, y, yi + e * Y_STEP, z, zi + e * Z_STEP);
}
#endif

#ifdef KERNEL_copy
// y = x, converted
#if X_TYPE == Y_TYPE
#define CONVERT CONVERT_BITS
#elif !IS_FLOAT(X_TYPE) && !IS_FLOAT(Y_TYPE) && Y_TYPE != BOOL
#define CONVERT CONVERT_INTEGER
#else
#define CONVERT CONVERT_FLOAT
#endif
__kernel void copy(const axes shape, const long rows, IN_STRIDED(X_TYPE, x),
                   OUT_STRIDED(Y_TYPE, y)) {
    PLACE
    const long xi = START(x, X_STEP), yi = START(y, Y_STEP);
#if VEC > 1 && X_TYPE == Y_TYPE
    if (left >= VEC && X_STEP == 1) {   // as unsigned integers of the element's size
#if X_TYPE == F32 || X_TYPE == I32
        VSTORE(uint, VLOAD(uint, (__global const uint *)x, xi), (__global uint *)y, yi);
#elif X_TYPE == BF16 || X_TYPE == F16
        VSTORE(ushort, VLOAD(ushort, x, xi), y, yi);
#else
        VSTORE(uchar, VLOAD(uchar, (__global const uchar *)x, xi), (__global uchar *)y, yi);
#endif
        return;
    }
#elif VEC > 1 && IS_FLOAT(X_TYPE) && IS_FLOAT(Y_TYPE)
    if (left >= VEC) {
        STOREV(Y_TYPE, y, yi, READ(X_TYPE, x, xi, X_STEP));
        return;
    }
#endif
    for (long e = 0; e < min(left, (long)VEC); e++)
        CONVERT(X_TYPE, y, yi + e * Y_STEP, x, xi + e * X_STEP);
}
#endif

#ifdef KERNEL_copy_transposed
// y = x, elements of SIZE bytes, where y is contiguous along the columns and x along the rows: TILE
// x TILE elements at a time go through local memory, so that both are read and written along their
// contiguous axis. batch_shape has RANK axes (0: no batch). Global (WG ceil(columns / TILE),
// ceil(rows / TILE), batch), local (WG, 1, 1).
#ifndef SIZE
#define SIZE 4
#endif
#ifndef TILE
#define TILE 32
#endif
#if SIZE == 4
typedef uint unit;
#elif SIZE == 2
typedef ushort unit;
#else
typedef uchar unit;
#endif
#define LANES (WG < TILE ? WG : TILE)   // work-items side by side; the others take further lines
__kernel void copy_transposed(const long rows, const long columns, const axes batch_shape,
                              __global const unit *x, const long x_at, const axes x_strides,
                              const long x_column, __global unit *y, const long y_at,
                              const axes y_strides, const long y_row) {
    // (column, row); the odd length spreads columns over the banks
    __local unit tile[TILE][TILE + 1];
    const int fast = get_local_id(0) % LANES, slow = get_local_id(0) / LANES;
    const long c0 = (long)get_group_id(0) * TILE, r0 = (long)get_group_id(1) * TILE;
    const int height = (int)min((long)TILE, rows - r0), width = (int)min((long)TILE, columns - c0);
    x += x_at + row_offset(get_group_id(2), RANK, batch_shape, x_strides) + c0 * x_column + r0;
    y += y_at + row_offset(get_group_id(2), RANK, batch_shape, y_strides) + r0 * y_row + c0;
    for (int c = slow; c < width; c += WG / LANES)
        for (int r = fast; r < height; r += LANES) tile[c][r] = x[c * x_column + r];
#if WG > 1
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    for (int r = slow; r < height; r += WG / LANES)
        for (int c = fast; c < width; c += LANES) y[r * y_row + c] = tile[c][r];
}
#endif

#ifdef KERNEL_fill
// y = value; an integer type takes `whole`
__kernel void fill(const axes shape, const long rows, OUT_STRIDED(Y_TYPE, y), const float value,
                   const int whole) {
    PLACE
    const long yi = START(y, Y_STEP);
    for (long e = 0; e < min(left, (long)VEC); e++)
#if IS_FLOAT(Y_TYPE)
        STORE(Y_TYPE, y, yi + e * Y_STEP, value);
#else
        y[yi + e * Y_STEP] = (ELEMENT(Y_TYPE))whole;
#endif
}
#endif

#ifdef KERNEL_iota
// y[i] = start + i step, contiguous; an integer type takes the whole ones. Global (count).
__kernel void iota(const long count, OUT(Y_TYPE, y), const float start, const float step,
                   const long whole_start, const long whole_step) {
    const long i = get_global_id(0);
    if (i >= count) return;
#if IS_FLOAT(Y_TYPE)
    STORE(Y_TYPE, y, y_at + i, fma((float)i, step, start));
#else
    y[y_at + i] = (ELEMENT(Y_TYPE))(whole_start + i * whole_step);
#endif
}
#endif
