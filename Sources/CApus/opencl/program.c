// Kernels by file, name and options: built once a context, binaries kept on disk.
//
// A cached program stands in a file named after the SHA-256 of its source, options, device and
// driver. It begins with a magic word and the SHA-256 of the binary. Whatever does not fit is
// ignored and built again.
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

static const char magic[] = "apuscl1";   // with its NUL
enum { DIGEST = 32, HEADER = sizeof magic + DIGEST, MAX_BINARY = 256 << 20 };

// MARK: the cache on disk

static char cache_folder[1024];
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static bool make_folder(const char *path) {
    char part[sizeof cache_folder];
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != 0) continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0755) != 0 && errno != EEXIST) return false;
    }
    return true;
}

static void find_cache_folder(void) {
    const char *own = getenv("APUS_CACHE"), *cache = getenv("XDG_CACHE_HOME"),
        *home = getenv("HOME");
    char path[sizeof cache_folder];
    int n = own && *own       ? snprintf(path, sizeof path, "%s", own)
          : cache && *cache   ? snprintf(path, sizeof path, "%s/apus", cache)
          : home && *home     ? snprintf(path, sizeof path, "%s/.cache/apus", home) : 0;
    if (n > 0 && (size_t)n < sizeof path && make_folder(path)) memcpy(cache_folder, path, (size_t)n
                                                                      + 1);
}

const char *apus_cl_cache_folder(void) {
    pthread_once(&cache_once, find_cache_folder);
    return *cache_folder ? cache_folder : NULL;
}

static void digest_of(const void *data, size_t bytes, uint8_t digest[DIGEST]) {
    sha256 s;
    sha256_begin(&s);
    sha256_add(&s, data, bytes);
    sha256_end(&s, digest);
}

/// Where the program is kept; empty if there is no cache.
static void cache_path(const apus_cl_context *c, const char *const source[2], const char *options,
                       char path[1200]) {
    const apus_cl_device_info *d = &c->device->info;
    const char *parts[] = {source[0], source[1], options, d->platform, d->vendor, d->name,
                           d->driver, d->language};
    uint8_t digest[DIGEST];
    sha256 s;
    sha256_begin(&s);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        sha256_add(&s, parts[i], strlen(parts[i]) + 1);
    sha256_end(&s, digest);
    const char *folder = apus_cl_cache_folder();
    path[0] = 0;
    if (!folder) return;
    size_t n = (size_t)snprintf(path, 1200, "%s/", folder);
    for (int i = 0; i < DIGEST; i++) n += (size_t)snprintf(path + n, 1200 - n, "%02x", digest[i]);
    snprintf(path + n, 1200 - n, ".clbin");
}

/// The binary in a cache file, to be freed; NULL if there is none or it is broken.
static uint8_t *read_binary(const char *path, size_t *bytes) {
    FILE *file = *path ? fopen(path, "rb") : NULL;
    if (!file) return NULL;
    uint8_t header[HEADER], digest[DIGEST], *binary = NULL;
    struct stat status;
    bool good = fstat(fileno(file), &status) == 0 && status.st_size > HEADER
        && status.st_size <= MAX_BINARY
             && fread(header, 1, HEADER, file) == HEADER && memcmp(header, magic,
                                                                   sizeof magic) == 0;
    if (good) {
        *bytes = (size_t)status.st_size - HEADER;
        binary = malloc(*bytes);
        good = binary && fread(binary, 1, *bytes, file) == *bytes;
    }
    fclose(file);
    if (good) {
        digest_of(binary, *bytes, digest);
        good = memcmp(digest, header + sizeof magic, DIGEST) == 0;
    }
    if (good) return binary;
    free(binary);
    return NULL;
}

/// Keeps a binary. Failure does not matter: the program is then built again next time.
static void write_binary(const char *path, const uint8_t *binary, size_t bytes) {
    char temporary[1300];
    snprintf(temporary, sizeof temporary, "%s.%ld.%p", path, (long)getpid(), (const void *)binary);
    FILE *file = fopen(temporary, "wb");
    if (!file) return;
    uint8_t digest[DIGEST];
    digest_of(binary, bytes, digest);
    bool good = fwrite(magic, 1, sizeof magic, file) == sizeof magic
        && fwrite(digest, 1, DIGEST, file) == DIGEST && fwrite(binary, 1, bytes, file) == bytes;
    good = fclose(file) == 0 && good;
    if (!good || rename(temporary, path) != 0) unlink(temporary);
}

// MARK: building

static cl_program program_from_disk(apus_cl_context *c, const char *path, const char *options) {
    size_t bytes;
    uint8_t *binary = read_binary(path, &bytes);
    if (!binary) return NULL;
    cl_int status, code;
    const unsigned char *start = binary;
    cl_program program = c->cl->clCreateProgramWithBinary(c->context, 1, &c->device->id, &bytes,
                                                          &start, &status, &code);
    free(binary);
    if (code != CL_SUCCESS) return NULL;
    if (status == CL_SUCCESS && c->cl->clBuildProgram(program, 1, &c->device->id, options, NULL,
                                                      NULL) == CL_SUCCESS)
        return program;
    c->cl->clReleaseProgram(program);
    return NULL;
}

