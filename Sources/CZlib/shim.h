#if !__has_include(<zlib.h>)
#error "Apus needs zlib. Install it with: sudo apt-get install zlib1g-dev"
#endif
#include <zlib.h>
