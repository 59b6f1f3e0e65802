// Products of the same rows with several packed weights: x is rounded once for every kind of
// format, one parallel region computes all of them, and gates and residuals are applied while y is
// in the cache.
//
// A task is some columns of one product (or of a gate and its partner) and up to 64 rows; plain
// floats take all rows at once.
#include "capus/threads.h"
#include "quantized_product.h"

#define APUS_KERNELS "products.inc"
#include "every_isa.h"

enum { MOST_PRODUCTS = 8, ROUND_ROWS = 8, COLUMNS = 64, PLAIN_ROWS = 960 };
enum { X = 0, LAST = 1, SECOND = 3 };   // scratch slots; kernels have 2

typedef struct product_part {
    quantized_product p;         // of all rows of the pass
    const quantized_kernels *kernels;   // NULL: plain floats
    int64_t rounding;            // which of the pass's rounded x it takes
    plain_form form;             // of plain floats
    const uint8_t *stored;       // rows of w from `packed` on, as in a file, or NULL
    int64_t packed;
    int64_t columns, column_tasks;
    int64_t row_block;           // of x that a kernel takes
    int64_t task_rows;           // that a task does: all, where it packs w itself
    int64_t task;                // the first
} product_part;

typedef struct products_job {
    product_part part[MOST_PRODUCTS];
    int32_t count, roundings;
    apus_activation gate;
    int64_t m, k;
    const float *x;              // (m, k), rows x_row apart
    int64_t x_row;
    x_step *rounded;             // (roundings, row blocks, k / 32, rows of a block)
    // In the forms that products with plain floats take, or NULL: (m, words), and side by side.
    float *words[FORMS], *groups[FORMS];
    const product_part *kinds[MOST_PRODUCTS];   // a product of each rounding
} products_job;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

// MARK: x

static x_step *rounded_of(const products_job *job, int64_t rounding) {
    return job->rounded + rounding * job->m * (job->k / 32);
}

static void round_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const products_job *job = context;
    int64_t tasks = parts(job->m, ROUND_ROWS), steps = job->k / 32;
    const product_part *kind = job->kinds[task / tasks];
    int64_t row = task % tasks * ROUND_ROWS, block = row / BLOCK_ROWS * BLOCK_ROWS;
    int64_t rows = least(job->m - row, ROUND_ROWS), stride = least(job->m - block, BLOCK_ROWS);
    kind->kernels->round(kind->p.f, rows, steps, job->x + row * job->x_row, job->x_row, stride,
                         rounded_of(job, kind->rounding) + block * steps + row - block);
}

/// ROUND_ROWS rows of x to words.
static void words_task(products_job *job, plain_form form, int64_t task) {
    int64_t words = apus_plain_words(form, job->k), row = task * ROUND_ROWS;
    for (int64_t end = least(row + ROUND_ROWS, job->m); row < end; row++)
        apus_plain_row(form, job->k, job->x + row * job->x_row, job->words[form] + row * words);
}
static void pair_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    words_task(context, FORM_PAIRS, task);
}
static void whole_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    words_task(context, FORM_WHOLE, task);
}

/// One group of rows of x, in one form.
static void group_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const products_job *job = context;
    int64_t size = apus_plain_group(), count = parts(job->m, size), row = task % count * size;
    plain_form form = FORM_FLOATS;
    for (int64_t before = task / count; !job->groups[form] || before-- > 0;) form++;
    bool floats = form == FORM_FLOATS;
    int64_t k = apus_plain_words(form, job->k), x_row = floats ? job->x_row : k;
    const float *x = floats ? job->x : job->words[form];
    // Blocks of PLAIN_ROWS rows are packed each on its own.
    int64_t block = row / PLAIN_ROWS * PLAIN_ROWS;
    int64_t rows = parts(least(job->m - block, PLAIN_ROWS), size) * size;
    apus_plain_pack(form, least(size, job->m - row), k, x + row * x_row, x_row,
                    (row - block) / size, rows, job->groups[form] + block * k);
}

/// A few rows are sooner done than another thread wakes.
static void each_task(int64_t tasks, int64_t work, apus_task body, products_job *job) {
    if (work > 1 << 15) apus_parallel(tasks, body, job);
    else for (int64_t task = 0; task < tasks; task++) body(job, task, 0);
}

/// Scratch for all that is made of x.
static void place_x(products_job *job) {
    int64_t m = job->m, k = job->k, rows = parts(m, apus_plain_group()) * apus_plain_group();
    int64_t total = 64 + parts(job->roundings * m * (k / 32) * (int64_t)sizeof(x_step), 64) * 64;
    int64_t words_at[FORMS] = {}, groups_at[FORMS] = {};
    for (int32_t i = 0; i < job->count; i++) {
        plain_form form = job->part[i].form;
        if (job->part[i].kernels || words_at[form] + groups_at[form] > 0) continue;
        int64_t words = apus_plain_words(form, k) * (int64_t)sizeof(float);
        if (form != FORM_FLOATS) {
            words_at[form] = total;
            total += parts(m * words, 64) * 64 + 64;
        }
        if (m > FLOAT_FEW) {
            groups_at[form] = total;
            total += parts(rows * words, 64) * 64 + 64;
        }
    }
    char *base = apus_scratch(X, (size_t)total);
    job->rounded = (x_step *)(void *)base;
    for (int form = 0; form < FORMS; form++) {
        job->words[form] = words_at[form] ? (float *)(void *)(base + words_at[form]) : NULL;
        job->groups[form] = groups_at[form] ? (float *)(void *)(base + groups_at[form]) : NULL;
    }
}

