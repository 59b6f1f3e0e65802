// The OpenCL host: devices, buffers, programs, queue. Found at run time; every call that can fail returns NULL or a
// negative code and leaves a one-line text (symbolic name, what was asked, build log) in apus_cl_error().
#ifndef CAPUS_OPENCL_H
#define CAPUS_OPENCL_H

#include "base.h"

/// The text of the calling thread's last OpenCL failure.
const char *apus_cl_error(void);

#endif
