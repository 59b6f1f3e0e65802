// Error texts of the OpenCL host: one a thread, with the symbolic name of the code.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

static _Thread_local char error_text[8192];

const char *apus_cl_error(void) { return error_text; }

void opencl_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error_text, sizeof error_text, format, arguments);
    va_end(arguments);
}

bool opencl_check(cl_int code, const char *format, ...) {
    if (code == CL_SUCCESS) return true;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error_text, sizeof error_text, format, arguments);
    va_end(arguments);
    size_t used = strlen(error_text);
    snprintf(error_text + used, sizeof error_text - used, ": %s (%d)", opencl_code_name(code),
             code);
    return false;
}

#define CODES(f)                                                                              \
    f(CL_DEVICE_NOT_FOUND) f(CL_DEVICE_NOT_AVAILABLE) f(CL_COMPILER_NOT_AVAILABLE)            \
    f(CL_MEM_OBJECT_ALLOCATION_FAILURE) f(CL_OUT_OF_RESOURCES) f(CL_OUT_OF_HOST_MEMORY)       \
    f(CL_PROFILING_INFO_NOT_AVAILABLE) f(CL_MEM_COPY_OVERLAP) f(CL_BUILD_PROGRAM_FAILURE)     \
    f(CL_MAP_FAILURE) f(CL_MISALIGNED_SUB_BUFFER_OFFSET)                                      \
    f(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) f(CL_COMPILE_PROGRAM_FAILURE)             \
    f(CL_LINKER_NOT_AVAILABLE) f(CL_LINK_PROGRAM_FAILURE) f(CL_KERNEL_ARG_INFO_NOT_AVAILABLE) \
    f(CL_INVALID_VALUE) f(CL_INVALID_DEVICE_TYPE) f(CL_INVALID_PLATFORM) f(CL_INVALID_DEVICE) \
    f(CL_INVALID_CONTEXT) f(CL_INVALID_QUEUE_PROPERTIES) f(CL_INVALID_COMMAND_QUEUE)          \
    f(CL_INVALID_HOST_PTR) f(CL_INVALID_MEM_OBJECT) f(CL_INVALID_BINARY)                      \
    f(CL_INVALID_BUILD_OPTIONS) f(CL_INVALID_PROGRAM) f(CL_INVALID_PROGRAM_EXECUTABLE)        \
    f(CL_INVALID_KERNEL_NAME) f(CL_INVALID_KERNEL_DEFINITION) f(CL_INVALID_KERNEL)            \
    f(CL_INVALID_ARG_INDEX) f(CL_INVALID_ARG_VALUE) f(CL_INVALID_ARG_SIZE)                    \
    f(CL_INVALID_KERNEL_ARGS) f(CL_INVALID_WORK_DIMENSION) f(CL_INVALID_WORK_GROUP_SIZE)      \
    f(CL_INVALID_WORK_ITEM_SIZE) f(CL_INVALID_GLOBAL_OFFSET) f(CL_INVALID_EVENT_WAIT_LIST)    \
    f(CL_INVALID_EVENT) f(CL_INVALID_OPERATION) f(CL_INVALID_BUFFER_SIZE)                     \
    f(CL_INVALID_GLOBAL_WORK_SIZE) f(CL_INVALID_PROPERTY) f(CL_INVALID_COMPILER_OPTIONS)      \
    f(CL_INVALID_LINKER_OPTIONS)

const char *opencl_code_name(cl_int code) {
    switch (code) {
#define CASE(name) case name: return #name;
        CODES(CASE)
#undef CASE
    case -1001: return "CL_PLATFORM_NOT_FOUND_KHR";
    default: return code == -9999 ? "an illegal read or write in a kernel (NVIDIA)"
        : "unknown OpenCL code";
    }
}
