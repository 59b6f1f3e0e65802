// PNG in memory. libpng calls `fail` on an error, which jumps back to the function that began.
#include "cpictures.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    jmp_buf back;
    char *problem;
    const uint8_t *input;
    size_t left;
    uint8_t *output;
    size_t count, room;
} session;

static void fail(png_structp png, const char *message) {
    session *s = png_get_error_ptr(png);
    snprintf(s->problem, CPICTURES_PROBLEM, "%s", message);
    longjmp(s->back, 1);
}

static void ignore(png_structp png, const char *message) {
    (void)png;
    (void)message;
}

static void take(png_structp png, uint8_t *target, size_t count) {
    session *s = png_get_io_ptr(png);
    if (count > s->left) png_error(png, "it ends before the picture does");
    memcpy(target, s->input, count);
    s->input += count;
    s->left -= count;
}

static void put(png_structp png, uint8_t *source, size_t count) {
    session *s = png_get_io_ptr(png);
    if (count > s->room - s->count) {
        size_t room = 2 * s->room + count;
        uint8_t *grown = realloc(s->output, room);
        if (!grown) png_error(png, "out of memory");
        s->output = grown;
        s->room = room;
    }
    memcpy(s->output + s->count, source, count);
    s->count += count;
}

static void flush(png_structp png) { (void)png; }

// Reads the beginning and asks for 8-bit samples without palette.
static cpictures_size begin(png_structp png, png_infop info, session *s) {
    png_set_read_fn(png, s, take);
    png_set_user_limits(png, 1 << 20, 1 << 20);
    png_set_chunk_malloc_max(png, 1 << 24);
    png_read_info(png, info);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    return (cpictures_size){png_get_image_width(png, info), png_get_image_height(png, info),
                            png_get_channels(png, info)};
}

int cpictures_png_size(const uint8_t *bytes, size_t count, cpictures_size *size, char *problem) {
    session s = {.problem = problem, .input = bytes, .left = count};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, fail, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int failed = info == NULL || setjmp(s.back);
    if (!failed) *size = begin(png, info, &s);
    if (png) png_destroy_read_struct(&png, &info, NULL);
    return failed;
}

int cpictures_png_read(const uint8_t *bytes, size_t count, cpictures_size size, uint8_t *pixels,
                       char *problem) {
    session s = {.problem = problem, .input = bytes, .left = count};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, fail, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    uint8_t **rows = malloc(size.height * sizeof *rows);  // (height) beginnings of rows
    int failed = info == NULL || rows == NULL || setjmp(s.back);
    if (!failed) {
        cpictures_size found = begin(png, info, &s);
        if (memcmp(&found, &size, sizeof size)) png_error(png, "its size changed");
        size_t stride = (size_t)size.width * size.channels;
        for (size_t y = 0; y < size.height; y++) rows[y] = pixels + y * stride;
        png_read_image(png, rows);
        png_read_end(png, NULL);
    }
    free(rows);
    if (png) png_destroy_read_struct(&png, &info, NULL);
    return failed;
}

int cpictures_png_write(const uint8_t *pixels, cpictures_size size, uint8_t **bytes, size_t *count,
                        char *problem) {
    static const int colors[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                 PNG_COLOR_TYPE_RGB_ALPHA};
    session s = {.problem = problem};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &s, fail, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int failed = info == NULL || setjmp(s.back);
    if (!failed) {
        png_set_write_fn(png, &s, put, flush);
        png_set_user_limits(png, 1 << 20, 1 << 20);
        png_set_IHDR(png, info, size.width, size.height, 8, colors[size.channels - 1],
                     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_write_info(png, info);
        size_t stride = (size_t)size.width * size.channels;
        for (size_t y = 0; y < size.height; y++) png_write_row(png, pixels + y * stride);
        png_write_end(png, NULL);
    }
    if (png) png_destroy_write_struct(&png, &info);
    if (failed) free(s.output);
    *bytes = failed ? NULL : s.output;
    *count = failed ? 0 : s.count;
    return failed;
}

void cpictures_free(uint8_t *bytes) { free(bytes); }