/// Rounds x, or puts rows side by side, as the products need it.
static void prepare(products_job *job) {
    int64_t m = job->m, k = job->k, tasks = parts(m, ROUND_ROWS), groups = 0;
    place_x(job);
    if (job->roundings > 0)
        each_task(tasks * job->roundings, m * k * job->roundings, round_task, job);
    if (job->words[FORM_PAIRS]) each_task(tasks, m * k, pair_task, job);
    if (job->words[FORM_WHOLE]) each_task(tasks, m * k, whole_task, job);
    for (int form = 0; form < FORMS; form++) groups += job->groups[form] != NULL;
    if (groups) each_task(parts(m, apus_plain_group()) * groups, m * k, group_task, job);
    for (int32_t i = 0; i < job->count; i++) {
        product_part *part = &job->part[i];
        bool floats = part->form == FORM_FLOATS;
        part->p.x = part->kernels ? rounded_of(job, part->rounding) : NULL;
        part->p.groups = part->kernels ? NULL : job->groups[part->form];
        part->p.exact = floats ? job->x : job->words[part->form];
        part->p.exact_row = floats ? job->x_row : part->p.k;
    }
}

// MARK: products

/// Rows row ..< end of a product with w, columns from ..< to, to y (which begins at that row and
/// column).
static void run_rows(const product_part *part, const quantized_product *w, int64_t row,
                     int64_t end, int64_t from, int64_t to, float *y, int64_t y_row) {
    for (; row < end; row += part->row_block, y += part->row_block * y_row) {
        quantized_product p = *w;
        p.m = least(end - row, part->row_block);
        if (part->kernels) p.x += row * (p.k / 32);
        else p.exact += row * p.exact_row;
        if (p.groups) p.groups += row * p.k;   // row_block is a number of whole groups
        if (p.residual) p.residual += row * p.residual_row;
        p.y = y;
        p.y_row = y_row;
        p.y_column = from;
        p.kernel(&p, from, to);
    }
}

/// A product with columns from ..< to alone, whose rows of w are packed into scratch memory.
static quantized_product pack_panel(const product_part *part, int64_t from, int64_t to) {
    quantized_product p = part->p;
    p.n = to - from;
    uint8_t *panel = apus_scratch(PANEL, (size_t)((p.n + PACKED_ROWS) * p.w_row));
    for (int64_t column = from; column < to; column += PACKED_ROWS)
        apus_pack_group(p.f, least(PACKED_ROWS, to - column), p.w_row,
                        part->stored + column * p.w_row, panel + (column - from) * p.w_row);
    p.w = panel;
    p.last = panel + p.n / PACKED_ROWS * PACKED_ROWS * p.w_row;
    if (p.bias) p.bias += from;
    if (p.residual) p.residual += from;
    return p;
}

/// One or two rows pass by while the panel is in the level-1 cache; many are themselves read again
/// for every panel.
static int64_t panel_columns(const product_part *part, int64_t rows) {
    if (part->p.groups) return 2 * COLUMNS;
    if (!part->kernels && part->form != FORM_WHOLE) return rows > 1 ? COLUMNS : 32;
    return rows > BLOCK_ROWS ? COLUMNS : rows > 2 && part->kernels ? 32 : 16;
}

/// The same with whatever is packed of part's w, and the rest packed on the way.
static void run_part(const product_part *part, int64_t row, int64_t end, int64_t from, int64_t to,
                     float *y, int64_t y_row) {
    if (!part->stored || part->packed >= to) {
        run_rows(part, &part->p, row, end, from, to, y, y_row);
        return;
    }
    int64_t column = from, width = panel_columns(part, end - row);
    if (part->packed > from) {
        quantized_product p = part->p;
        column = p.n = part->packed;
        run_rows(part, &p, row, end, from, column, y, y_row);
    }
    for (; column < to; column += width) {
        quantized_product p = pack_panel(part, column, least(column + width, to));
        run_rows(part, &p, row, end, 0, p.n, y + column - from, y_row);
    }
}

static void product_task(void *context, int64_t task, int32_t thread) {
    (void)thread;
    const products_job *job = context;
    bool gated = job->gate != APUS_ACTIVATION_NONE;
    int32_t step = gated ? 2 : 1, i = 0;
    while (i + step < job->count && job->part[i + step].task <= task) i += step;
    const product_part *part = &job->part[i];
    task -= part->task;
    int64_t row = task / part->column_tasks * part->task_rows;
    int64_t from = task % part->column_tasks * part->columns;
    int64_t to = least(from + part->columns, part->p.n);
    int64_t end = least(row + part->task_rows, part->p.m);
    float *y = part->p.y + row * part->p.y_row + from;
    run_part(part, row, end, from, to, y, part->p.y_row);
    if (!gated) return;
    int64_t width = part->columns;
    float *second = apus_scratch(SECOND, (size_t)((end - row) * width) * sizeof *second);
    run_part(part + 1, row, end, from, to, second, width);
    APUS_BEST(gate_rows)(job->gate, end - row, to - from, y, part->p.y_row, second, width);
}

