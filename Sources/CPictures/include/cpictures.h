// PNG and JPEG by libpng and libjpeg. Both report errors by longjmp, which must not cross Swift's
// frames; here it ends inside each function, which returns 0, or 1 with one line in `problem`.
//
// Pixels lie as (height, width, channels) bytes; channels are 1 gray, 2 gray with alpha, 3 RGB or
// 4 RGBA.
#ifndef CPICTURES_H
#define CPICTURES_H

#include <stddef.h>
#include <stdint.h>

enum { CPICTURES_PROBLEM = 200 };

typedef struct {
    uint32_t width, height, channels;
} cpictures_size;

// What a file holds, from its beginning alone.
int cpictures_png_size(const uint8_t *bytes, size_t count, cpictures_size *size, char *problem);
int cpictures_jpeg_size(const uint8_t *bytes, size_t count, cpictures_size *size, char *problem);

// Decodes into pixels[height * width * channels] of the size that the functions above gave. Deeper
// samples are scaled to 8 bits, palettes expanded, CMYK turned to RGB. A file that ends early or is
// damaged is an error.
int cpictures_png_read(const uint8_t *bytes, size_t count, cpictures_size size, uint8_t *pixels,
                       char *problem);
int cpictures_jpeg_read(const uint8_t *bytes, size_t count, cpictures_size size, uint8_t *pixels,
                        char *problem);

// Encodes; *bytes is to be given back to cpictures_free. JPEG takes 1 or 3 channels, quality 1 to
// 100.
int cpictures_png_write(const uint8_t *pixels, cpictures_size size, uint8_t **bytes, size_t *count,
                        char *problem);
int cpictures_jpeg_write(const uint8_t *pixels, cpictures_size size, int quality, uint8_t **bytes,
                         size_t *count, char *problem);
void cpictures_free(uint8_t *bytes);

#endif
