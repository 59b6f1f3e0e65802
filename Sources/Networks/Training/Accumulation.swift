public import Tensors

extension TrainingPlan {
    /// A step's examples, cut into the batches that are computed one after another.
    public func batches(_ indices: [Int32]) -> [[Int32]] {
        let size = max(1, indices.count / max(1, accumulate))
        return stride(from: 0, to: indices.count, by: size).map {
            Array(indices[$0..<min($0 + size, indices.count)])
        }
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
