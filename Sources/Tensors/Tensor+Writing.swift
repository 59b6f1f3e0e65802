extension Tensor {
    /// Puts `part` (of the same rank) in the place that begins at `start`, converted to this tensor's type: in place if
    /// nobody else holds this tensor, else in a copy.
    package mutating func write(_ part: Tensor, at start: [Int]) {
        require(
            start.count == rank && part.rank == rank
                && shape.indices.allSatisfy {
                    start[$0] >= 0 && start[$0] + part.shape[$0] <= shape[$0]
                },
            "write: \(part.shape) at \(start) does not fit in \(shape)")
        guard part.count > 0 else { return }
        let isWhole = layout.isContiguous && storage.bytes == count * dtype.size
        if !isWhole || !isKnownUniquelyReferenced(&storage) { self = copied() }
        self = detached
        let hole = shape.indices.reduce(layout) {
            $0.sliced(axis: $1, start: start[$1], count: part.shape[$1], step: 1)
        }
        backend.copy(part.detached, into: view(hole))
    }
}
