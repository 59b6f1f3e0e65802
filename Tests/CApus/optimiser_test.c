// Adam, AdamW, AMSGrad and SGD over several steps against their formulas in double.
#include "check.h"

enum { N = 1037, STEPS = 5 };

static void check_adam(bool decoupled, bool amsgrad) {
    static float p[N], g[N], m[N], v[N], top[N];
    static double ep[N], em[N], ev[N], etop[N];
    static uint16_t low[N];
    fill_random(p, N);
    for (int i = 0; i < N; i++) ep[i] = p[i], em[i] = ev[i] = etop[i] = 0, m[i] = v[i] = top[i] = 0;
    for (int step = 1; step <= STEPS; step++) {
        apus_adam s = {.lr = 0.01, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .weight_decay = 0.1,
                       .bias1 = 1 - pow(0.9, step), .bias2 = 1 - pow(0.99, step),
                           .decoupled = decoupled};
        fill_random(g, N);
        for (int i = 0; i < N; i++) {
            double grad = (double)g[i] + (decoupled ? 0 : s.weight_decay * ep[i]);
            if (decoupled) ep[i] -= s.lr * s.weight_decay * ep[i];
            em[i] = s.beta1 * em[i] + (1 - s.beta1) * grad;
            ev[i] = s.beta2 * ev[i] + (1 - s.beta2) * grad * grad;
            etop[i] = fmax(etop[i], ev[i]);
            ep[i] -= s.lr / s.bias1 * em[i] / (sqrt((amsgrad ? etop[i] : ev[i]) / s.bias2) + s.eps);
        }
        // In three parts, as if they were three tensors.
        apus_adam_part parts[3];
        const int ends[] = {0, 5, 5, N};
        for (int i = 0; i < 3; i++) {
            int at = ends[i];
            parts[i] = (apus_adam_part){.settings = s, .n = ends[i + 1] - at, .p = p + at,
                .g = g + at, .m = m + at, .v = v + at, .v_max = amsgrad ? top + at : NULL,
                .p_low = low + at};
        }
        apus_adam_step(3, parts);
    }
    CHECK(all_close(p, ep, N, 1e-5, 2e-6), "Adam, decoupled %d, AMSGrad %d", decoupled, amsgrad);
    uint32_t bits;
    memcpy(&bits, &p[N - 1], 4);
    CHECK(abs((int)low[N - 1] - (int)(bits >> 16)) <= 1, "the bf16 copy");
}

static void check_sgd(double momentum, bool nesterov) {
    static float p[N], g[N], buffer[N];
    static double ep[N], eb[N];
    fill_random(p, N);
    for (int i = 0; i < N; i++) ep[i] = p[i];
    for (int step = 0; step < STEPS; step++) {
        apus_sgd s = {.lr = 0.1, .momentum = momentum, .dampening = nesterov ? 0 : 0.2,
                      .weight_decay = 0.01, .nesterov = nesterov, .first = step == 0};
        fill_random(g, N);
        for (int i = 0; i < N; i++) {
            double grad = (double)g[i] + s.weight_decay * ep[i];
            eb[i] = step == 0 ? grad : momentum * eb[i] + (1 - s.dampening) * grad;
            ep[i] -= s.lr * (momentum == 0 ? grad : nesterov ? grad + momentum * eb[i] : eb[i]);
        }
        apus_sgd_step(&s, N, p, g, APUS_F32, momentum == 0 ? NULL : buffer);
    }
    CHECK(all_close(p, ep, N, 1e-5, 1e-6), "SGD, momentum %g, Nesterov %d", momentum, nesterov);
}

void test_optimiser(void) {
    check_adam(false, false);
    check_adam(true, false);
    check_adam(false, true);
    check_sgd(0, false);
    check_sgd(0.9, false);
    check_sgd(0.9, true);
    float p = 1;
    uint16_t g = 0x3f80;   // bf16: 1
    apus_sgd s = {.lr = 0.5};
    apus_sgd_step(&s, 1, &p, &g, APUS_BF16, NULL);
    CHECK(p == 0.5f, "bf16 gradient: %g", p);
}
