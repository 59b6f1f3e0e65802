// The OpenCL host on the first device, and the kernels against their CPU twins. Without a device
// there is nothing to test.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../Sources/CApus/opencl/host.h"
#include "check.h"

static apus_cl_context *context;
static char cache[64];

// What drivers keep until the process ends is not ours.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libpocl\nleak:libOpenCL\nleak:libLLVM\nleak:libclang\n";
}

static apus_cl_buffer *upload(const void *data, int64_t bytes) {
    apus_cl_buffer *buffer = apus_cl_buffer_new(context, bytes);
    CHECK(buffer && (!data || apus_cl_write(buffer, 0, data, bytes)), "%s", apus_cl_error());
    return buffer;
}

/// Launches a kernel, and reads `bytes` of `result`.
static void run(const char *file, const char *name, const char *options,
                const apus_cl_argument *arguments, int32_t count, const int64_t global[3],
                const int64_t local[3], apus_cl_buffer *result, void *target, int64_t bytes) {
    apus_cl_kernel *kernel = apus_cl_kernel_get(context, file, name, options);
    CHECK(kernel && apus_cl_launch(kernel, arguments, count, global, local)
          && apus_cl_read(result, 0, target, bytes), "%s %s: %s", name, options, apus_cl_error());
}
#define COUNT(array) (int32_t)(sizeof(array) / sizeof *(array))

static void test_sha256(void) {
    sha256 s;
    uint8_t digest[32];
    sha256_begin(&s);
    sha256_add(&s, "abc", 3);
    sha256_end(&s, digest);
    const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
    CHECK(memcmp(digest, abc, sizeof abc) == 0, "SHA-256 of abc");
    sha256_begin(&s);
    for (int i = 0; i < 1000; i++) sha256_add(&s, "aaaaaaaaaa", 10);
    sha256_end(&s, digest);
    const uint8_t many[] = {0x27, 0xdd, 0x1f, 0x61, 0xb8, 0x67, 0xb6, 0xa0};
    CHECK(memcmp(digest, many, sizeof many) == 0, "SHA-256 of 10000 a: %02x%02x", digest[0],
          digest[1]);
}

static void test_device(void) {
    apus_cl_device_info info;
    CHECK(apus_cl_device(0, &info) && info.name[0] && info.global_memory > 0
          && info.compute_units > 0, "device 0");
    CHECK(!apus_cl_device(1000, &info) && strstr(apus_cl_error(), "1000"), "error: %s",
          apus_cl_error());
    CHECK(!apus_cl_open(-1, false), "device -1");
}

static void test_buffers(void) {
    int64_t before = apus_cl_context_statistics(context).allocations;
    float x[100], y[100];
    fill_random(x, 100);
    apus_cl_buffer *a = upload(x, sizeof x), *b = upload(NULL, sizeof x);
    CHECK(apus_cl_copy(a, 40, b, 0, 40) && apus_cl_copy(a, 0, b, 40, 360)
          && apus_cl_read(b, 0, y, sizeof y), "copy");
    CHECK(memcmp(y, x + 10, 40) == 0 && memcmp(y + 10, x, 360) == 0, "copies of parts");
    const float pattern = 2.5f;
    CHECK(apus_cl_fill(b, 8, 12, &pattern, 4) && apus_cl_read(b, 0, y, 24), "fill");
    CHECK(y[1] == x[11] && y[2] == 2.5f && y[4] == 2.5f && y[5] == x[15], "filled 2 ..< 5");
    CHECK(!apus_cl_read(a, 0, y, 401) && strstr(apus_cl_error(), "401"), "error: %s",
          apus_cl_error());
    CHECK(!apus_cl_write(a, -1, y, 4) && !apus_cl_copy(a, 0, b, 398, 4), "outside");
    apus_cl_buffer_free(a);
    apus_cl_buffer *again = apus_cl_buffer_new(context, 390);   // the same class: the freed block
    apus_cl_statistics s = apus_cl_context_statistics(context);
    CHECK(s.allocations - before <= 2 && s.bytes_used > 0 && s.bytes_peak >= s.bytes_used,
          "%lld allocations",
          (long long)(s.allocations - before));
    CHECK(s.bytes_cached == 0, "%lld bytes cached", (long long)s.bytes_cached);
    apus_cl_buffer_free(again), apus_cl_buffer_free(b);
    apus_cl_empty_cache(context);
    s = apus_cl_context_statistics(context);
    CHECK(s.bytes_cached == 0 && s.bytes_used == 0, "all returned");
    CHECK(!apus_cl_buffer_new(context, -1), "negative size");
    CHECK(!apus_cl_buffer_new(context, (int64_t)1 << 50) && strstr(apus_cl_error(), "CL_"), "%s",
          apus_cl_error());
}

