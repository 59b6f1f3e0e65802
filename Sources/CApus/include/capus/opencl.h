// The OpenCL host: devices, buffers, programs, queue. The OpenCL library is found at run time.
// Every call that can fail returns NULL, false or -1 and leaves one text (symbolic code, what was
// asked, build log) in apus_cl_error().
#ifndef CAPUS_OPENCL_H
#define CAPUS_OPENCL_H

#include "base.h"

/// The text of the calling thread's last OpenCL failure.
const char *apus_cl_error(void);

// ---- devices

/// What a device is and can do. Texts live as long as the process; sizes are bytes.
typedef struct apus_cl_device_info {
    const char *name, *vendor, *driver, *language /* "OpenCL C 1.2 …" */, *platform;
    int64_t global_memory, local_memory, max_allocation;
    int32_t compute_units, clock_mhz, max_work_group;
    int32_t vector_width;        // preferred for float
    int32_t lanes;               // work-items that run in lockstep (warp, wavefront); 0: unknown
    int32_t nvidia_capability;   // 90 for 9.0; 0: not NVIDIA
    bool is_cpu, is_gpu, half_arithmetic, subgroups, integer_dot, nvidia_ptx, unified_memory;
} apus_cl_device_info;

/// Devices of all platforms, in a stable order; 0 with a text in apus_cl_error() when there is no
/// OpenCL.
int32_t apus_cl_device_count(void);
bool apus_cl_device(int32_t index, apus_cl_device_info *info);

/// One device, opened: context, in-order queue, allocator, kernel cache. All calls on it may come
/// from any thread.
typedef struct apus_cl_context apus_cl_context;
/// With `profiling`, launches can be timed (see apus_cl_timing_begin).
apus_cl_context *apus_cl_open(int32_t device, bool profiling);
/// Waits for the queue and releases everything; the context's buffers must have been freed.
void apus_cl_close(apus_cl_context *context);

// ---- buffers

/// A block of device memory from the context's caching allocator.
typedef struct apus_cl_buffer apus_cl_buffer;
apus_cl_buffer *apus_cl_buffer_new(apus_cl_context *context, int64_t bytes);
/// Commands in the queue may still use it: the block serves later commands only.
void apus_cl_buffer_free(apus_cl_buffer *buffer);
int64_t apus_cl_buffer_bytes(const apus_cl_buffer *buffer);

/// Copies from the host; the source may be changed as soon as the call returns. Offsets and lengths
/// in bytes.
bool apus_cl_write(apus_cl_buffer *buffer, int64_t offset, const void *source, int64_t bytes);
/// Copies to the host, after everything that is in the queue.
bool apus_cl_read(apus_cl_buffer *buffer, int64_t offset, void *target, int64_t bytes);
/// Copies on the device; the ranges must not overlap.
bool apus_cl_copy(apus_cl_buffer *source, int64_t source_offset, apus_cl_buffer *target,
                  int64_t target_offset, int64_t bytes);
/// Repeats a pattern of 1, 2, 4, 8 or 16 bytes; offset and bytes are multiples of it.
bool apus_cl_fill(apus_cl_buffer *buffer, int64_t offset, int64_t bytes, const void *pattern,
                  int32_t pattern_bytes);

typedef struct apus_cl_statistics {
    // by live buffers, by freed blocks, most used so far
    int64_t bytes_used, bytes_cached, bytes_peak;
    int64_t allocations;                            // blocks that the driver was asked for
    int64_t bytes_written, writes, bytes_read, reads;   // host to device, device to host
    int64_t launches;
} apus_cl_statistics;
apus_cl_statistics apus_cl_context_statistics(apus_cl_context *context);
/// Gives all freed blocks back to the driver.
void apus_cl_empty_cache(apus_cl_context *context);

// ---- kernels

/// A compiled kernel; it belongs to the context and lives as long.
typedef struct apus_cl_kernel apus_cl_kernel;
/// `name` from Kernels/`file`.cl, built with `options` ("-DOP=3 -DX_TYPE=0"). Built once a context;
/// the binary is kept on disk in ${APUS_CACHE:-${XDG_CACHE_HOME:-~/.cache}/apus}.
apus_cl_kernel *apus_cl_kernel_get(apus_cl_context *context, const char *file, const char *name,
                                   const char *options);
