// Blocks of 16 rows side by side, the order in which the CPU's products read them.
#ifndef BLOCK_PACK_H
#define BLOCK_PACK_H

#include "block_formats.h"

enum { PACKED_ROWS = 16 };

/// Packs `rows` (at most 16) rows, row_bytes apart; the others are zeros. packed: (16, row_bytes).
void apus_pack_group(const block_format *f, int64_t rows, int64_t row_bytes, const uint8_t *blocks,
                     uint8_t *packed);

#endif
