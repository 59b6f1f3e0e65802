public import Tensors

extension TrainingPlan {
    /// The numbers of a step's batches, counted from the first step.
    public func numbers(_ step: Int) -> [Int] {
        (0..<accumulate).map { step * accumulate + $0 }
    }
}

extension ParameterStore {
    /// The mean over batches of a value and its gradients, one batch at a time: memory for one is enough.
    ///
    /// - Parameter value: of the i-th batch, one number.
    public func meanAndGradients<Batch>(
        over batches: [Batch], scale: Float = 1, _ value: (Int, Batch) throws -> Tensor
    ) rethrows -> (value: Double, gradients: Gradients) {
        let share = 1 / Float(max(1, batches.count))
        var total: Gradients?
        var mean = 0.0
        for (i, batch) in batches.enumerated() {
            var (loss, gradients) = try valueAndGradients(scale: scale) { try value(i, batch) }
            mean += Double(loss.item()) * Double(share)
            gradients.scale(share)
            if total == nil { total = gradients } else { total?.add(gradients) }
        }
        return (mean, total ?? Gradients([]))
    }
}