/// The largest work-group that the kernel allows on its device; -1 on failure.
int32_t apus_cl_kernel_max_group(apus_cl_kernel *kernel);
/// The folder of cached programs (tuned parameters may stand there too); NULL if there is no home.
const char *apus_cl_cache_folder(void);

// ---- launching

typedef enum apus_cl_argument_kind : int32_t {
    // two kernel arguments: the buffer's pointer (NULL for no buffer) and `value`, a long: the
    APUS_CL_TENSOR,
                      // offset of its first element
    APUS_CL_VALUE,    // a scalar: the first `bytes` of `value`
    APUS_CL_STRUCT,   // `bytes` at `pointer`, read during the call
    APUS_CL_LOCAL     // `bytes` of local memory
} apus_cl_argument_kind;

typedef struct apus_cl_argument {
    apus_cl_argument_kind kind;
    int32_t bytes;
    int64_t value;
    apus_cl_buffer *buffer;
    const void *pointer;
} apus_cl_argument;

static inline apus_cl_argument apus_cl_tensor(apus_cl_buffer *buffer, int64_t offset) {
    return (apus_cl_argument){.kind = APUS_CL_TENSOR, .value = offset, .buffer = buffer};
}
static inline apus_cl_argument apus_cl_long(int64_t value) {
    return (apus_cl_argument){.kind = APUS_CL_VALUE, .bytes = 8, .value = value};
}
static inline apus_cl_argument apus_cl_int(int32_t value) {
    return (apus_cl_argument){.kind = APUS_CL_VALUE, .bytes = 4, .value = value};
}
static inline apus_cl_argument apus_cl_float(float value) {
    union { float f; int32_t i; } bits = {value};
    return (apus_cl_argument){.kind = APUS_CL_VALUE, .bytes = 4, .value = bits.i};
}
static inline apus_cl_argument apus_cl_struct(const void *pointer, int32_t bytes) {
    return (apus_cl_argument){.kind = APUS_CL_STRUCT, .bytes = bytes, .pointer = pointer};
}
static inline apus_cl_argument apus_cl_local(int32_t bytes) {
    return (apus_cl_argument){.kind = APUS_CL_LOCAL, .bytes = bytes};
}

/// Enqueues the kernel on global work-items in work-groups of `local`; each global length is
/// rounded up to a multiple of the local one (kernels test their bounds). An empty range does
/// nothing.
bool apus_cl_launch(apus_cl_kernel *kernel, const apus_cl_argument *arguments, int32_t count,
                    const int64_t global[3], const int64_t local[3]);
/// Hands what is enqueued to the device without waiting.
bool apus_cl_flush(apus_cl_context *context);
/// Waits until the queue is empty.
bool apus_cl_finish(apus_cl_context *context);

/// Between the two calls the device time of every launch is added up: returns seconds, or -1. Needs
/// `profiling`.
bool apus_cl_timing_begin(apus_cl_context *context);
double apus_cl_timing_end(apus_cl_context *context);

// ---- another library

/// c (m, n) = op(a) op(b), f32, row-major and dense, by CLBlast where its library is installed: for
/// comparison. Offsets count elements. False if it is not there or fails.
bool apus_cl_matmul_clblast(apus_cl_context *context, bool trans_a, bool trans_b, int64_t m,
                            int64_t n, int64_t k, apus_cl_buffer *a, int64_t a_offset,
                            apus_cl_buffer *b, int64_t b_offset, apus_cl_buffer *c,
                            int64_t c_offset);

// ---- strided arrays

/// A shape, or the strides of an array: what kernels take as `axes` by value, outermost axis first.
typedef struct apus_cl_axes { int64_t n[APUS_MAX_RANK]; } apus_cl_axes;

/// Merges neighbouring axes that `count` arrays of one shape walk alike and drops those of length
/// 1: writes the shape, and strides[i] of array i; returns the rank that is left, at least 1.
int32_t apus_cl_merge_axes(const apus_array *const *arrays, int32_t count, apus_cl_axes *shape,
                           apus_cl_axes *strides);

#endif
