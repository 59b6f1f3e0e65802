// Devices: enumeration in a stable order, what each can do, opening and closing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static device_entry devices[MAX_DEVICES];
static int32_t device_count;
static pthread_once_t devices_once = PTHREAD_ONCE_INIT;

// Queries outside the core headers.
enum { NV_CAPABILITY_MAJOR = 0x4000, NV_CAPABILITY_MINOR = 0x4001, NV_WARP_SIZE = 0x4003,
       AMD_WAVEFRONT_WIDTH = 0x4043 };

/// A text that lives as long as the process.
static const char *text(const device_entry *d, cl_device_info what) {
    size_t bytes = 0;
    if (d->cl->clGetDeviceInfo(d->id, what, 0, NULL, &bytes) != CL_SUCCESS || bytes == 0) return "";
    char *result = calloc(bytes + 1, 1);
    if (!result) return "";
    d->cl->clGetDeviceInfo(d->id, what, bytes, result, NULL);   // stays empty where this fails
    return result;
}

static int64_t number(const device_entry *d, cl_device_info what) {
    uint64_t value = 0;   // the shorter answers fill its low bytes: all our hosts are little-endian
    if (d->cl->clGetDeviceInfo(d->id, what, sizeof value, &value, NULL) != CL_SUCCESS) return 0;
    return (int64_t)value;
}

static const char *platform_name(const device_entry *d) {
    size_t bytes = 0;
    d->cl->clGetPlatformInfo(d->platform, CL_PLATFORM_NAME, 0, NULL, &bytes);
    char *result = calloc(bytes + 1, 1);
    if (!result) return "";
    d->cl->clGetPlatformInfo(d->platform, CL_PLATFORM_NAME, bytes, result, NULL);
    return result;
}

static void describe(device_entry *d) {
    const char *extensions = text(d, CL_DEVICE_EXTENSIONS);
    bool nvidia = number(d, CL_DEVICE_VENDOR_ID) == 0x10de;
    int64_t type = number(d, CL_DEVICE_TYPE);
    int64_t major = nvidia ? number(d, NV_CAPABILITY_MAJOR) : 0;
    int64_t capability = nvidia ? major * 10 + number(d, NV_CAPABILITY_MINOR) : 0;
    bool gpu = (type & CL_DEVICE_TYPE_GPU) != 0;
    d->info = (apus_cl_device_info){
        .name = text(d, CL_DEVICE_NAME),
        .vendor = text(d, CL_DEVICE_VENDOR),
        .driver = text(d, CL_DRIVER_VERSION),
        .language = text(d, CL_DEVICE_OPENCL_C_VERSION),
        .platform = platform_name(d),
        .global_memory = number(d, CL_DEVICE_GLOBAL_MEM_SIZE),
        .local_memory = number(d, CL_DEVICE_LOCAL_MEM_SIZE),
        .max_allocation = number(d, CL_DEVICE_MAX_MEM_ALLOC_SIZE),
        .compute_units = (int32_t)number(d, CL_DEVICE_MAX_COMPUTE_UNITS),
        .clock_mhz = (int32_t)number(d, CL_DEVICE_MAX_CLOCK_FREQUENCY),
        .max_work_group = (int32_t)number(d, CL_DEVICE_MAX_WORK_GROUP_SIZE),
        .vector_width = (int32_t)number(d, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT),
        .lanes = (int32_t)number(d, nvidia ? NV_WARP_SIZE : AMD_WAVEFRONT_WIDTH),
        .nvidia_capability = (int32_t)capability,
        .is_cpu = (type & CL_DEVICE_TYPE_CPU) != 0,
        .is_gpu = gpu,
        .half_arithmetic = strstr(extensions, "cl_khr_fp16") != NULL,
        .subgroups = strstr(extensions, "cl_khr_subgroups")
            || strstr(extensions, "cl_intel_subgroups"),
        .integer_dot = strstr(extensions, "cl_khr_integer_dot_product")
            || (nvidia && capability >= 61),
        .nvidia_ptx = nvidia && gpu,
        .unified_memory = number(d, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0,
    };
    if (*extensions) free((void *)extensions);
}

static void find_devices(void) {
    const platform_entry *platforms;
    int32_t platform_count = opencl_platforms(&platforms);
    for (int32_t p = 0; p < platform_count; p++) {
        cl_device_id ids[MAX_DEVICES];
        cl_uint count = 0;
        cl_int code = platforms[p].cl->clGetDeviceIDs(platforms[p].id, CL_DEVICE_TYPE_ALL,
                                                      MAX_DEVICES, ids, &count);
        for (cl_uint i = 0; code == CL_SUCCESS && i < count && device_count < MAX_DEVICES; i++) {
            device_entry *d = &devices[device_count++];
            *d = (device_entry){.cl = platforms[p].cl, .platform = platforms[p].id, .id = ids[i]};
            describe(d);
        }
    }
}

const device_entry *opencl_device(int32_t index) {
    int32_t count = apus_cl_device_count();
    if (index >= 0 && index < count) return &devices[index];
    if (count > 0)
        opencl_fail("There is no OpenCL device %d; there are %d, counted from 0.", index, count);
    return NULL;
}

int32_t apus_cl_device_count(void) {
    pthread_once(&devices_once, find_devices);
    if (device_count == 0)
        opencl_fail("No OpenCL device was found. Install a driver (for the CPU: sudo apt-get "
                    "install pocl-opencl-icd), or name its library in APUS_OPENCL_LIBRARY.");
    return device_count;
}

bool apus_cl_device(int32_t index, apus_cl_device_info *info) {
    const device_entry *d = opencl_device(index);
    if (d) *info = d->info;
    return d != NULL;
}

apus_cl_context *apus_cl_open(int32_t device, bool profiling) {
    const device_entry *d = opencl_device(device);
    if (!d) return NULL;
    apus_cl_context *context = calloc(1, sizeof *context);
    if (!context) {
        opencl_fail("No memory for an OpenCL context.");
        return NULL;
    }
    context->device = d, context->cl = d->cl, context->profiling = profiling;
    pthread_mutex_init(&context->lock, NULL);
    cl_int code;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)d->platform, 0};
    context->context = d->cl->clCreateContext(properties, 1, &d->id, NULL, NULL, &code);
    if (opencl_check(code, "Opening the OpenCL device %s", d->info.name)) {
        cl_command_queue_properties wanted = profiling ? CL_QUEUE_PROFILING_ENABLE : 0;
        context->queue = d->cl->clCreateCommandQueue(context->context, d->id, wanted, &code);
        if (opencl_check(code, "Creating a queue on %s", d->info.name)) return context;
        d->cl->clReleaseContext(context->context);
    }
    pthread_mutex_destroy(&context->lock);
    free(context);
    return NULL;
}

void apus_cl_close(apus_cl_context *context) {
    if (!context) return;
    if (context->timing) apus_cl_timing_end(context);
    pthread_mutex_lock(&context->lock);
    opencl_finish(context);
    opencl_empty_cache(context);
    for (int32_t i = 0; i < context->class_count; i++) free(context->classes[i].blocks);
    opencl_release_kernels(context);
    context->cl->clReleaseCommandQueue(context->queue);
    context->cl->clReleaseContext(context->context);
    pthread_mutex_unlock(&context->lock);
    pthread_mutex_destroy(&context->lock);
    free(context->events);
    free(context);
}
