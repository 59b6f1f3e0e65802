// Blocks in the order of a GGUF file, row after row, to the order in which products read them, and
// back: 16 rows side by side. Of each block along a row, word 0 of the 16 rows (64 bytes), word 1
// and so on, then, where blocks are an odd number of halves, the half that is left (32 bytes). A
// vector thus holds the same codes of 16 rows, no sum over lanes is needed, and the rows are one
// stream of memory. The bytes are as many as before. Rows after the last 16 stay in the file's
// order.
//
// The 32 high bits of a block of Q5_0 and Q5_1 are put in the order of the codes' bytes: bit
// 4 g + i to bit g of byte i.
#include "block_pack.h"
#include "capus/threads.h"

/// Where a format's lone half stands in its block, and its word of high bits; -1: nowhere.
typedef struct { int32_t words, half_at, words_at, high_word; } block_words;

static block_words words_of(const block_format *f) {
    bool half_first = f->values == 32;
    block_words w = {.words = f->bytes / 4, .half_at = -1, .high_word = -1};
    if (f->bytes % 4) {
        w.half_at = half_first ? 0 : f->bytes - 2;
        w.words_at = half_first ? 2 : 0;
    }
    if (f->values == 32 && f->bytes == 22) w.high_word = 0;   // Q5_0
    if (f->values == 32 && f->bytes == 24) w.high_word = 1;   // Q5_1
    return w;
}

/// Swaps bits i and i + shift where bit i of mask is set.
static uint32_t swap_bits(uint32_t x, int shift, uint32_t mask) {
    uint32_t differ = (x ^ x >> shift) & mask;
    return x ^ differ ^ differ << shift;
}

/// Rotates the five bits of every bit's index by two: two passes, each of which gathers even bits
/// in the low half and odd ones in the high half (or undoes that).
static uint32_t permute_high(uint32_t x, bool back) {
    static const uint32_t masks[] = {0x22222222, 0x0c0c0c0c, 0x00f000f0, 0x0000ff00};
    for (int i = 0; i < 8; i++) {
        int step = back ? 3 - i % 4 : i % 4;
        x = swap_bits(x, 1 << step, masks[step]);
    }
    return x;
}

static inline uint32_t word_at(const uint8_t *p) { uint32_t w; memcpy(&w, p, 4); return w; }

/// Four words of each of 16 rows, row_bytes apart, to four times 16 words.
static inline void pack_four_words(int64_t row_bytes, const uint8_t *in, uint8_t *out) {
    typedef uint32_t words __attribute__((vector_size(16)));
    for (int r = 0; r < PACKED_ROWS; r += 4) {
        words w[4], pair[4], column[4];
        for (int i = 0; i < 4; i++) memcpy(&w[i], in + (r + i) * row_bytes, 16);
        for (int i = 0; i < 4; i += 2) {
            pair[i] = __builtin_shufflevector(w[i], w[i + 1], 0, 4, 1, 5);
            pair[i + 1] = __builtin_shufflevector(w[i], w[i + 1], 2, 6, 3, 7);
        }
        for (int i = 0; i < 2; i++) {
            column[2 * i] = __builtin_shufflevector(pair[i], pair[i + 2], 0, 1, 4, 5);
            column[2 * i + 1] = __builtin_shufflevector(pair[i], pair[i + 2], 2, 3, 6, 7);
        }
        for (int i = 0; i < 4; i++) memcpy(out + (i * PACKED_ROWS + r) * 4, &column[i], 16);
    }
}

