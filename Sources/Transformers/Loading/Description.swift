import Networks

extension ParameterStore {
    /// A line about a model: "llama 135 M Q4_1".
    func described(_ type: String) -> String {
        // A quantised store knows its elements by their shapes.
        let count = Double(self.count)
        let size =
            switch count {
            case 1e9...: "\((count / 1e8).rounded() / 10) B"
            case 1e6...: "\(Int((count / 1e6).rounded())) M"
            default: "\(Int((count / 1e3).rounded())) k"
            }
        return "\(type) \(size) \(mostCommonFormat)"
    }

    /// The type that holds the most numbers.
    private var mostCommonFormat: String {
        var counts: [String: Int] = [:]
        for parameter in all { counts[parameter.storedFormat, default: 0] += parameter.count }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ""
    }
}
