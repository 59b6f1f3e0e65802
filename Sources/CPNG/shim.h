#if !__has_include(<png.h>)
#error "Apus needs libpng. Install it with: sudo apt-get install libpng-dev"
#endif
#include <png.h>
