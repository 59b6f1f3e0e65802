// The one thread pool. Workers spin briefly after a job and then sleep.
#ifndef CAPUS_THREADS_H
#define CAPUS_THREADS_H

#include "base.h"

/// Work on task `task` of a job, on thread `thread` (0 ..< apus_thread_count()).
typedef void (*apus_task)(void *context, int64_t task, int32_t thread);

/// Runs body for every task in 0 ..< tasks and returns when all are done. Each thread takes the
/// tasks of a stretch of its own in order and then helps with what is left of the others', so a
/// task must write only what is its own: then the result does not depend on the number of threads.
/// A call from inside a task runs its tasks one after the other on that thread.
void apus_parallel(int64_t tasks, apus_task body, void *context);

/// Threads that work on a job, the caller included: 1 to 256. Set before or between jobs.
int32_t apus_thread_count(void);
void apus_set_thread_count(int32_t count);

/// Scratch memory of the calling thread, at least `bytes` long and 64-byte aligned; slots 0 ..< 6
/// are independent blocks. It is valid until the thread asks for the same slot again, and is kept
/// for later calls.
void *apus_scratch(int32_t slot, size_t bytes);

#endif
