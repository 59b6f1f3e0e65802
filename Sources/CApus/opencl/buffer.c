// Buffers from a caching allocator. Sizes are rounded up to classes, eight in every doubling, so
// that a freed block serves the next request of about its size. The queue is in order: a block may
// be handed on while earlier commands still use it.
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum : int64_t { SMALLEST_BLOCK = 512, MAX_STAGED_WRITE = 1 << 20, MAX_STAGED_BYTES = 16 << 20 };

static int64_t class_bytes(int64_t bytes) {
    if (bytes <= SMALLEST_BLOCK) return SMALLEST_BLOCK;
    int64_t step = (int64_t)1 << (63 - __builtin_clzll((uint64_t)bytes - 1)) >> 3;
    if (step < SMALLEST_BLOCK) step = SMALLEST_BLOCK;
    return (bytes + step - 1) / step * step;
}

/// The class of a size; made if it is new. NULL when there are too many: then the block is not
/// kept.
static size_class *find_class(apus_cl_context *c, int64_t bytes) {
    int32_t low = 0, high = c->class_count;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (c->classes[middle].bytes < bytes) low = middle + 1;
        else high = middle;
    }
    if (low < c->class_count && c->classes[low].bytes == bytes) return &c->classes[low];
    if (c->class_count == MAX_CLASSES) return NULL;
    size_t moved = (size_t)(c->class_count - low) * sizeof(size_class);
    memmove(&c->classes[low + 1], &c->classes[low], moved);
    c->class_count++;
    c->classes[low] = (size_class){.bytes = bytes};
    return &c->classes[low];
}

void opencl_empty_cache(apus_cl_context *c) {
    for (int32_t i = 0; i < c->class_count; i++) {
        size_class *class = &c->classes[i];
        while (class->count > 0) c->cl->clReleaseMemObject(class->blocks[--class->count]);
    }
    c->statistics.bytes_cached = 0;
}

void apus_cl_empty_cache(apus_cl_context *c) {
    pthread_mutex_lock(&c->lock);
    opencl_empty_cache(c);
    pthread_mutex_unlock(&c->lock);
}

static cl_mem new_block(apus_cl_context *c, int64_t bytes) {
    size_class *class = find_class(c, bytes);
    if (class && class->count > 0) {
        c->statistics.bytes_cached -= bytes;
        return class->blocks[--class->count];
    }
    cl_int code;
    cl_mem block = c->cl->clCreateBuffer(c->context, CL_MEM_READ_WRITE, (size_t)bytes, NULL, &code);
    if (code != CL_SUCCESS && c->statistics.bytes_cached > 0) {
        c->cl->clFinish(c->queue);   // what the driver still holds for old commands becomes free
        opencl_empty_cache(c);
        block = c->cl->clCreateBuffer(c->context, CL_MEM_READ_WRITE, (size_t)bytes, NULL, &code);
    }
    if (!opencl_check(code, "Allocating %lld bytes on %s, with %lld in use", (long long)bytes,
                      c->device->info.name, (long long)c->statistics.bytes_used)) return NULL;
    c->statistics.allocations++;
    return block;
}

apus_cl_buffer *apus_cl_buffer_new(apus_cl_context *c, int64_t bytes) {
    if (bytes < 0 || bytes > INT64_MAX / 4) {
        opencl_fail("A buffer cannot have %lld bytes.", (long long)bytes);
        return NULL;
    }
    apus_cl_buffer *buffer = malloc(sizeof *buffer);
    if (!buffer) {
        opencl_fail("No memory on the host.");
        return NULL;
    }
    *buffer = (apus_cl_buffer){.context = c, .bytes = bytes, .block_bytes = class_bytes(bytes)};
    pthread_mutex_lock(&c->lock);
    buffer->memory = new_block(c, buffer->block_bytes);
    if (buffer->memory) {
        c->statistics.bytes_used += buffer->block_bytes;
        if (c->statistics.bytes_used > c->statistics.bytes_peak)
            c->statistics.bytes_peak = c->statistics.bytes_used;
    }
    pthread_mutex_unlock(&c->lock);
    if (buffer->memory) return buffer;
    free(buffer);
    return NULL;
}

/// Keeps a block for its class; false if it must go back to the driver.
static bool keep_block(size_class *class, cl_mem block) {
    if (!class) return false;
    if (class->count == class->capacity) {
        int32_t capacity = class->capacity ? 2 * class->capacity : 4;
        cl_mem *blocks = realloc(class->blocks, (size_t)capacity * sizeof *blocks);
        if (!blocks) return false;
        class->blocks = blocks, class->capacity = capacity;
    }
    class->blocks[class->count++] = block;
    return true;
}

void apus_cl_buffer_free(apus_cl_buffer *buffer) {
    if (!buffer) return;
    apus_cl_context *c = buffer->context;
    pthread_mutex_lock(&c->lock);
    c->statistics.bytes_used -= buffer->block_bytes;
    if (keep_block(find_class(c, buffer->block_bytes), buffer->memory))
        c->statistics.bytes_cached += buffer->block_bytes;
    else c->cl->clReleaseMemObject(buffer->memory);
    pthread_mutex_unlock(&c->lock);
    free(buffer);
}