/// Long runs of columns let the hardware read ahead, but eight tasks a thread even out.
static int64_t columns_of_task(const products_job *job, const product_part *part) {
    int64_t all = 0, widest = (256 << 10) / (part->p.w_row + 1);
    for (int32_t i = 0; i < job->count; i++)
        all += job->part[i].p.n * parts(job->m, job->part[i].task_rows);
    int64_t even = least(all / (8 * apus_thread_count()), part->p.n);
    if (part->p.groups) widest = 2 * COLUMNS;   // what their sums leave of the level-2 cache
    int64_t columns = least(even, widest) / COLUMNS * COLUMNS;
    return columns < COLUMNS ? COLUMNS : columns;
}

static void multiply(products_job *job) {
    int64_t tasks = 0;
    int32_t step = job->gate != APUS_ACTIVATION_NONE ? 2 : 1;
    for (int32_t i = 0; i < job->count; i += step) {
        product_part *part = &job->part[i];
        part->columns = columns_of_task(job, part);
        part->column_tasks = parts(part->p.n, part->columns);
        part->task = tasks;
        tasks += part->column_tasks * parts(job->m, part->task_rows);
    }
    apus_parallel(tasks, product_task, job);
}

static bool same_rounding(const block_format *a, const block_format *b) {
    return a->sub == b->sub && a->offset == b->offset && a->minima == b->minima;
}

/// Finds the kernels of a product and the rounding that it shares with others.
static void place_part(products_job *job, const apus_product *product, int32_t i) {
    const block_format *f = apus_block_format(product->format);
    product_part *part = &job->part[i];
    bool plain = apus_is_plain(f);
    *part = (product_part){.kernels = plain ? NULL : apus_quantized_kernels(product->format)};
    part->form = plain ? apus_plain_form(product->format) : FORM_FLOATS;
    part->row_block = plain ? PLAIN_ROWS : BLOCK_ROWS;
    part->stored = product->w.stored;
    part->packed = product->w.packed_rows;
    part->task_rows = part->stored ? job->m : part->row_block;
    part->p = (quantized_product){
        .f = f, .kernel = plain ? apus_plain_product(product->format) : part->kernels->product,
        .m = job->m, .n = product->n, .w = product->w.packed,
        .k = plain ? apus_plain_words(part->form, job->k) : job->k, .values = job->k,
        .w_row = job->k / f->values * f->bytes, .bias = product->bias,
        .residual = product->residual, .residual_row = product->residual_row, .y = product->y,
        .y_row = product->y_row,
    };
    if (plain) return;
    while (part->rounding < job->roundings
           && !same_rounding(job->kinds[part->rounding]->p.f, f)) part->rounding++;
    if (part->rounding == job->roundings) job->kinds[job->roundings++] = part;
}

/// Packs what follows the last whole group of each weight.
static void pack_last_groups(products_job *job) {
    int64_t bytes = 0, at = 0;
    for (int32_t i = 0; i < job->count; i++) bytes += PACKED_ROWS * job->part[i].p.w_row;
    for (int32_t i = 0; i < job->count; i++) {
        quantized_product *p = &job->part[i].p;
        if (p->n % PACKED_ROWS == 0 || job->part[i].stored) continue;
        uint8_t *last = (uint8_t *)apus_scratch(LAST, (size_t)bytes + 1) + at;
        apus_pack_last(p->f, p->n, p->w_row, p->w, last);
        p->last = last;
        at += PACKED_ROWS * p->w_row;
    }
}

void apus_products(int64_t m, int64_t k, const float *x, int64_t x_row, int32_t count,
                   const apus_product *products, apus_activation gate) {
    if (m <= 0 || count <= 0 || count > MOST_PRODUCTS) return;
    products_job job = {.count = count, .gate = gate, .k = k, .x_row = x_row};
    for (int32_t i = 0; i < count; i++)
        if (!apus_block_format(products[i].format)) return;
    // Rounded rows of at most 16 MB at a time.
    int64_t most = (16 << 20) / (k / 32 * (int64_t)sizeof(x_step) + 1);
    most = most < PLAIN_ROWS ? PLAIN_ROWS : most / PLAIN_ROWS * PLAIN_ROWS;
    for (int64_t row = 0; row < m; row += most) {
        job.m = least(m - row, most);
        job.roundings = 0;
        job.x = x + row * x_row;
        for (int32_t i = 0; i < count; i++) {
            apus_product product = products[i];
            if (product.y) product.y += row * product.y_row;
            if (product.residual) product.residual += row * product.residual_row;
            place_part(&job, &product, i);
        }
        pack_last_groups(&job);
        prepare(&job);
        multiply(&job);
    }
}
