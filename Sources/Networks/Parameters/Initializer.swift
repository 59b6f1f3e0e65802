public import Tensors

/// How a parameter's first values are drawn.
///
/// Fans count a weight's inputs and outputs: its last axis, and its first one, each times the kernel's area.
public enum Initializer: Sendable, Hashable {
    case zeros, ones
    case constant(Float)
    case normal(mean: Float = 0, deviation: Float)
    /// -bound ..< bound
    case uniform(bound: Float)
    /// Glorot & Bengio 2010: variance 2 / (inputs + outputs).
    case xavierUniform, xavierNormal
    /// He et al. 2015: variance gain² / inputs; the gain is √2 for relu.
    case kaimingUniform(gain: Float), kaimingNormal(gain: Float)
    /// ± 1 / √inputs: what PyTorch's layers start from.
    case fanIn
    /// Saxe et al. 2014: rows (or columns) of length gain at right angles.
    case orthogonal(gain: Float)
    case identity

    public static let kaimingUniform = kaimingUniform(gain: Float(2).squareRoot())
    public static let kaimingNormal = kaimingNormal(gain: Float(2).squareRoot())
    public static let orthogonal = orthogonal(gain: 1)
}

extension Initializer {
    /// f32 values of a shape.
    public func callAsFunction(_ shape: [Int], key: RandomKey, on device: Device) -> Tensor {
        var key = key
        let (inputs, outputs) = Initializer.fans(shape)
        switch self {
        case .zeros: return .zeros(shape, on: device)
        case .ones: return .ones(shape, on: device)
        case .constant(let value): return .full(shape, value, on: device)
        case .identity: return .eye(shape.last ?? 1, on: device)
        case .normal(let mean, let deviation):
            return key.normal(shape, mean: mean, deviation: deviation, on: device)
        case .uniform(let bound): return key.uniform(shape, low: -bound, high: bound, on: device)
        case .fanIn: return uniform(shape, 1 / (3 * inputs), &key, device)
        case .xavierUniform: return uniform(shape, 2 / (inputs + outputs), &key, device)
        case .xavierNormal:
            let deviation = (2 / (inputs + outputs)).squareRoot()
            return key.normal(shape, deviation: deviation, on: device)
        case .kaimingUniform(let gain): return uniform(shape, gain * gain / inputs, &key, device)
        case .kaimingNormal(let gain):
            return key.normal(shape, deviation: gain / inputs.squareRoot(), on: device)
        case .orthogonal(let gain): return orthogonal(shape, gain, &key, device)
        }
    }

    private func uniform(
        _ shape: [Int], _ variance: Float, _ key: inout RandomKey, _ device: Device
    ) -> Tensor {
        let bound = (3 * variance).squareRoot()
        return key.uniform(shape, low: -bound, high: bound, on: device)
    }

    /// The q of a random matrix, which is uniform among the orthogonal ones as r's diagonal is positive.
    private func orthogonal(
        _ shape: [Int], _ gain: Float, _ key: inout RandomKey, _ device: Device
    ) -> Tensor {
        let rows = shape.first ?? 1
        let columns = shape.dropFirst().reduce(1, *)
        let tall = key.normal([max(rows, columns), min(rows, columns)], on: device)
        guard let q = try? tall.qr().q else { return tall }
        return ((rows >= columns ? q : q.transposed()) * gain).reshaped(shape)
    }

    static func fans(_ shape: [Int]) -> (inputs: Float, outputs: Float) {
        guard shape.count > 1 else { return (Float(shape.first ?? 1), Float(shape.first ?? 1)) }
        let area = shape.dropFirst().dropLast().reduce(1, *)
        return (Float(shape[shape.count - 1] * area), Float(shape[0] * area))
    }
}

extension RandomKey {
    /// A key of its own for a name: what is drawn for one parameter does not depend on the others.
    public func folded(_ name: String) -> RandomKey {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return folded(hash)
    }

    /// A key of its own for a number: of a step, a layer, a sample.
    public func folded(_ number: UInt64) -> RandomKey {
        RandomKey(seed: seed, stream: mixed(stream ^ mixed(number &+ 0x9e37_79b9_7f4a_7c15)))
    }

    public func folded(_ number: Int) -> RandomKey { folded(UInt64(bitPattern: Int64(number))) }
}

/// splitmix64's finaliser: every bit of the result depends on every bit of x.
private func mixed(_ x: UInt64) -> UInt64 {
    var x = x
    x = (x ^ (x >> 30)) &* 0xbf58_476d_1ce4_e5b9
    x = (x ^ (x >> 27)) &* 0x94d0_49bb_1331_11eb
    return x ^ (x >> 31)
}