int64_t apus_cl_buffer_bytes(const apus_cl_buffer *buffer) { return buffer->bytes; }

apus_cl_statistics apus_cl_context_statistics(apus_cl_context *c) {
    pthread_mutex_lock(&c->lock);
    apus_cl_statistics result = c->statistics;
    pthread_mutex_unlock(&c->lock);
    return result;
}

// MARK: transfers

static bool in_range(const apus_cl_buffer *b, int64_t offset, int64_t bytes, const char *what) {
    if (offset >= 0 && bytes >= 0 && offset <= b->bytes && bytes <= b->bytes - offset) return true;
    opencl_fail("%s of %lld bytes at %lld lies outside of a buffer of %lld bytes.", what,
                (long long)bytes,
                (long long)offset, (long long)b->bytes);
    return false;
}

/// A small write goes through a copy, so that nobody waits for the queue.
static cl_int write_staged(apus_cl_context *c, cl_mem target, size_t offset, const void *source,
                           size_t bytes) {
    staged_write *staged = malloc(sizeof *staged + bytes);
    if (!staged) return CL_OUT_OF_HOST_MEMORY;
    memcpy(staged->bytes, source, bytes);
    cl_int code = c->cl->clEnqueueWriteBuffer(c->queue, target, CL_FALSE, offset, bytes,
                                              staged->bytes, 0, NULL, NULL);
    if (code != CL_SUCCESS) {
        free(staged);
        return code;
    }
    staged->next = c->staged, c->staged = staged;
    c->staged_bytes += (int64_t)bytes;
    if (c->staged_bytes > MAX_STAGED_BYTES && !opencl_finish(c)) return CL_OUT_OF_RESOURCES;
    return CL_SUCCESS;
}

bool apus_cl_write(apus_cl_buffer *b, int64_t offset, const void *source, int64_t bytes) {
    if (!in_range(b, offset, bytes, "A write")) return false;
    if (bytes == 0) return true;
    apus_cl_context *c = b->context;
    pthread_mutex_lock(&c->lock);
    size_t o = (size_t)offset, n = (size_t)bytes;
    cl_int code = bytes <= MAX_STAGED_WRITE
        ? write_staged(c, b->memory, o, source, n)
        : c->cl->clEnqueueWriteBuffer(c->queue, b->memory, CL_TRUE, o, n, source, 0, NULL, NULL);
    c->statistics.writes++, c->statistics.bytes_written += bytes;
    pthread_mutex_unlock(&c->lock);
    return opencl_check(code, "Writing %lld bytes to a buffer", (long long)bytes);
}

bool apus_cl_read(apus_cl_buffer *b, int64_t offset, void *target, int64_t bytes) {
    if (!in_range(b, offset, bytes, "A read")) return false;
    if (bytes == 0) return true;
    apus_cl_context *c = b->context;
    pthread_mutex_lock(&c->lock);
    cl_int code = c->cl->clEnqueueReadBuffer(c->queue, b->memory, CL_TRUE, (size_t)offset,
                                             (size_t)bytes, target,
                                             0, NULL, NULL);
    if (code == CL_SUCCESS) opencl_free_staged(c);   // the queue is in order: all writes are done
    c->statistics.reads++, c->statistics.bytes_read += bytes;
    pthread_mutex_unlock(&c->lock);
    return opencl_check(code, "Reading %lld bytes from a buffer", (long long)bytes);
}

bool apus_cl_copy(apus_cl_buffer *source, int64_t source_offset, apus_cl_buffer *target,
                  int64_t target_offset, int64_t bytes) {
    if (!in_range(source, source_offset, bytes, "A copy")) return false;
    if (!in_range(target, target_offset, bytes, "A copy")) return false;
    if (source->context != target->context) {
        opencl_fail("A copy cannot go from one OpenCL device to another.");
        return false;
    }
    if (bytes == 0) return true;
    apus_cl_context *c = source->context;
    pthread_mutex_lock(&c->lock);
    cl_int code = c->cl->clEnqueueCopyBuffer(c->queue, source->memory, target->memory,
                                             (size_t)source_offset,
                                             (size_t)target_offset, (size_t)bytes, 0, NULL, NULL);
    pthread_mutex_unlock(&c->lock);
    return opencl_check(code, "Copying %lld bytes between buffers", (long long)bytes);
}

bool apus_cl_fill(apus_cl_buffer *b, int64_t offset, int64_t bytes, const void *pattern,
                  int32_t pattern_bytes) {
    if (!in_range(b, offset, bytes, "A fill")) return false;
    if (bytes == 0) return true;
    apus_cl_context *c = b->context;
    pthread_mutex_lock(&c->lock);
    cl_int code = c->cl->clEnqueueFillBuffer(c->queue, b->memory, pattern, (size_t)pattern_bytes,
                                             (size_t)offset,
                                             (size_t)bytes, 0, NULL, NULL);
    pthread_mutex_unlock(&c->lock);
    return opencl_check(code, "Filling %lld bytes with a pattern of %d", (long long)bytes,
                        pattern_bytes);
}
