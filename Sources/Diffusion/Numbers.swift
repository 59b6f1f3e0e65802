import Glibc

/// `count` numbers from start to stop, both included. In the order of operations that NumPy has, because the results are
/// rounded to whole timesteps.
func evenlySpaced(from start: Double, to stop: Double, _ count: Int) -> [Double] {
    guard count > 1 else { return count == 1 ? [start] : [] }
    let step = (stop - start) / Double(count - 1)
    return (0..<count).map { $0 == count - 1 ? stop : Double($0) * step + start }
}

/// A timestep without its fraction; what is no number becomes 0.
func whole(_ t: Double) -> Int { t.isFinite ? Int(min(max(t, -1e9), 1e9)) : 0 }

/// Fails where the noise levels of the steps are no numbers or do not move: of bounds that have no path between them.
func checkPath(_ sigmas: some Sequence<Double>, _ sampler: String) throws(SamplerError) {
    let moves = zip(sigmas, sigmas.dropFirst()).allSatisfy { $0 != $1 }
    guard moves, sigmas.allSatisfy({ $0.isFinite }) else {
        throw SamplerError(
            "\(sampler): there is no path of noise levels: \(Array(sigmas.prefix(4))) …")
    }
}

/// The value of a table between its whole places, linearly; its ends beyond them.
func interpolated(_ table: [Double], at place: Double) -> Double {
    let last = table.count - 1
    if !(place > 0) || last == 0 { return table[0] }
    if place >= Double(last) { return table[last] }
    let low = Int(place)
    return (table[low + 1] - table[low]) * (place - Double(low)) + table[low]
}

/// Where a value stands in an ascending table, linearly between places.
func place(of value: Double, in table: [Double]) -> Double {
    guard table.count > 1 else { return 0 }
    let low = min(max((table.lastIndex { $0 <= value }) ?? 0, 0), table.count - 2)
    let weight = (table[low] - value) / (table[low] - table[low + 1])
    let inside = min(max(weight, 0), 1)
    return (1 - inside) * Double(low) + inside * Double(low + 1)
}

/// Solves A x = b by elimination with pivoting, for the few unknowns of a solver's coefficients.
func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
    var rows = zip(matrix, right).map { $0 + [$1] }
    let n = rows.count
    for column in 0..<n {
        let pivot = (column..<n).max { rows[$0][column].magnitude < rows[$1][column].magnitude }
        rows.swapAt(column, pivot ?? column)
        for row in 0..<n where row != column {
            let factor = rows[row][column] / rows[column][column]
            for k in column...n { rows[row][k] -= factor * rows[column][k] }
        }
    }
    return (0..<n).map { rows[$0][n] / rows[$0][$0] }
}

/// The quantile of the symmetric beta distribution: the x with I_x(a, a) = p.
func betaQuantile(_ p: Double, _ a: Double) -> Double {
    if p <= 0 { return 0 }
    // Halving near 0 keeps relative precision; near 1 the mirror image does.
    if p > 0.5 { return 1 - betaQuantile(1 - p, a) }
    var (low, high) = (0.0, 0.5)
    while true {
        let middle = low + (high - low) / 2
        if middle <= low || middle >= high || high < 1e-300 { return high }
        if betaShare(middle, a) < p { low = middle } else { high = middle }
    }
}

/// I_x(a, a) for x up to ½, the regularised incomplete beta function, by its continued fraction (Lentz's way).
private func betaShare(_ x: Double, _ a: Double) -> Double {
    let front = exp(a * log(x * (1 - x)) + lgamma(2 * a) - 2 * lgamma(a)) / a
    var c = 1.0
    var d = 1 / (1 - 2 * a * x / (a + 1))
    var fraction = d
    for m in 1...200 {
        let k = Double(m)
        for term in [
            k * (a - k) * x / ((a + 2 * k - 1) * (a + 2 * k)),
            -(a + k) * (2 * a + k) * x / ((a + 2 * k) * (a + 2 * k + 1)),
        ] {
            d = 1 / (1 + term * d)
            c = 1 + term / c
            fraction *= d * c
        }
        if (d * c - 1).magnitude < 1e-16 { break }
    }
    return front * fraction
}