static void keep_on_disk(apus_cl_context *c, cl_program program, const char *path) {
    size_t bytes = 0;
    if (!*path || c->cl->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes,
                                          NULL) != CL_SUCCESS)
        return;
    uint8_t *binary = bytes > 0 && bytes <= MAX_BINARY - HEADER ? malloc(bytes) : NULL;
    if (!binary) return;
    if (c->cl->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary,
                                NULL) == CL_SUCCESS)
        write_binary(path, binary, bytes);
    free(binary);
}

static void fail_with_log(apus_cl_context *c, cl_program program, cl_int code, const char *what) {
    size_t bytes = 0;
    c->cl->clGetProgramBuildInfo(program, c->device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    char *log = calloc(bytes + 1, 1);
    if (log) c->cl->clGetProgramBuildInfo(program, c->device->id, CL_PROGRAM_BUILD_LOG, bytes, log,
                                          NULL);
    opencl_fail("Building %s on %s: %s (%d)\n%s", what, c->device->info.name,
                opencl_code_name(code), code,
                log ? log : "");
    free(log);
}

cl_program opencl_program(apus_cl_context *c, const char *const source[2], const char *options,
                          const char *what) {
    char path[1200];
    cache_path(c, source, options, path);
    cl_program program = program_from_disk(c, path, options);
    if (program) return program;
    cl_int code;
    const char *texts[] = {source[0], source[1]};
    program = c->cl->clCreateProgramWithSource(c->context, 2, texts, NULL, &code);
    if (!opencl_check(code, "Creating the program of %s", what)) return NULL;
    code = c->cl->clBuildProgram(program, 1, &c->device->id, options, NULL, NULL);
    if (code == CL_SUCCESS) {
        keep_on_disk(c, program, path);
        return program;
    }
    fail_with_log(c, program, code, what);
    c->cl->clReleaseProgram(program);
    return NULL;
}

// MARK: kernels

static uint32_t bucket_of(const char *key) {
    uint32_t hash = 2166136261u;   // FNV-1a
    for (const char *p = key; *p; p++) hash = (hash ^ (uint8_t)*p) * 16777619u;
    return hash % KERNEL_BUCKETS;
}

static apus_cl_kernel *build_kernel(apus_cl_context *c, const char *file, const char *name,
                                    const char *options, const char *key) {
    const char *source[2] = {opencl_source("common"), opencl_source(file)};
    if (!source[1]) {
        opencl_fail("There is no kernel file %s.cl.", file);
        return NULL;
    }
    size_t length = strlen(options) + strlen(name) + 64;
    apus_cl_kernel *k = calloc(1, sizeof *k);
    char *all = malloc(length);
    if (k) *k = (apus_cl_kernel){.context = c, .key = strdup(key), .name = strdup(name)};
    if (k && all && k->key && k->name) {
        snprintf(all, length, "-cl-std=CL1.2 -cl-mad-enable -DKERNEL_%s=1 %s", name, options);
        k->program = opencl_program(c, source, all, key);
        cl_int code = CL_SUCCESS;
        if (k->program) k->kernel = c->cl->clCreateKernel(k->program, name, &code);
        if (k->program && !opencl_check(code, "Finding the kernel %s", key)) {
            c->cl->clReleaseProgram(k->program);
            k->program = NULL;
        }
    } else opencl_fail("No memory for the kernel %s.", key);
    free(all);
    if (k && k->program) return k;
    if (k) free(k->key), free(k->name);
    free(k);
    return NULL;
}

apus_cl_kernel *apus_cl_kernel_get(apus_cl_context *c, const char *file, const char *name,
                                   const char *options) {
    char key[1024];
    int n = snprintf(key, sizeof key, "%s.cl %s %s", file, name, options);
    if (n < 0 || (size_t)n >= sizeof key) {
        opencl_fail("The options of kernel %s are too long.", name);
        return NULL;
    }
    uint32_t bucket = bucket_of(key);
    pthread_mutex_lock(&c->lock);
    apus_cl_kernel *k = c->kernels[bucket];
    while (k && strcmp(k->key, key) != 0) k = k->next;
    if (!k && (k = build_kernel(c, file, name, options, key))) {
        k->next = c->kernels[bucket];
        c->kernels[bucket] = k;
    }
    pthread_mutex_unlock(&c->lock);
    return k;
}

int32_t apus_cl_kernel_max_group(apus_cl_kernel *k) {
    size_t largest = 0;
    apus_cl_context *c = k->context;
    pthread_mutex_lock(&c->lock);
    cl_int code = c->cl->clGetKernelWorkGroupInfo(k->kernel, c->device->id,
                                                  CL_KERNEL_WORK_GROUP_SIZE, sizeof largest,
                                                  &largest, NULL);
    pthread_mutex_unlock(&c->lock);
    return opencl_check(code, "Asking for the work-group size of %s", k->name) ? (int32_t)largest
        : -1;
}

void opencl_release_kernels(apus_cl_context *c) {
    for (int32_t i = 0; i < KERNEL_BUCKETS; i++)
        for (apus_cl_kernel *k = c->kernels[i], *next; k; k = next) {
            next = k->next;
            c->cl->clReleaseKernel(k->kernel);
            c->cl->clReleaseProgram(k->program);
            free(k->key), free(k->name), free(k);
        }
}
