import Glibc

package func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

/// f_i = base^(-2 i / dims), stretched as the scaling says. In double: the angles are large.
package func ropeFrequencies(_ dims: Int, _ base: Float, _ scaling: RopeScaling) -> [Float] {
    (0..<dims / 2).map { i in
        let f = power(Double(base), -2 * Double(i) / Double(dims))
        switch scaling {
        case .none: return Float(f)
        case .linear(let factor): return Float(f / Double(factor))
        case .llama3(let factor, let low, let high, let original):
            let wavelength = 2 * Double.pi / f
            let ramp = (Double(original) / wavelength - Double(low)) / Double(high - low)
            let s = Swift.min(Swift.max(ramp, 0), 1)
            return Float(f * (s + (1 - s) / Double(factor)))
        }
    }
}
