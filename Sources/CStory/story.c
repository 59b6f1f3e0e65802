// `make story-model` writes the file: a storyteller that this program trained on stories of its own
// making.
#include "story.h"

#include <string.h>

static const unsigned char story[] = {
#embed "story.gguf"
};

size_t apus_story_size(void) { return sizeof story; }

void apus_story_copy(unsigned char *target, size_t size) {
    if (size >= sizeof story) memcpy(target, story, sizeof story);
}
