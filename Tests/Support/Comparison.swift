public import Tensors

/// Nil if `actual` is `expected` within |a - e| <= atol + rtol |e| (equal infinities pass, NaN never); else what differs.
public func difference(_ actual: Tensor, _ expected: Tensor, rtol: Double, atol: Double) -> String?
{
    guard actual.shape == expected.shape else {
        return "shape \(actual.shape), expected \(expected.shape)"
    }
    if !expected.dtype.isFloat || expected.dtype != .f32 && atol == 0 && rtol == 0 {
        guard actual.dtype == expected.dtype else {
            return "type \(actual.dtype), expected \(expected.dtype)"
        }
        return actual.bytes() == expected.bytes()
            ? nil : "values differ: \(actual), expected \(expected)"
    }
    let (a, e) = (actual.scalars(), expected.scalars())
    var worst: (excess: Double, at: Int) = (0, -1)
    for i in a.indices {
        let (x, y) = (Double(a[i]), Double(e[i]))
        if x == y { continue }
        let excess = abs(x - y) - (atol + rtol * abs(y))
        if excess <= 0 { continue }
        // NaN compares false above and lands here.
        if excess.isNaN || excess > worst.excess { worst = (excess.isNaN ? .infinity : excess, i) }
    }
    return worst.at < 0 ? nil : "element \(worst.at) is \(a[worst.at]), expected \(e[worst.at])"
}

private func abs(_ x: Double) -> Double { x.magnitude }
