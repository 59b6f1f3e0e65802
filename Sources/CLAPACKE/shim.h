#if !__has_include(<lapacke.h>)
#error "Apus needs LAPACKE. Install it with: sudo apt-get install liblapacke-dev"
#endif
#include <lapacke.h>
