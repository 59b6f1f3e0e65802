// Blocks of 16 rows side by side, the order in which the CPU's products read them.
#ifndef BLOCK_PACK_H
#define BLOCK_PACK_H

#include "block_formats.h"

enum { PACKED_ROWS = 16 };

/// Packs `rows` (at most 16) rows, row_bytes apart; the others are zeros. packed: (16, row_bytes).
void apus_pack_group(const block_format *f, int64_t rows, int64_t row_bytes, const uint8_t *blocks,
                     uint8_t *packed);

/// The same for plain floats of 2 or 4 bytes, k of each of 16 rows.
void apus_pack_plain(int32_t bytes, int64_t k, int64_t row_bytes, const uint8_t *rows,
                     uint8_t *packed);

#endif
