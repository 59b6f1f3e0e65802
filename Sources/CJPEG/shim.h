#if !__has_include(<jpeglib.h>)
#error "Apus needs libjpeg-turbo. Install it with: sudo apt-get install libjpeg62-turbo-dev"
#endif
// jpeglib.h wants these before it.
#include <stddef.h>
#include <stdio.h>
#include <jpeglib.h>