/// Spoils every cached program; returns how many there were.
static int spoil_cache(void) {
    int count = 0;
    DIR *folder = opendir(cache);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", cache, entry->d_name);
        FILE *file = strstr(entry->d_name, ".clbin") ? fopen(path, "r+b") : NULL;
        if (!file) continue;
        fseek(file, 60, SEEK_SET);
        fputs("spoilt", file);
        fclose(file);
        count++;
    }
    if (folder) closedir(folder);
    return count;
}

static void test_programs(void) {
    const char *options = "-DY_TYPE=0";
    // built; read from disk; built again after the entry was spoilt
    for (int time = 0; time < 3; time++) {
        apus_cl_context *fresh = apus_cl_open(0, false);
        apus_cl_kernel *kernel = apus_cl_kernel_get(fresh, "elementwise", "iota", options);
        CHECK(kernel && kernel == apus_cl_kernel_get(fresh, "elementwise", "iota", options), "%s",
              apus_cl_error());
        CHECK(kernel && apus_cl_kernel_max_group(kernel) > 0, "%s", apus_cl_error());
        float y[10];
        apus_cl_buffer *buffer = apus_cl_buffer_new(fresh, sizeof y);
        const apus_cl_argument arguments[] = {apus_cl_long(10), apus_cl_tensor(buffer, 0),
                                              apus_cl_float(3),
                                              apus_cl_float(0.5f), apus_cl_long(0),
                                                  apus_cl_long(0)};
        CHECK(apus_cl_launch(kernel, arguments, COUNT(arguments), (int64_t[]){10, 1, 1},
                             (int64_t[]){4, 1, 1})
              && apus_cl_read(buffer, 0, y, sizeof y) && y[0] == 3 && y[9] == 7.5f, "%s",
                  apus_cl_error());
        CHECK(!apus_cl_timing_begin(fresh), "timing without profiling");
        apus_cl_buffer_free(buffer);
        apus_cl_close(fresh);
        if (time == 1) CHECK(spoil_cache() >= 1, "a cached program in %s", cache);
    }
    CHECK(!apus_cl_kernel_get(context, "nothing", "x", "") && strstr(apus_cl_error(), "nothing"),
          "%s", apus_cl_error());
    CHECK(!apus_cl_kernel_get(context, "elementwise", "unary", "-DOP=99")
          && strlen(apus_cl_error()) > 60,
          "no build log: %s", apus_cl_error());
    CHECK(!apus_cl_kernel_get(context, "elementwise", "no_such_kernel", ""), "missing kernel");
}

static void test_elementwise(void) {
    enum { ROWS = 7, COLUMNS = 33 };
    float x[ROWS * COLUMNS], row[COLUMNS], y[ROWS * COLUMNS], expected[ROWS * COLUMNS];
    double wanted[ROWS * COLUMNS];
    fill_random(x, ROWS * COLUMNS), fill_random(row, COLUMNS);
    apus_array ax = {x, APUS_F32, 2, {ROWS, COLUMNS}, {COLUMNS, 1}}, ay = ax, arow = ax;
    ay.data = expected, arow.data = row, arow.strides[0] = 0;
    const apus_array *arrays[] = {&ax, &arow, &ay};
    apus_cl_axes shape, strides[3];
    int32_t rank = apus_cl_merge_axes(arrays, 3, &shape, strides);
    CHECK(rank == 2 && shape.n[1] == COLUMNS && strides[1].n[0] == 0, "merged to %d axes", rank);
    apus_cl_buffer *bx = upload(x, sizeof x), *brow = upload(row, sizeof row),
        *by = upload(NULL, sizeof y);
    apus_cl_argument axes = apus_cl_struct(&shape, sizeof shape);
    const apus_cl_argument binary[] = {
        axes, apus_cl_long(ROWS), apus_cl_tensor(bx, 0), apus_cl_struct(&strides[0], sizeof shape),
        apus_cl_tensor(brow, 0), apus_cl_struct(&strides[1], sizeof shape),
        apus_cl_tensor(by, 0), apus_cl_struct(&strides[2], sizeof shape)};
    run("elementwise", "binary", "-DOP=2 -DRANK=2 -DX_STEP=1 -DY_STEP=1 -DZ_STEP=1", binary,
        COUNT(binary),
        (int64_t[]){9, ROWS, 1}, (int64_t[]){4, 1, 1}, by, y, sizeof y);
    apus_binary(APUS_MUL, &ax, &arow, &ay);
    for (int i = 0; i < ROWS * COLUMNS; i++) wanted[i] = expected[i];
    CHECK(all_close(y, wanted, ROWS * COLUMNS, 1e-6, 1e-7), "x row");
    const apus_array *pair[] = {&ax, &ay};
    rank = apus_cl_merge_axes(pair, 2, &shape, strides);
    CHECK(rank == 1 && shape.n[0] == ROWS * COLUMNS, "contiguous: %d axes", rank);
    const apus_cl_argument unary[] = {
        apus_cl_struct(&shape, sizeof shape), apus_cl_long(1), apus_cl_tensor(bx, 0),
        apus_cl_struct(&strides[0], sizeof shape), apus_cl_tensor(by, 0),
            apus_cl_struct(&strides[1], sizeof shape),
        apus_cl_float(0), apus_cl_float(0)};
    CHECK(apus_cl_timing_begin(context), "%s", apus_cl_error());
    run("elementwise", "unary", "-DOP=19 -DVEC=16 -DX_STEP=1 -DY_STEP=1", unary, COUNT(unary),
        (int64_t[]){15, 1, 1}, (int64_t[]){8, 1, 1}, by, y, sizeof y);
    CHECK(apus_cl_timing_end(context) > 0, "%s", apus_cl_error());
    apus_unary(APUS_GELU, 0, 0, &ax, &ay);
    for (int i = 0; i < ROWS * COLUMNS; i++) wanted[i] = expected[i];
    CHECK(all_close(y, wanted, ROWS * COLUMNS, 1e-5, 1e-6), "gelu");
    apus_cl_buffer_free(bx), apus_cl_buffer_free(brow), apus_cl_buffer_free(by);
}

