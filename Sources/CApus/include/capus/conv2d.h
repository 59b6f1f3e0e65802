// 2-D convolution on channels-last data; a 1-D convolution has h = kh = 1, a transposed convolution
// is the input gradient.
#ifndef CAPUS_CONV2D_H
#define CAPUS_CONV2D_H

#include "matmul.h"

/// x (n, h, w, cin), weight (cout, kh, kw, cin / groups), y (n, oh, ow, cout), all contiguous.
/// y[oy, ox] takes x[oy · stride - pad + ky · dilation, …]; outside x counts as 0.
typedef struct apus_conv2d {
    int64_t n, h, w, cin, cout, kh, kw, oh, ow;
    int64_t stride_h, stride_w;
    int64_t pad_h, pad_w;   // before; what is after follows from oh, ow
    int64_t dilation_h, dilation_w, groups;
    apus_dtype type;   // of x, weight, y and their gradients: f32, bf16 or f16; sums are f32
} apus_conv2d;

/// y = activation(conv(x, weight) + bias) + residual. bias (cout) or NULL; residual like y or NULL.
/// 3×3 kernels of stride 1 in f32 may run by Winograd's algorithm: there a NaN or an infinity
/// reaches its neighbours up to 3 outputs away.
void apus_conv2d_forward(const apus_conv2d *c, const void *x, const void *weight, const float *bias,
                         apus_activation activation, const void *residual, void *y);
/// dx = the sum over outputs that x reached; also the transposed convolution, whose bias (cin) may
/// be given.
void apus_conv2d_input_gradient(const apus_conv2d *c, const void *g, const void *weight,
                                const float *bias, void *dx);
/// dweight in `type`: that of the call, or f32.
void apus_conv2d_weight_gradient(const apus_conv2d *c, const void *x, const void *g,
                                 apus_dtype type, void *dweight);

/// x int8 with one scale a sample sx (n), weight int8 with a scale an output channel sw (cout):
/// y f32 = acc sx sw + bias.
void apus_conv2d_int8(const apus_conv2d *c, const int8_t *x, const float *sx, const int8_t *weight,
                      const float *sw, const float *bias, float *y);

/// The name of the kernel that the forward pass would choose, for benchmarks.
const char *apus_conv2d_kernel(const apus_conv2d *c);

#endif
