// The small model that Apus carries: a GGUF file within the program.
#pragma once
#include <stddef.h>

/// The bytes of the file.
size_t apus_story_size(void);

/// Copies the file to where `size` bytes have room; none if that is too few.
void apus_story_copy(unsigned char *target, size_t size);
