import Glibc

// Finding the largest of many numbers without sorting them all.

/// The places of the `count` largest numbers, the largest first, of equal ones the first; NaN is never among them.
func largest(_ count: Int, of numbers: [Float]) -> [Int] {
    guard count > 1 else { return count == 1 ? largest(of: numbers).map { [$0] } ?? [] : [] }
    var best: [Ranked] = []
    let room = max(2 * count, 64)
    best.reserveCapacity(room + width)
    var least = -Float.infinity
    var start = 0
    while start < numbers.count {
        let end = min(start + width, numbers.count)
        // Whole stretches without a candidate are passed over with vectors.
        if best.count < count || exceeds(numbers, start, end, least) {
            for place in start..<end where numbers[place] > least || best.count < count {
                if !numbers[place].isNaN { best.append(Ranked(numbers[place], place)) }
            }
            if best.count >= room {
                keep(count, of: &best)
                least = best[count - 1].number
            }
        }
        start = end
    }
    keep(count, of: &best)
    return best.map(\.place)
}

/// The place of the largest number; nil if there is none but NaN.
func largest(of numbers: [Float]) -> Int? {
    var best = -Float.infinity
    for number in numbers where number > best { best = number }
    return numbers.firstIndex(of: best)
}

private let width = 64

private struct Ranked {
    let number: Float
    let place: Int
    init(_ number: Float, _ place: Int) { (self.number, self.place) = (number, place) }
}

private func keep(_ count: Int, of best: inout [Ranked]) {
    best.sort { $0.number > $1.number || ($0.number == $1.number && $0.place < $1.place) }
    if best.count > count { best.removeLast(best.count - count) }
}

private func exceeds(_ numbers: [Float], _ start: Int, _ end: Int, _ least: Float) -> Bool {
    var found: Int32 = 0
    for place in start..<end { found |= numbers[place] > least ? 1 : 0 }
    return found != 0
}

/// log Σ exp(x), in double precision.
func logSumExp(_ numbers: [Float]) -> Double {
    guard let place = largest(of: numbers), numbers[place] > -.infinity else { return -.infinity }
    let highest = numbers[place]
    var sum = 0.0
    for number in numbers { sum += Double(expf(number - highest)) }
    return Double(highest) + log(sum)
}
