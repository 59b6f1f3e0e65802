/// The places of the fewest numbers with the largest keys whose weights make up a share of all.
struct Nucleus {
    private(set) var places: [Int] = []
    /// Whether the largest key stands first, and so on down; else they stand in their own order.
    private(set) var isSorted = true

    init(_ share: Float, weights: [Float], keys: [Float]) {
        let goal = Double(share) * weights.reduce(0) { $0 + Double($1) }
        // Most often a few suffice; where they do not, sorting all would take long.
        places = Nucleus.prefix(largest(256, of: keys), of: weights, upTo: goal) ?? []
        if !places.isEmpty { return }
        isSorted = false
        let histogram = Histogram(keys, weights)
        let (last, missing) = histogram.bin(holding: goal)
        var edge: [Int] = []
        for place in keys.indices {
            let bin = histogram.bin(of: keys[place])
            if bin < last { places.append(place) }
            if bin == last { edge.append(place) }
        }
        let order = largest(edge.count, of: edge.map { keys[$0] }).map { edge[$0] }
        places += Nucleus.prefix(order, of: weights, upTo: missing) ?? order
    }

    /// The first of some places whose weights reach a goal; nil if all together do not.
    private static func prefix(_ places: [Int], of weights: [Float], upTo goal: Double) -> [Int]? {
        var sum = 0.0
        for (rank, place) in places.enumerated() {
            sum += Double(weights[place])
            if sum >= goal { return Array(places[...rank]) }
        }
        return nil
    }
}

/// The weights of keys in equal steps of these, from the largest key down.
private struct Histogram {
    private static let count = 2048
    private let highest: Float
    private let scale: Float
    private var sums = [Double](repeating: 0, count: count)

    init(_ keys: [Float], _ weights: [Float]) {
        let finite = keys.lazy.filter { $0.isFinite }
        highest = finite.reduce(-.greatestFiniteMagnitude) { max($0, $1) }
        let lowest = finite.reduce(.greatestFiniteMagnitude) { min($0, $1) }
        scale = highest > lowest ? Float(Histogram.count - 1) / (highest - lowest) : 0
        for place in keys.indices { sums[bin(of: keys[place])] += Double(weights[place]) }
    }

    func bin(of key: Float) -> Int {
        let steps = (highest - key) * scale
        return steps >= 0 && steps < Float(Histogram.count) ? Int(steps) : Histogram.count - 1
    }

    /// The bin in which the sum from the top reaches a goal, and how much it needs to add.
    func bin(holding goal: Double) -> (bin: Int, missing: Double) {
        var sum = 0.0
        for (bin, weight) in sums.enumerated() {
            if sum + weight >= goal { return (bin, goal - sum) }
            sum += weight
        }
        return (Histogram.count - 1, .infinity)
    }
}
