// Attention of a few rows, as when a model generates token by token.
#ifndef ATTENTION_DECODE_H
#define ATTENTION_DECODE_H

#include "attention_rows.h"

/// Whether the call has few enough rows a key head, and contiguous channels in k and v.
bool attention_decodes(const attention_job *job);

/// Computes such a call.
void attention_decode(const attention_job *job);

#endif
