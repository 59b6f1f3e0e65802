// What the parts of the OpenCL host share: the driver's functions, an open device, error texts.
#ifndef CAPUS_OPENCL_HOST_H
#define CAPUS_OPENCL_HOST_H

#if !__has_include(<CL/cl_icd.h>)
#error "Apus needs the OpenCL headers. Install them with: sudo apt-get install opencl-headers"
#endif
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <pthread.h>
#include <stdio.h>

#include "capus/opencl.h"

// Every OpenCL function that the host uses.
#define CL_FUNCTIONS(f)                                                                         \
    f(clGetPlatformIDs) f(clGetPlatformInfo) f(clGetDeviceIDs) f(clGetDeviceInfo)               \
    f(clCreateContext) f(clReleaseContext) f(clCreateCommandQueue) f(clReleaseCommandQueue)     \
    f(clCreateBuffer) f(clReleaseMemObject) f(clEnqueueReadBuffer) f(clEnqueueWriteBuffer)      \
    f(clEnqueueCopyBuffer) f(clEnqueueFillBuffer) f(clCreateProgramWithSource)                  \
    f(clCreateProgramWithBinary) f(clBuildProgram) f(clGetProgramBuildInfo) f(clGetProgramInfo) \
    f(clReleaseProgram) f(clCreateKernel) f(clReleaseKernel) f(clSetKernelArg)                  \
    f(clGetKernelWorkGroupInfo) f(clEnqueueNDRangeKernel) f(clFlush) f(clFinish)                \
    f(clGetEventProfilingInfo) f(clReleaseEvent)

typedef struct cl_table {
#define MEMBER(name) __typeof__(name) *name;
    CL_FUNCTIONS(MEMBER)
#undef MEMBER
} cl_table;

/// A platform and the library that serves it.
typedef struct platform_entry { const cl_table *cl; cl_platform_id id; } platform_entry;
enum { MAX_PLATFORMS = 32, MAX_DEVICES = 64 };
/// The platforms of the loader, and of drivers that it does not know if it has no GPU. Found once.
int32_t opencl_platforms(const platform_entry **entries);

typedef struct device_entry {
    const cl_table *cl;
    cl_platform_id platform;
    cl_device_id id;
    apus_cl_device_info info;
} device_entry;

/// Blocks of one size that wait for their next use.
typedef struct size_class { int64_t bytes; int32_t count, capacity; cl_mem *blocks; } size_class;
enum { MAX_CLASSES = 512 };

struct apus_cl_buffer {
    apus_cl_context *context;
    cl_mem memory;
    int64_t bytes, block_bytes;
};

struct apus_cl_kernel {
    apus_cl_context *context;
    cl_program program;
    cl_kernel kernel;
    char *key, *name;            // key: file, name and options
    apus_cl_kernel *next;        // in the same bucket
};
enum { KERNEL_BUCKETS = 256 };

/// Host memory of a write that the queue may still have to read.
typedef struct staged_write { struct staged_write *next; char bytes[]; } staged_write;

struct apus_cl_context {
    const device_entry *device;
    const cl_table *cl;
    cl_context context;
    cl_command_queue queue;
    pthread_mutex_t lock;        // held by every call on the context
    bool profiling, timing;
    cl_event *events;            // of launches since timing began
    int32_t event_count, event_capacity;
    size_class classes[MAX_CLASSES];   // in the order of sizes
    int32_t class_count;
    staged_write *staged;
    int64_t staged_bytes;
    apus_cl_kernel *kernels[KERNEL_BUCKETS];
    apus_cl_statistics statistics;
};

const device_entry *opencl_device(int32_t index);

/// Sets the calling thread's error text.
void opencl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// True if the code is CL_SUCCESS; else the error text becomes "what: CL_NAME (code)".
bool opencl_check(cl_int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *opencl_code_name(cl_int code);

// With the context's lock held:
void opencl_empty_cache(apus_cl_context *context);
bool opencl_finish(apus_cl_context *context);
void opencl_free_staged(apus_cl_context *context);   // the queue must have finished with them
void opencl_release_kernels(apus_cl_context *context);
/// The program for `source` (header and kernel file), from disk or built.
cl_program opencl_program(apus_cl_context *context, const char *const source[2],
                          const char *options,
                          const char *what);

/// The text of Kernels/`file`.cl, NUL-terminated; NULL if there is none.
const char *opencl_source(const char *file);

typedef struct sha256 { uint32_t state[8]; uint64_t bytes; uint8_t block[64]; } sha256;
void sha256_begin(sha256 *s);
void sha256_add(sha256 *s, const void *data, size_t bytes);
void sha256_end(sha256 *s, uint8_t digest[32]);

#endif
