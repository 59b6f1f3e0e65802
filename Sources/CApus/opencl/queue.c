// The queue: setting arguments, launching, timing, waiting; and how strided arrays are handed to
// kernels.
#include <stdlib.h>
#include <string.h>

#include "host.h"

/// Sets one argument from kernel argument *index on. A tensor takes two.
static cl_int set_argument(const cl_table *cl, cl_kernel kernel, cl_uint *index,
                           const apus_cl_argument *a) {
    switch (a->kind) {
    case APUS_CL_TENSOR: {
        cl_int code = cl->clSetKernelArg(kernel, (*index)++, sizeof(cl_mem), a->buffer
                                         ? &a->buffer->memory : NULL);
        if (code != CL_SUCCESS) return code;
        return cl->clSetKernelArg(kernel, (*index)++, sizeof(cl_long), &a->value);
    }
    case APUS_CL_VALUE:
        return cl->clSetKernelArg(kernel, (*index)++, (size_t)a->bytes, &a->value);
    case APUS_CL_STRUCT:
        return cl->clSetKernelArg(kernel, (*index)++, (size_t)a->bytes, a->pointer);
    case APUS_CL_LOCAL:
        return cl->clSetKernelArg(kernel, (*index)++, (size_t)a->bytes, NULL);
    }
    return CL_INVALID_VALUE;
}

/// Where the event of the next launch goes; NULL if it is not timed.
static cl_event *next_event(apus_cl_context *c) {
    if (!c->timing) return NULL;
    if (c->event_count == c->event_capacity) {
        int32_t capacity = c->event_capacity ? 2 * c->event_capacity : 64;
        cl_event *events = realloc(c->events, (size_t)capacity * sizeof *events);
        if (!events) return NULL;
        c->events = events, c->event_capacity = capacity;
    }
    return &c->events[c->event_count];
}

static bool launch(apus_cl_kernel *k, const apus_cl_argument *arguments, int32_t count,
                   const size_t global[3], const size_t local[3]) {
    apus_cl_context *c = k->context;
    cl_uint index = 0;
    for (int32_t i = 0; i < count; i++) {
        cl_int code = set_argument(c->cl, k->kernel, &index, &arguments[i]);
        if (!opencl_check(code, "Setting argument %d of kernel %s (%s)", i, k->name,
                          k->key)) return false;
    }
    cl_event *event = next_event(c);
    cl_int code = c->cl->clEnqueueNDRangeKernel(c->queue, k->kernel, 3, NULL, global, local, 0,
                                                NULL, event);
    if (code == CL_SUCCESS) {
        c->event_count += event != NULL;
        c->statistics.launches++;
    }
    return opencl_check(code,
                        "Launching kernel %s (%s) on %zu x %zu x %zu work-items in groups of "
                        "%zu x %zu x %zu",
                        k->name, k->key, global[0], global[1], global[2], local[0], local[1],
                            local[2]);
}

bool apus_cl_launch(apus_cl_kernel *k, const apus_cl_argument *arguments, int32_t count,
                    const int64_t global[3], const int64_t local[3]) {
    size_t g[3], l[3];
    for (int i = 0; i < 3; i++) {
        if (global[i] <= 0) return true;
        l[i] = local[i] > 0 ? (size_t)local[i] : 1;
        g[i] = ((size_t)global[i] + l[i] - 1) / l[i] * l[i];
    }
    pthread_mutex_lock(&k->context->lock);
    bool done = launch(k, arguments, count, g, l);
    pthread_mutex_unlock(&k->context->lock);
    return done;
}

bool apus_cl_flush(apus_cl_context *c) {
    pthread_mutex_lock(&c->lock);
    cl_int code = c->cl->clFlush(c->queue);
    pthread_mutex_unlock(&c->lock);
    return opencl_check(code, "Flushing the queue");
}

void opencl_free_staged(apus_cl_context *c) {
    for (staged_write *next; c->staged; c->staged = next) {
        next = c->staged->next;
        free(c->staged);
    }
    c->staged_bytes = 0;
}

bool opencl_finish(apus_cl_context *c) {
    cl_int code = c->cl->clFinish(c->queue);
    opencl_free_staged(c);
    return opencl_check(code, "Waiting for the queue of %s", c->device->info.name);
}

bool apus_cl_finish(apus_cl_context *c) {
    pthread_mutex_lock(&c->lock);
    bool done = opencl_finish(c);
    pthread_mutex_unlock(&c->lock);
    return done;
}

// MARK: timing

bool apus_cl_timing_begin(apus_cl_context *c) {
    if (!c->profiling) {
        opencl_fail("Launches can be timed only on a context that was opened with profiling.");
        return false;
    }
    pthread_mutex_lock(&c->lock);
    for (int32_t i = 0; i < c->event_count; i++) c->cl->clReleaseEvent(c->events[i]);
    c->event_count = 0, c->timing = true;
    pthread_mutex_unlock(&c->lock);
    return true;
}

double apus_cl_timing_end(apus_cl_context *c) {
    pthread_mutex_lock(&c->lock);
    bool good = c->timing && opencl_finish(c);
    double nanoseconds = 0;
    for (int32_t i = 0; i < c->event_count; i++) {
        cl_ulong from = 0, to = 0;
        cl_event event = c->events[i];
        cl_int code = c->cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof from,
                                                     &from, NULL);
        if (code == CL_SUCCESS)
            code = c->cl->clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof to, &to,
                                                  NULL);
        good = opencl_check(code, "Timing a launch") && good;
        nanoseconds += (double)(to - from);
        c->cl->clReleaseEvent(event);
    }
    c->event_count = 0, c->timing = false;
    pthread_mutex_unlock(&c->lock);
    return good ? nanoseconds * 1e-9 : -1;
}

// MARK: strided arrays

int32_t apus_cl_merge_axes(const apus_array *const *arrays, int32_t count, apus_cl_axes *shape,
                           apus_cl_axes *strides) {
    memset(shape, 0, sizeof *shape);
    memset(strides, 0, (size_t)count * sizeof *strides);
    int32_t rank = 0;
    for (int32_t axis = 0; axis < arrays[0]->rank; axis++) {
        int64_t length = arrays[0]->shape[axis];
        if (length == 1) continue;
        // The axis before continues into this one if every array steps over it as a whole.
        bool merged = rank > 0;
        for (int32_t i = 0; merged && i < count; i++)
            merged = strides[i].n[rank - 1] == arrays[i]->strides[axis] * length;
        if (!merged) rank++;
        shape->n[rank - 1] = merged ? shape->n[rank - 1] * length : length;
        for (int32_t i = 0; i < count; i++) strides[i].n[rank - 1] = arrays[i]->strides[axis];
    }
    if (rank == 0) shape->n[rank++] = 1;
    return rank;
}
