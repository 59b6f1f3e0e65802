import Benchmarking
import Tensors

/// Two spirals, and a small network that learns which of them a point belongs to.
struct Spirals {
    /// Points (N, 2) in -1 ... 1 and their class, 0 or 1.
    let points: [(x: Float, y: Float)]
    let classes: [Int32]

    private let x: Tensor
    private let target: Tensor
    private(set) var parameters: [Tensor]
    private var states: [AdamState]
    private(set) var step = 0
    private(set) var losses: [Float] = []

    /// Widths of the network's layers.
    static let widths = [2, 64, 64, 64, 2]

    init(count: Int = 400, on device: Device) {
        var random = RandomKey(seed: 7)
        let noise = random.normal([count, 2], deviation: 0.015, on: .cpu).scalars()
        let half = count / 2
        var points: [(x: Float, y: Float)] = []
        for i in 0..<count {
            let share = (Double(i % half) + 0.5) / Double(half)
            let radius = Float(0.1 + 0.85 * share)
            let angle = share * 2 * .pi * 1.6 + (i < half ? 0 : .pi)
            points.append(
                (radius * cosine(angle) + noise[2 * i], radius * sine(angle) + noise[2 * i + 1]))
        }
        self.points = points
        classes = (0..<count).map { $0 < half ? 0 : 1 }
        x = Tensor(points.flatMap { [$0.x, $0.y] }, shape: [count, 2], on: device)
        target = Tensor(classes, on: device)
        var parameters: [Tensor] = []
        for (from, to) in zip(Spirals.widths, Spirals.widths.dropFirst()) {
            let spread = from == 2 ? 2 : (2 / Float(from)).squareRoot()
            parameters.append(random.normal([to, from], deviation: spread, on: device))
            parameters.append(random.normal([to], deviation: from == 2 ? 1 : 0.01, on: device))
        }
        self.parameters = parameters
        states = parameters.map { AdamState(for: $0) }
    }

    /// Logits (N, 2) of points (N, 2).
    private static func network(_ x: Tensor, _ p: [Tensor]) -> Tensor {
        var h = x
        for layer in stride(from: 0, to: p.count - 2, by: 2) {
            h = h.linear(p[layer], bias: p[layer + 1]).gelu()
        }
        return h.linear(p[p.count - 2], bias: p[p.count - 1])
    }

    /// One step of AdamW on all points.
    mutating func train(of steps: Int) {
        let (x, target) = (x, target)
        let (loss, gradients) = valueAndGradient(at: parameters) {
            Spirals.network(x, $0).crossEntropy(target)
        }
        step += 1
        let lr = 4e-3 * min(1, 2 * (1 - Double(step) / Double(steps + 1)))
        for i in parameters.indices {
            adamStep(
                &parameters[i], gradient: gradients[i], state: &states[i], lr: lr, weightDecay: 1e-4
            )
        }
        losses.append(loss.item())
    }

    /// The probability of class 1 at points (N, 2), row by row.
    func probabilities(at points: [Float]) -> [Float] {
        let grid = Tensor(points, shape: [points.count / 2, 2], on: x.device)
        let p = noGrad { Spirals.network(grid, parameters).softmax() }.scalars()
        return stride(from: 1, to: p.count, by: 2).map { p[$0] }
    }

    /// The share of points that the network puts in the right class.
    var accuracy: Double {
        let p = probabilities(at: points.flatMap { [$0.x, $0.y] })
        let right = zip(p, classes).count { ($0 > 0.5) == ($1 == 1) }
        return Double(right) / Double(classes.count)
    }
}