static void test_rows(void) {
    enum { ROWS = 5, COLUMNS = 48 };
    float x[ROWS * COLUMNS], y[ROWS * COLUMNS], expected[ROWS * COLUMNS];
    double wanted[ROWS * COLUMNS];
    fill_random(x, ROWS * COLUMNS);
    apus_cl_buffer *bx = upload(x, sizeof x), *by = upload(NULL, sizeof y);
    const apus_cl_argument softmax[] = {apus_cl_long(COLUMNS), apus_cl_tensor(bx, 0),
                                        apus_cl_tensor(by, 0)};
    for (int group = 1; group <= 8; group *= 8) {
        char options[64];
        snprintf(options, sizeof options, "-DVEC=2 -DWG=%d -DLOG=%d", group, group == 1);
        run("softmax", "softmax", options, softmax, COUNT(softmax), (int64_t[]){ROWS * group, 1, 1},
            (int64_t[]){group, 1, 1}, by, y, sizeof y);
        apus_softmax(APUS_F32, group == 1, ROWS, COLUMNS, x, expected);
        for (int i = 0; i < ROWS * COLUMNS; i++) wanted[i] = expected[i];
        CHECK(all_close(y, wanted, ROWS * COLUMNS, 1e-5, 1e-6), "softmax, %d work-items a row",
              group);
    }
    const apus_cl_argument norm[] = {
        apus_cl_long(COLUMNS), apus_cl_float(1e-5f), apus_cl_float(0), apus_cl_tensor(bx, 0),
            apus_cl_tensor(NULL, 0),
        apus_cl_tensor(NULL, 0), apus_cl_tensor(by, 0), apus_cl_tensor(NULL, 0),
            apus_cl_tensor(NULL, 0)};
    run("normalize", "row_norm", "-DVEC=4 -DWG=4", norm, COUNT(norm), (int64_t[]){4 * ROWS, 1, 1},
        (int64_t[]){4, 1, 1}, by, y, sizeof y);
    apus_layer_norm(APUS_F32, ROWS, COLUMNS, 1e-5f, x, NULL, NULL, expected, NULL, NULL);
    for (int i = 0; i < ROWS * COLUMNS; i++) wanted[i] = expected[i];
    CHECK(all_close(y, wanted, ROWS * COLUMNS, 1e-4, 1e-5), "layer norm without weight and bias");
    apus_cl_buffer_free(bx), apus_cl_buffer_free(by);
}

