extension Tensor: CustomStringConvertible {
    /// The values as nested lists, long axes cut to their ends, with shape, type and device.
    public var description: String {
        let place = device == .cpu ? "" : " on \(device)"
        return "\(listed())  \(shape) \(dtype)\(place)"
    }

    private func listed() -> String {
        guard rank > 0 else { return format(item()) }
        let shown = 3
        let length = shape[0]
        let cut = length > 2 * shown + 1
        let kept = cut ? Array(0..<shown) + Array(length - shown..<length) : Array(0..<length)
        var parts = rank == 1 ? detached.indexSelected(kept) : kept.map { detached[$0].listed() }
        if cut { parts.insert("…", at: shown) }
        return "[" + parts.joined(separator: rank == 1 ? ", " : ",\n ") + "]"
    }

    private func indexSelected(_ kept: [Int]) -> [String] {
        let values = scalars()
        return kept.map { format(values[$0]) }
    }

    private func format(_ value: Float) -> String {
        switch dtype {
        case .bool: value != 0 ? "true" : "false"
        case .f32, .bf16, .f16: "\(value)"
        default: "\(Int(value))"
        }
    }
}
