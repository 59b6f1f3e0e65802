// Pages of files that weights are read from.
//
// If a file is cut short under the program, the system has no bytes for its last pages, and sends
// who reads them a SIGBUS.
#include "capus/memory.h"
#include "capus/threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STRETCH = 1 << 20 };

typedef struct { uintptr_t start, end; } pages;

static void map_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const int populate_read = 22;   // of Linux 5.14; others refuse it, which does no harm
    const pages *all = context;
    uintptr_t start = all->start + (uintptr_t)task * STRETCH;
    size_t left = all->end - start;
    madvise((void *)start, left < STRETCH ? left : STRETCH, populate_read);
}

void apus_map_pages(const void *start, size_t bytes) {
    uintptr_t first = (uintptr_t)start, mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
    pages all = {first & ~mask, first + bytes};
    apus_parallel((int64_t)((all.end - all.start + STRETCH - 1) / STRETCH), map_task, &all);
}

enum { MOST_FILES = 64 };   // at a time; nobody says anything for others

static struct {
    _Atomic uintptr_t start, end;
    char *_Atomic message;
} files[MOST_FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;

/// Only calls what a signal handler may.
static void on_missing_page(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (int i = 0; i < MOST_FILES; i++) {
        if (address < atomic_load(&files[i].start) || address >= atomic_load(&files[i].end))
            continue;
        const char *message = atomic_load(&files[i].message);
        if (write(STDERR_FILENO, message, strlen(message)) < 0) _exit(1);
        _exit(1);
    }
    // None of ours: the instruction runs again, as if this handler had never been there.
    sigaction(SIGBUS, &before, NULL);
}

static void install(void) {
    static bool done;
    if (done) return;
    struct sigaction action = {.sa_sigaction = on_missing_page, .sa_flags = SA_SIGINFO};
    done = sigaction(SIGBUS, &action, &before) == 0;
}

void apus_watch_mapped_file(const void *start, size_t bytes, const char *message) {
    pthread_mutex_lock(&lock);
    install();
    for (int i = 0; i < MOST_FILES; i++) {
        if (atomic_load(&files[i].end) != 0) continue;
        char *copy = strdup(message);
        if (!copy) break;
        atomic_store(&files[i].message, copy);
        atomic_store(&files[i].start, (uintptr_t)start);
        atomic_store(&files[i].end, (uintptr_t)start + bytes);
        break;
    }
    pthread_mutex_unlock(&lock);
}

void apus_forget_mapped_file(const void *start) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_FILES; i++) {
        if (atomic_load(&files[i].start) != (uintptr_t)start) continue;
        atomic_store(&files[i].end, 0);
        atomic_store(&files[i].start, 0);
        free(atomic_exchange(&files[i].message, NULL));
    }
    pthread_mutex_unlock(&lock);
}