/// c = relu(a b + bias) by the tiled kernel, with tiles as for a GPU and as for a CPU, against
/// apus_matmul_run.
static void test_product(void) {
    enum { M = 37, N = 50, K = 29 };
    float a[M * K], b[K * N], bias[N], c[M * N], expected[M * N];
    double wanted[M * N];
    fill_random(a, M * K), fill_random(b, K * N), fill_random(bias, N);
    apus_matmul_run(&(apus_matmul){
        .m = M, .n = N, .k = K, .a = a, .a_row = K, .a_column = 1, .b = b, .b_row = N,
        .b_column = 1, .c = expected, .c_row = N, .batch = 1, .alpha = 1, .bias = bias,
        .activation = APUS_ACTIVATION_RELU});
    for (int i = 0; i < M * N; i++) wanted[i] = expected[i];
    apus_cl_buffer *ba = upload(a, sizeof a), *bb = upload(b, sizeof b),
        *bc = upload(NULL, sizeof c);
    apus_cl_buffer *bbias = upload(bias, sizeof bias);
    apus_cl_axes none = {0};
    apus_cl_argument axes = apus_cl_struct(&none, sizeof none);
    const apus_cl_argument arguments[] = {
        apus_cl_long(M), apus_cl_long(N), apus_cl_long(K), apus_cl_float(1), apus_cl_tensor(ba, 0),
            apus_cl_long(K),
        apus_cl_long(1), apus_cl_tensor(bb, 0), apus_cl_long(N), apus_cl_long(1),
            apus_cl_tensor(bc, 0),
        apus_cl_long(N), apus_cl_tensor(bbias, 0), apus_cl_tensor(NULL, 0), apus_cl_long(0), axes,
            axes, axes, axes};
    run("matmul", "matmul", "-DACTIVATION=1 -DMWG=32 -DNWG=32 -DMDIM=8 -DNDIM=8", arguments,
        COUNT(arguments),
        (int64_t[]){16, 16, 1}, (int64_t[]){8, 8, 1}, bc, c, sizeof c);
    CHECK(all_close(c, wanted, M * N, 1e-5, 1e-5), "tiles of 32 x 32");
    run("matmul", "matmul", "-DACTIVATION=1 -DMWG=14 -DNWG=32 -DKWG=64 -DMDIM=1 -DNDIM=1 -DVEC=16",
        arguments,
        COUNT(arguments), (int64_t[]){2, 3, 1}, (int64_t[]){1, 1, 1}, bc, c, sizeof c);
    CHECK(all_close(c, wanted, M * N, 1e-5, 1e-5), "tiles of 14 x 32");
    apus_cl_buffer_free(ba), apus_cl_buffer_free(bb), apus_cl_buffer_free(bc),
        apus_cl_buffer_free(bbias);
}

/// A strided convolution with dilation against apus_conv2d_forward.
static void test_convolution(void) {
    const apus_conv2d shape = {.n = 2, .h = 7, .w = 6, .cin = 6, .cout = 10, .kh = 3, .kw = 2,
                               .oh = 3, .ow = 6,
        .stride_h = 2, .stride_w = 1, .pad_h = 1, .pad_w = 1, .dilation_h = 1, .dilation_w = 2,
            .groups = 2};
    enum { X = 2 * 7 * 6 * 6, W = 10 * 3 * 2 * 3, Y = 2 * 3 * 6 * 10 };
    float x[X], weight[W], y[Y], expected[Y];
    double wanted[Y];
    fill_random(x, X), fill_random(weight, W);
    apus_conv2d_forward(&shape, x, weight, NULL, APUS_ACTIVATION_NONE, NULL, expected);
    for (int i = 0; i < Y; i++) wanted[i] = expected[i];
    apus_cl_buffer *bx = upload(x, sizeof x), *bw = upload(weight, sizeof weight),
        *by = upload(NULL, sizeof y);
    const apus_cl_argument arguments[] = {
        apus_cl_struct(&shape, 16 * 8), apus_cl_tensor(bx, 0), apus_cl_tensor(bw, 0),
            apus_cl_tensor(NULL, 0),
        apus_cl_tensor(NULL, 0), apus_cl_tensor(by, 0)};
    run("conv2d", "conv2d", "-DMWG=8 -DNWG=8 -DKWG=4 -DMDIM=2 -DNDIM=2", arguments,
        COUNT(arguments),
        (int64_t[]){2, 10, 2}, (int64_t[]){2, 2, 1}, by, y, sizeof y);
    CHECK(all_close(y, wanted, Y, 1e-5, 1e-5), "grouped convolution");
    apus_cl_buffer_free(bx), apus_cl_buffer_free(bw), apus_cl_buffer_free(by);
}

static void remove_cache(void) {
    DIR *folder = opendir(cache);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", cache, entry->d_name);
        if (entry->d_name[0] != '.') unlink(path);
    }
    if (folder) closedir(folder);
    rmdir(cache);
}

void test_opencl(void) {
    test_sha256();
    const char *isa = getenv("APUS_ISA");
    // the CPU's instruction set plays no part: once is enough
    if (isa && strcmp(isa, "best") != 0) return;
    if (apus_cl_device_count() == 0) {
        printf("opencl: not tested: %s\n", apus_cl_error());
        return;
    }
    snprintf(cache, sizeof cache, "/tmp/apus-test-%d", getpid());
    CHECK(mkdir(cache, 0700) == 0, "a folder for the cache");
    setenv("APUS_CACHE", cache, 1);
    test_device();
    context = apus_cl_open(0, true);
    CHECK(context != NULL, "%s", apus_cl_error());
    if (!context) return;
    test_buffers();
    test_programs();
    test_elementwise();
    test_rows();
    test_product();
    test_convolution();
    apus_cl_close(context);
    remove_cache();
}
