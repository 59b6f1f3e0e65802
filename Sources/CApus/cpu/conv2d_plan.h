// How a convolution, or the gradient of one with respect to its input, is carried out (see
// conv2d.c).
#ifndef CONV2D_PLAN_H
#define CONV2D_PLAN_H

#include "capus/conv2d.h"
#include "gemm_tile.h"

/// What a 4-byte unit of the picture and of the packed weights holds.
typedef enum conv_unit {
    CONV_F32,    // one value
    CONV_BF16,   // two neighbouring channels
    CONV_INT8    // those that gemm_dot_int8 takes: four channels, or two widened to 16 bits
} conv_unit;

/// out[j, i] takes in[j · step + dy, i · step + dx] times the weights that begin at `weight`.
typedef struct conv_tap { int64_t dy, dx, weight; } conv_tap;

/// Units that lie side by side in the picture and in the packed weights: one or more taps.
typedef struct conv_run { int64_t offset /* bytes */, units, taps; } conv_run;

/// Two neighbouring outputs of a phase: the byte of the picture that the first one's taps count
/// from, and the element where it goes.
typedef struct conv_pair { int64_t in, out; } conv_pair;

/// Outputs (y + j · out_step, x + i · out_step), j < rows, i < columns, which share their taps.
typedef struct conv_phase {
    int64_t y, x, rows, columns;
    int64_t first_tap, taps;
    int64_t first_run, runs;
} conv_phase;

typedef struct conv_plan {
    int64_t n, h, w, channels;             // the picture that is read
    int64_t out_h, out_w, out_channels;
    int64_t groups, in_group, out_group;   // channels of a group
    apus_dtype type, out_type;
    conv_unit unit;
    int64_t step_h, step_w, out_step_h, out_step_w;
    // Weight of output o, input i of group g:
    // weight[tap + g group_stride + o out_stride + i in_stride]
    int64_t group_stride, out_stride, in_stride;

    int64_t taps, phases;
    conv_tap *tap;                         // (taps), those of a phase together
    conv_phase *phase;                     // (phases)
    conv_run *run;                         // at most one a tap
    int64_t min_dy, max_dy, min_dx, max_dx;
    // Few channels: what a row of the kernel covers, columns × channels, is copied for each output
    // as the channels of one tap. Columns begin at output · joined_step + joined_dx.
    int64_t joined, joined_step, joined_dx;   // joined: columns, 0 for none

    int64_t in_unit, units;                // channels of a unit, units of a tap
    int64_t panels, panel_width;           // panels of a group, each (taps, units, panel_width)
    int64_t group_bytes, pixel_bytes, row_bytes, image_bytes;
    bool in_place;                         // the picture is read where it is, else in copied bands
    bool by_panel;                         // a task is all pixels of a few panels, which it packs
    int64_t band_rows, band_columns, row_bands, column_bands, panel_chunks;

    const void *picture, *residual;
    const float *bias;
    apus_activation activation;
    const void *weight;
    uint32_t *packed;                      // (groups, panels, taps, units, panel_width), or NULL
    char *copy;                            // by_panel: (n, rows, row_bytes), or NULL
    void *out;
    const float *picture_scale, *weight_scale;   // int8 only
} conv_plan;

/// The forward pass of c, or its input gradient, planned for the instruction set in use.
conv_plan conv_plan_forward(const apus_conv2d *c);
conv_plan conv_plan_gradient(const apus_conv2d *c);
/// Lays out the copied picture and cuts the work, for the units and panels that are set.
void conv_lay_out(conv_plan *p);
/// Runs the plan by the direct kernels.
void conv_run_plan(conv_plan *p, const void *weight);
void conv_free_plan(conv_plan *p);

/// Winograd's F(4×4, 3×3) for plans with the taps of a 3×3 kernel and stride 1, in f32.
bool winograd_fits(const conv_plan *p);
void winograd_run(const conv_plan *p, const float *weight);

/// Few output channels: one product for the contributions of every pixel, then their sums.
bool conv_narrow_fits(const conv_plan *p);
void conv_narrow_run(const conv_plan *p, const void *weight);

/// One channel a group: vectors over channels.
bool depthwise_fits(const conv_plan *p);
void depthwise_run(const conv_plan *p, const void *weight);
void depthwise_weight_gradient(const apus_conv2d *c, const void *x, const void *g, apus_dtype type,
                               void *dweight);

/// Few input channels of a group: false where they are too many.
bool conv_few_weights(const apus_conv2d *c, const void *x, const void *g, apus_dtype type,
                      void *dweight);

#endif
