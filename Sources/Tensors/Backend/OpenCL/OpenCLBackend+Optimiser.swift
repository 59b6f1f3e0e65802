extension OpenCLBackend {
    package func step(_ updates: [OptimiserUpdate]) {
        for update in updates {
            step(update)
            if let copy = update.narrowCopy { self.copy(update.parameter, into: copy) }
        }
    }

    private func step(_ update: OptimiserUpdate) {
        let (parameter, gradient, state) = (update.parameter, update.gradient, update.state)
        let width = description.isCPU ? 8 : 4
        let type: KernelOptions = [("G_TYPE", gradient.dtype.option), ("VEC", width)]
        let operands: [KernelArgument] = [
            .long(parameter.count), .tensor(parameter), .tensor(gradient),
        ]
        let global = [roundedUp(parameter.count, width)]
        switch update.step {
        case .adam(
            let lr, let beta1, let beta2, let epsilon, let decay, let bias1, let bias2,
            let decoupled):
            // What is close to 1 is subtracted here, in double.
            let numbers = [
                lr / bias1, beta1, 1 - beta1, beta2, 1 - beta2, epsilon,
                decoupled ? lr * decay : decay, bias2,
            ]
            launch(
                "optimiser", "adam", type + [("DECOUPLED", decoupled ? 1 : 0)],
                operands + [
                    .tensor(state[0]), .tensor(state[1]),
                    .optional(state.count > 2 ? state[2] : nil),
                ] + numbers.map { .float(Float($0)) },
                global: global, local: [64])
        case .sgd(let lr, let momentum, let dampening, let decay, let nesterov, let first):
            launch(
                "optimiser", "sgd",
                type + [("NESTEROV", nesterov ? 1 : 0), ("FIRST_STEP", first ? 1 : 0)],
                operands + [.optional(state.first)]
                    + [lr, momentum, 1 - dampening, decay].map { .float(Float($0)) },
                global: global, local: [64])
        }
    }
}
