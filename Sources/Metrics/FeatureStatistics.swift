public import Tensors

/// How far two sets of pictures are apart, by the features (N, D) that a network finds in them.
public enum FeatureDistance {
    /// Fréchet inception distance (Heusel et al. 2017): that of two Gaussians with the sets' means and covariances. With
    /// fewer pictures than twice the features it is biased upwards: `Report` names the counts.
    public static func frechet(_ a: Tensor, _ b: Tensor) throws -> Double {
        let (mean, covariance) = a.cast(to: .f32).meanAndCovariance()
        let (mean2, covariance2) = b.cast(to: .f32).meanAndCovariance()
        return Double(
            try mean.frechetDistance(covariance, mean2: mean2, covariance2).item())
    }

    /// Kernel inception distance (Bińkowski et al. 2018): the squared maximum mean discrepancy under (x·y / D + 1)³,
    /// without bias, the mean over blocks of at most `block` pictures, and its standard error.
    public static func kernel(_ a: Tensor, _ b: Tensor, block: Int = 1000) -> (
        mean: Double, error: Double
    ) {
        let n = min(a.shape[0], b.shape[0])
        let size = min(block, n)
        require(size > 1, "FeatureDistance.kernel: sets of \(a.shape[0]) and \(b.shape[0])")
        let values = stride(from: 0, through: n - size, by: size).map { start in
            discrepancy(
                a.narrowed(0, start: start, count: size), b.narrowed(0, start: start, count: size))
        }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let error = values.count > 1 ? (variance / Double(values.count - 1)).squareRoot() : 0
        return (mean, error / Double(values.count).squareRoot())
    }

    private static func discrepancy(_ a: Tensor, _ b: Tensor) -> Double {
        let n = Double(a.shape[0])
        func similarities(_ x: Tensor, _ y: Tensor) -> Tensor {
            let dots = x.matmul(y.transposed()) * (1 / Float(x.shape[1])) + 1
            return dots * dots * dots
        }
        /// The mean without the diagonal.
        func within(_ x: Tensor) -> Double {
            let all = similarities(x, x)
            let diagonal = all * Tensor.eye(x.shape[0], on: x.device)
            return Double((all - diagonal).sum().item()) / (n * (n - 1))
        }
        return within(a) + within(b) - 2 * Double(similarities(a, b).sum().item()) / (n * n)
    }

    /// Improved precision and recall (Kynkäänniemi et al. 2019): the share of generated features within the reach of a
    /// real one's k-th neighbour, and the reverse. A collapsed generator has little recall.
    public static func precisionAndRecall(real: Tensor, generated: Tensor, neighbours: Int = 3) -> (
        precision: Double, recall: Double
    ) {
        require(
            min(real.shape[0], generated.shape[0]) > neighbours,
            "precisionAndRecall: sets of \(real.shape[0]) and \(generated.shape[0])")
        return (
            share(of: generated, within: real, neighbours),
            share(of: real, within: generated, neighbours)
        )
    }

    private static func share(of points: Tensor, within base: Tensor, _ k: Int) -> Double {
        // The nearest one is the point itself.
        let reach = squaredDistances(base, base).top(k + 1, axis: 1, largest: false).values
            .narrowed(1, start: k, count: 1)
        let inside = squaredDistances(base, points).lessEqual(reach)
        return Double(inside.any(axes: [0]).cast(to: .f32).mean().item())
    }

    /// (N, M)
    private static func squaredDistances(_ a: Tensor, _ b: Tensor) -> Tensor {
        let aa = a.squared().sum(axes: [1], keepDims: true)
        let bb = b.squared().sum(axes: [1], keepDims: true).transposed()
        return (aa + bb - a.matmul(b.transposed()) * 2).clamped(min: 0)
    }

    /// Inception score (Salimans et al. 2016) of class probabilities, given as logits (N, classes): exp of the mean
    /// divergence of one picture's classes from those of all.
    public static func inceptionScore(_ logits: Tensor) -> Double {
        let logs = logits.cast(to: .f32).logSoftmax(axis: -1)
        let shares = exp(logs)
        let marginal = log(shares.mean(axes: [0], keepDims: true) + 1e-16)
        let divergence = (shares * (logs - marginal)).sum(axes: [1]).mean()
        return Double(exp(divergence).item())
    }
}
