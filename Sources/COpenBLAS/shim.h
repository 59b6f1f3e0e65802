#if !__has_include(<cblas.h>)
#error "Apus needs OpenBLAS. Install it with: sudo apt-get install libopenblas-dev"
#endif
#include <cblas.h>
