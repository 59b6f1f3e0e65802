// Headers only: the loader library is found at run time, so that apus starts without it.
#if !__has_include(<CL/cl.h>)
#error "Apus needs the OpenCL headers. Install them with: sudo apt-get install opencl-headers"
#endif
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
