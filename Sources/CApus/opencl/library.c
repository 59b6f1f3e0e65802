// Finds OpenCL at run time: the loader, or the library that APUS_OPENCL_LIBRARY names; and, where
// these show no GPU, drivers that are installed without being registered with the loader (common in
// containers).
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static platform_entry platforms[MAX_PLATFORMS];
static int32_t platform_count;
static pthread_once_t platforms_once = PTHREAD_ONCE_INIT;

/// The table of a library that exports the API; NULL if a function is missing.
static const cl_table *table_of_library(void *library) {
    cl_table *table = calloc(1, sizeof *table);
    if (!table) return NULL;
    bool complete = true;
#define FIND(name) complete &= (table->name = (__typeof__(name) *)dlsym(library, #name)) != NULL;
    CL_FUNCTIONS(FIND)
#undef FIND
    if (complete) return table;
    free(table);
    return NULL;
}

/// The table of a driver's platform: its first member points at the functions (the ICD convention).
static const cl_table *table_of_platform(cl_platform_id platform) {
    const cl_icd_dispatch *dispatch = *(const cl_icd_dispatch *const *)platform;
    cl_table *table = calloc(1, sizeof *table);
    if (!table) return NULL;
#define COPY(name) table->name = (__typeof__(name) *)dispatch->name;
    CL_FUNCTIONS(COPY)
#undef COPY
    return table;
}

static void add(const cl_table *cl, cl_platform_id id) {
    for (int32_t i = 0; i < platform_count; i++)
        if (platforms[i].id == id) return;
    if (platform_count < MAX_PLATFORMS && cl) platforms[platform_count++] = (platform_entry){cl,
            id};
}

/// Adds the platforms of a loader, or of a driver that exports the whole API.
static void add_loader(const char *path) {
    void *library = path && *path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    const cl_table *cl = library ? table_of_library(library) : NULL;
    cl_platform_id ids[MAX_PLATFORMS];
    cl_uint count = 0;
    if (!cl || cl->clGetPlatformIDs(MAX_PLATFORMS, ids, &count) != CL_SUCCESS) return;
    for (cl_uint i = 0; i < count && i < MAX_PLATFORMS; i++) add(cl, ids[i]);
}

/// Adds the platforms of a driver through the entry points that loaders use.
static bool add_driver(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return false;
    typedef void *(*find_function)(const char *);
    typedef cl_int (*find_platforms)(cl_uint, cl_platform_id *, cl_uint *);
    find_function find = (find_function)dlsym(library, "clGetExtensionFunctionAddress");
    find_platforms get = (find_platforms)dlsym(library, "clIcdGetPlatformIDsKHR");
    if (!get && find) get = (find_platforms)find("clIcdGetPlatformIDsKHR");
    cl_platform_id ids[MAX_PLATFORMS];
    cl_uint count = 0;
    if (!get || get(MAX_PLATFORMS, ids, &count) != CL_SUCCESS) return false;
    for (cl_uint i = 0; i < count && i < MAX_PLATFORMS; i++) add(table_of_platform(ids[i]), ids[i]);
    return count > 0;
}

static const char *const folders[] = {
    "", "/usr/lib/x86_64-linux-gnu/", "/usr/lib/aarch64-linux-gnu/", "/usr/lib64/", "/usr/lib/",
    "/usr/local/nvidia/lib64/", "/usr/local/nvidia/lib/", "/usr/local/cuda/lib64/",
        "/opt/rocm/lib/",
    "/opt/rocm/opencl/lib/", "/opt/amdgpu-pro/lib/x86_64-linux-gnu/",
        "/usr/lib/x86_64-linux-gnu/intel-opencl/",
    "/usr/lib64/intel-opencl/", "/usr/local/lib/"};
// A driver, and what it loads by bare name itself: found in its folder first, where that is not on
// the search path.
static const char *const drivers[][5] = {
    {"libnvidia-opencl.so.1", "libcuda.so.1", "libnvidia-nvvm.so.4", "libnvidia-nvvm70.so.4",
     "libnvidia-ptxjitcompiler.so.1"},
    {"libamdocl64.so"},
    {"libigdrcl.so"}};

static void add_unregistered_drivers(void) {
    for (size_t d = 0; d < sizeof drivers / sizeof *drivers; d++)
        for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
            char path[512];
            for (size_t i = 1; *folders[f] && i < 5 && drivers[d][i]; i++) {
                snprintf(path, sizeof path, "%s%s", folders[f], drivers[d][i]);
                dlopen(path, RTLD_NOW | RTLD_GLOBAL);
            }
            snprintf(path, sizeof path, "%s%s", folders[f], drivers[d][0]);
            if (add_driver(path)) break;
        }
}

static bool any_gpu(void) {
    for (int32_t i = 0; i < platform_count; i++) {
        cl_uint count = 0;
        cl_int code = platforms[i].cl->clGetDeviceIDs(platforms[i].id, CL_DEVICE_TYPE_GPU, 0, NULL,
                                                      &count);
        if (code == CL_SUCCESS && count > 0) return true;
    }
    return false;
}

static void find_platforms(void) {
    const char *named = getenv("APUS_OPENCL_LIBRARY");
    if (named && *named) {
        add_loader(named);
        if (platform_count == 0) add_driver(named);
        return;
    }
    add_loader("libOpenCL.so.1");
    if (platform_count == 0) add_loader("libOpenCL.so");
    if (!any_gpu()) add_unregistered_drivers();
}

int32_t opencl_platforms(const platform_entry **entries) {
    pthread_once(&platforms_once, find_platforms);
    *entries = platforms;
    return platform_count;
}
