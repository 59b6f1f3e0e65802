package import Tensors

/// The comparison of a result with the oracle, which computes in double.
///
/// A value may differ from the oracle's by `relative · magnitude`, where the magnitude is what was added up to get it
/// (Σ |terms|), and by the rounding of the result's type.
package struct Check: Sendable {
    /// The largest error in units of what is allowed.
    package private(set) var worst = 0.0
    /// How many values were compared; every value was scanned for NaN and infinities.
    package private(set) var compared = 0
    /// What is wrong, if anything is.
    package private(set) var problem: String?

    private let relative: Double
    private let rounding: Double

    /// - Parameter relative: of the accumulation; f32 sums of random terms stay far below it.
    package init(_ dtype: DType, relative: Double = 4e-6) {
        self.relative = relative
        rounding =
            switch dtype {
            case .bf16: 0x1p-8
            case .f16: 0x1p-10
            default: 0x1p-22
            }
    }

    package var passed: Bool { problem == nil }

    /// Compares one value.
    package mutating func expect(
        _ got: Float, _ want: Double, magnitude: Double, at place: @autoclosure () -> String
    ) {
        compared += 1
        let allowed = relative * magnitude + rounding * abs(want) + 1e-30
        let error = abs(Double(got) - want) / allowed
        if !(error <= worst) { worst = error }
        if !(error <= 1) && problem == nil {
            problem = "\(place()) is \(got), but must be \(want)"
        }
    }

    /// Looks at every value of a result: none may be NaN or infinite.
    package mutating func scan(_ values: [Float], _ name: String) {
        var special: UInt32 = 0
        for value in values where value.bitPattern & 0x7f80_0000 == 0x7f80_0000 { special &+= 1 }
        if special > 0 && problem == nil {
            worst = .infinity
            problem = "\(name) has \(special) values that are NaN or infinite"
        }
    }
}

/// A sum in double, with the sum of its terms' magnitudes.
package struct Sum: Sendable {
    package private(set) var value = 0.0
    package private(set) var magnitude = 0.0

    package init() {}

    package mutating func add(_ term: Double) {
        value += term
        magnitude += abs(term)
    }

    package mutating func add(_ a: Float, _ b: Float) { add(Double(a) * Double(b)) }
}
