public import Tensors

/// How well pictures (N, H, W, C), values 0 ... 1, were reproduced; one number a picture, (N).
public enum PictureQuality {
    /// Peak signal-to-noise ratio in dB.
    public static func psnr(_ a: Tensor, _ b: Tensor) -> Tensor {
        let error = (a - b).cast(to: .f32).squared().mean(axes: [1, 2, 3])
        return log(error + 1e-12) * (-10 / Float(2.302585092994046))
    }

    /// Whether pictures are large enough for `ssim`.
    public static func hasRoom(_ pictures: Tensor) -> Bool {
        pictures.shape[1] > 10 && pictures.shape[2] > 10
    }

    /// Structural similarity (Wang et al. 2004): 11×11 Gaussian windows of deviation 1.5, the mean over all of them
    /// that lie inside, and over channels.
    public static func ssim(_ a: Tensor, _ b: Tensor) -> Tensor {
        let channels = a.shape[3]
        require(
            a.shape == b.shape && hasRoom(a),
            "ssim: pictures \(a.shape) and \(b.shape), but needs two alike of 11×11 and more")
        let window = gaussian(channels, on: a.device)
        func blurred(_ x: Tensor) -> Tensor { x.conv2d(window, groups: channels) }
        let (x, y) = (a.cast(to: .f32), b.cast(to: .f32))
        let (mx, my) = (blurred(x), blurred(y))
        let vx = blurred(x.squared()) - mx.squared()
        let vy = blurred(y.squared()) - my.squared()
        let both = blurred(x * y) - mx * my
        let (c1, c2): (Float, Float) = (0.0001, 0.0009)
        let map =
            (mx * my * 2 + c1) * (both * 2 + c2)
            / ((mx.squared() + my.squared() + c1) * (vx + vy + c2))
        return map.mean(axes: [1, 2, 3])
    }

    /// A weight (C, 11, 11, 1) whose windows sum to 1.
    private static func gaussian(_ channels: Int, on device: Device) -> Tensor {
        let offsets = Tensor((0..<11).map { Float($0) - 5 }, shape: [11], on: device)
        let bell = exp(offsets.squared() * (-1 / (2 * 1.5 * 1.5)))
        let line = bell / bell.sum()
        let square = line.reshaped([11, 1]).matmul(line.reshaped([1, 11]))
        return square.reshaped([1, 11, 11, 1]).expanded(to: [channels, 11, 11, 1]).contiguous()
    }
}
