public import Tensors

/// The gradient of a scalar function by central differences, element by element.
public func finiteDifferences(at x: Tensor, step: Float, _ function: (Tensor) -> Float) -> [Float] {
    let values = x.scalars()
    return values.indices.map { i in
        func moved(_ by: Float) -> Float {
            var shifted = values
            shifted[i] += by
            return function(Tensor(shifted, shape: x.shape, on: x.device))
        }
        return (moved(step) - moved(-step)) / (2 * step)
    }
}
