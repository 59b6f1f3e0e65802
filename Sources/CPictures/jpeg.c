// JPEG in memory. libjpeg calls `fail` on an error, which jumps back to the function that began.
#include "cpictures.h"

#include <stddef.h>
#include <stdio.h>
// After stdio.h, which they need.
#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    struct jpeg_error_mgr errors;  // first: libjpeg knows the session by it
    jmp_buf back;
    char *problem;
} session;

static void fail(j_common_ptr jpeg) {
    session *s = (session *)jpeg->err;
    char message[JMSG_LENGTH_MAX];
    s->errors.format_message(jpeg, message);
    snprintf(s->problem, CPICTURES_PROBLEM, "%s", message);
    longjmp(s->back, 1);
}

// Damage counts as an error, except bytes between segments, which cameras leave and which harm
// nothing.
static void note(j_common_ptr jpeg, int level) {
    if (level < 0 && jpeg->err->msg_code != JWRN_EXTRANEOUS_DATA) fail(jpeg);
}

static void prepare(session *s, char *problem) {
    jpeg_std_error(&s->errors);
    s->errors.error_exit = fail;
    s->errors.emit_message = note;
    s->problem = problem;
}

static cpictures_size begin(struct jpeg_decompress_struct *jpeg, const uint8_t *bytes,
                            size_t count) {
    jpeg_create_decompress(jpeg);
    jpeg->mem->max_memory_to_use = 1L << 30;
    jpeg_mem_src(jpeg, bytes, count);
    jpeg_read_header(jpeg, TRUE);
    int is_gray = jpeg->num_components == 1;
    int has_inks = jpeg->num_components == 4;
    jpeg->out_color_space = is_gray ? JCS_GRAYSCALE : has_inks ? JCS_CMYK : JCS_RGB;
    return (cpictures_size){jpeg->image_width, jpeg->image_height, is_gray ? 1 : 3};
}

int cpictures_jpeg_size(const uint8_t *bytes, size_t count, cpictures_size *size, char *problem) {
    session s;
    prepare(&s, problem);
    struct jpeg_decompress_struct jpeg = {.err = &s.errors};
    int failed = setjmp(s.back);
    if (!failed) *size = begin(&jpeg, bytes, count);
    jpeg_destroy_decompress(&jpeg);
    return failed;
}

// Four inks to three lights; Adobe's files have the inks upside down.
static void to_rgb(const uint8_t *inks, uint8_t *row, size_t width, int is_inverted) {
    for (size_t x = 0; x < width; x++) {
        int flip = is_inverted ? 0 : 255;
        int black = inks[4 * x + 3] ^ flip;
        for (int c = 0; c < 3; c++) {
            row[3 * x + c] = (uint8_t)(((inks[4 * x + c] ^ flip) * black + 127) / 255);
        }
    }
}

// Progressive files may have one scan or thousands, each of which takes the time of a picture.
enum { MOST_SCANS = 500 };

static void limit_scans(j_common_ptr jpeg) {
    if (((j_decompress_ptr)jpeg)->input_scan_number > MOST_SCANS) {
        session *s = (session *)jpeg->err;
        snprintf(s->problem, CPICTURES_PROBLEM, "it has more than %d scans", MOST_SCANS);
        longjmp(s->back, 1);
    }
}

int cpictures_jpeg_read(const uint8_t *bytes, size_t count, cpictures_size size, uint8_t *pixels,
                        char *problem) {
    session s;
    prepare(&s, problem);
    struct jpeg_decompress_struct jpeg = {.err = &s.errors};
    struct jpeg_progress_mgr progress = {.progress_monitor = limit_scans};
    uint8_t *inks = malloc(4 * (size_t)size.width);  // (width, 4)
    int failed = inks == NULL || setjmp(s.back);
    if (!failed) {
        cpictures_size found = begin(&jpeg, bytes, count);
        if (memcmp(&found, &size, sizeof size)) ERREXIT(&jpeg, JERR_IMAGE_TOO_BIG);
        jpeg.progress = &progress;
        jpeg_start_decompress(&jpeg);
        size_t stride = (size_t)size.width * size.channels;
        while (jpeg.output_scanline < jpeg.output_height) {
            uint8_t *row = pixels + jpeg.output_scanline * stride;
            uint8_t *target = jpeg.out_color_space == JCS_CMYK ? inks : row;
            jpeg_read_scanlines(&jpeg, &target, 1);
            if (target == inks) to_rgb(inks, row, size.width, jpeg.saw_Adobe_marker);
        }
        jpeg_finish_decompress(&jpeg);
    }
    free(inks);
    jpeg_destroy_decompress(&jpeg);
    return failed;
}

int cpictures_jpeg_write(const uint8_t *pixels, cpictures_size size, int quality, uint8_t **bytes,
                         size_t *count, char *problem) {
    session s;
    prepare(&s, problem);
    struct jpeg_compress_struct jpeg = {.err = &s.errors};
    // libjpeg keeps the address of these until the end, also of an end by longjmp.
    unsigned char *volatile output = NULL;
    unsigned long length = 0;
    int failed = setjmp(s.back);
    if (!failed) {
        jpeg_create_compress(&jpeg);
        jpeg_mem_dest(&jpeg, (unsigned char **)&output, &length);
        jpeg.image_width = size.width;
        jpeg.image_height = size.height;
        jpeg.input_components = (int)size.channels;
        jpeg.in_color_space = size.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
        jpeg_set_defaults(&jpeg);
        jpeg_set_quality(&jpeg, quality, TRUE);
        jpeg_start_compress(&jpeg, TRUE);
        size_t stride = (size_t)size.width * size.channels;
        while (jpeg.next_scanline < jpeg.image_height) {
            uint8_t *row = (uint8_t *)pixels + jpeg.next_scanline * stride;
            jpeg_write_scanlines(&jpeg, &row, 1);
        }
        jpeg_finish_compress(&jpeg);
    }
    jpeg_destroy_compress(&jpeg);
    if (failed) free(output);
    *bytes = failed ? NULL : output;
    *count = failed ? 0 : length;
    return failed;
}