void apus_pack_group(const block_format *f, int64_t rows, int64_t row_bytes, const uint8_t *blocks,
                     uint8_t *packed) {
    if (f->values == 1 && rows == PACKED_ROWS)
        return apus_pack_plain(f->bytes, row_bytes / f->bytes, row_bytes, blocks, packed);
    block_words words = words_of(f);
    bool whole = rows == PACKED_ROWS;
    if (!whole) memset(packed, 0, (size_t)(PACKED_ROWS * row_bytes));
    for (int64_t b = 0; b < row_bytes; b += f->bytes) {
        const uint8_t *in = blocks + b, *next = blocks + PACKED_ROWS * (row_bytes + b);
        uint8_t *out = packed + b * PACKED_ROWS;
        // Whoever packs this group soon packs the next: to the level-2 cache.
        for (int64_t i = 0; whole && i < PACKED_ROWS * f->bytes; i += 64)
            __builtin_prefetch(next + i, 0, 2);
        for (int64_t i = 0; i < words.words; i++) {
            const uint8_t *at = in + words.words_at + 4 * i;
            if (whole && i + 4 <= words.words && i > words.high_word) {
                pack_four_words(row_bytes, at, out + i * PACKED_ROWS * 4);
                i += 3;
                continue;
            }
            for (int64_t r = 0; r < rows; r++) {
                uint32_t w = word_at(at + r * row_bytes);
                if (i == words.high_word) w = permute_high(w, false);
                memcpy(out + (i * PACKED_ROWS + r) * 4, &w, 4);
            }
        }
        if (words.half_at < 0) continue;
        for (int64_t r = 0; r < rows; r++)
            memcpy(out + words.words * 64 + r * 2, in + r * row_bytes + words.half_at, 2);
    }
}

static void unpack_group(const block_format *f, int64_t row_bytes, const uint8_t *packed,
                         uint8_t *blocks) {
    block_words words = words_of(f);
    for (int64_t b = 0; b < row_bytes; b += f->bytes) {
        const uint8_t *in = packed + b * PACKED_ROWS;
        for (int64_t r = 0; r < PACKED_ROWS; r++) {
            uint8_t *out = blocks + r * row_bytes + b;
            for (int64_t i = 0; i < words.words; i++) {
                uint32_t w = word_at(in + (i * PACKED_ROWS + r) * 4);
                if (i == words.high_word) w = permute_high(w, true);
                memcpy(out + words.words_at + 4 * i, &w, 4);
            }
            if (words.half_at >= 0) memcpy(out + words.half_at, in + words.words * 64 + r * 2, 2);
        }
    }
}

typedef struct {
    const block_format *f;
    int64_t row_bytes;
    const uint8_t *from;
    uint8_t *to;
    bool back;
} pack_job;

static void pack_task(void *context, int64_t group, int32_t thread) {
    (void)thread;
    const pack_job *job = context;
    int64_t bytes = PACKED_ROWS * job->row_bytes;
    const uint8_t *from = job->from + group * bytes;
    uint8_t *to = job->to + group * bytes;
    if (from == to) {
        uint8_t *copy = apus_scratch(0, (size_t)bytes);
        from = memcpy(copy, from, (size_t)bytes);
    }
    if (job->back) unpack_group(job->f, job->row_bytes, from, to);
    else apus_pack_group(job->f, PACKED_ROWS, job->row_bytes, from, to);
}

static void reorder(apus_format format, int64_t rows, int64_t columns, const void *from, void *to,
                    bool back) {
    const block_format *f = apus_block_format(format);
    if (!f) return;
    pack_job job = {f, columns / f->values * f->bytes, from, to, back};
    apus_parallel(rows / PACKED_ROWS, pack_task, &job);
    int64_t done = rows / PACKED_ROWS * PACKED_ROWS * job.row_bytes;
    int64_t left = rows % PACKED_ROWS * job.row_bytes;
    if (from != to && left > 0) memcpy((uint8_t *)to + done, (const uint8_t *)from + done,
                                       (size_t)left);
}

void apus_pack_blocks(apus_format format, int64_t rows, int64_t columns, const void *blocks,
                      void *packed) {
    reorder(format, rows, columns, blocks, packed, false);
}

void apus_unpack_blocks(apus_format format, int64_t rows, int64_t columns, const void *packed,
                        void *blocks) {
    reorder(format, rows, columns, packed, blocks, true);
}
