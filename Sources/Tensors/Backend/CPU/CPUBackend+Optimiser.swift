import CApus

extension CPUBackend {
    /// All of Adam's in one call: small parameters then share a job, and keep the threads busy.
    package func step(_ updates: [OptimiserUpdate]) {
        withExtendedLifetime(updates) {
            let adam = updates.compactMap(apus_adam_part.init)
            if !adam.isEmpty { apus_adam_step(Int64(adam.count), adam) }
            for update in updates { update.descend() }
        }
    }
}

extension apus_adam_part {
    fileprivate init?(_ u: OptimiserUpdate) {
        guard
            case .adam(
                let lr, let beta1, let beta2, let epsilon, let decay, let bias1, let bias2,
                let decoupled) = u.step
        else { return nil }
        self.init(
            settings: apus_adam(
                lr: lr, beta1: beta1, beta2: beta2, eps: epsilon, weight_decay: decay,
                bias1: bias1, bias2: bias2, decoupled: decoupled),
            n: Int64(u.parameter.count), p: u.parameter.pointer(),
            g: UnsafeRawPointer(u.gradient.address), g_type: u.gradient.dtype.c,
            m: u.state[0].pointer(), v: u.state[1].pointer(),
            v_max: u.state.count > 2 ? u.state[2].pointer() : nil,
            p_low: u.narrowCopy?.address)
    }
}

extension OptimiserUpdate {
    /// The step, if it is one of gradient descent.
    fileprivate func descend() {
        guard
            case .sgd(
                let lr, let momentum, let dampening, let decay, let nesterov, let first) = step
        else { return }
        var c = apus_sgd(
            lr: lr, momentum: momentum, dampening: dampening, weight_decay: decay,
            nesterov: nesterov, first: first)
        apus_sgd_step(
            &c, Int64(parameter.count), parameter.pointer(), gradient.address, gradient.dtype.c,
            state.first?.pointer())
    }
}
