// The headers of OpenBLAS and LAPACKE, or how to get them.
#ifndef CAPUS_LIBRARIES_H
#define CAPUS_LIBRARIES_H

#if !__has_include(<cblas.h>) || !__has_include(<lapacke.h>)
#error "Apus needs Debian packages: make deps, or sudo apt-get install pkg-config \
libopenblas-dev liblapacke-dev opencl-headers ocl-icd-libopencl1 pocl-opencl-icd"
#endif
#include <cblas.h>
#include <lapacke.h>

#endif
