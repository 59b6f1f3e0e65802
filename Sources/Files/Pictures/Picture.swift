public import Tensors

/// A picture of 8-bit samples: (height, width, channels) bytes with 1 channel gray, 2 gray and alpha, 3 RGB or 4 RGBA.
///
///     let picture = try Picture(path: "cat.jpg").converted(to: 3)
///     let x = picture.tensor()                           // (H, W, 3) u8
///     try Picture(x).write(to: "cat.png")
public struct Picture: Sendable, Equatable {
    public let height: Int
    public let width: Int
    public let channels: Int
    public let bytes: [UInt8]

    public init(height: Int, width: Int, channels: Int, bytes: [UInt8]) {
        require(
            height > 0 && width > 0 && (1...4).contains(channels)
                && bytes.count == height * width * channels,
            "Picture: \(bytes.count) bytes for \(height) × \(width) × \(channels)")
        (self.height, self.width, self.channels) = (height, width, channels)
        self.bytes = bytes
    }

    /// From (H, W, C) or (H, W): bytes as they are, or floats in 0 ... 1, which are limited to that and rounded.
    public init(_ tensor: Tensor) {
        let shape = tensor.rank == 2 ? tensor.shape + [1] : tensor.shape
        require(shape.count == 3, "Picture: a tensor of shape \(tensor.shape) is no picture")
        let samples =
            tensor.dtype.isFloat
            ? (tensor.cast(to: .f32).clamped(min: 0, max: 1) * 255).rounded().cast(to: .u8) : tensor
        self.init(
            height: shape[0], width: shape[1], channels: shape[2],
            bytes: samples.scalars(as: UInt8.self))
    }

    /// (H, W, C) u8
    public func tensor(on device: Device = .default) -> Tensor {
        Tensor(bytes: bytes, shape: [height, width, channels], dtype: .u8, on: device)
    }

    public var hasAlpha: Bool { channels % 2 == 0 }
}

extension Picture {
    /// With another number of channels: gray from RGB by luma (299, 587, 114 thousandths), alpha dropped or opaque.
    public func converted(to target: Int) -> Picture {
        require((1...4).contains(target), "Picture: there are 1 to 4 channels, not \(target)")
        if target == channels { return self }
        var converted: [UInt8] = []
        converted.reserveCapacity(height * width * target)
        for start in stride(from: 0, to: bytes.count, by: channels) {
            let red = bytes[start]
            let isColor = channels >= 3
            let (green, blue) = isColor ? (bytes[start + 1], bytes[start + 2]) : (red, red)
            if target >= 3 {
                converted += [red, green, blue]
            } else {
                let luma = 299 * Int(red) + 587 * Int(green) + 114 * Int(blue) + 500
                converted.append(isColor ? UInt8(luma / 1000) : red)
            }
            if target % 2 == 0 { converted.append(hasAlpha ? bytes[start + channels - 1] : 255) }
        }
        return Picture(height: height, width: width, channels: target, bytes: converted)
    }

    /// The middle square, scaled to a side by the mean of the pixels that fall together (or their nearest, when it grows).
    public func square(_ side: Int) -> Picture {
        require(side > 0, "Picture: a side of \(side)")
        let cut = min(height, width)
        let (top, left) = ((height - cut) / 2, (width - cut) / 2)
        if cut == side && height == width { return self }
        func span(_ i: Int) -> Range<Int> {
            let start = i * cut / side
            return start..<max(start + 1, (i + 1) * cut / side)
        }
        var scaled: [UInt8] = []
        scaled.reserveCapacity(side * side * channels)
        for row in 0..<side {
            let rows = span(row)
            for column in 0..<side {
                let columns = span(column)
                for channel in 0..<channels {
                    var sum = 0
                    for y in rows {
                        for x in columns {
                            sum += Int(bytes[((top + y) * width + left + x) * channels + channel])
                        }
                    }
                    let count = rows.count * columns.count
                    scaled.append(UInt8((sum + count / 2) / count))
                }
            }
        }
        return Picture(height: side, width: side, channels: channels, bytes: scaled)
    }

    /// Pictures of one size side by side on a ground, row after row.
    ///
    /// - Parameters:
    ///   - columns: nil for about as many as there are rows.
    ///   - gap: pixels between them and around all.
    public static func grid(
        _ pictures: [Picture], columns: Int? = nil, gap: Int = 2, ground: UInt8 = 255
    ) -> Picture {
        require(!pictures.isEmpty, "Picture.grid: no pictures")
        let (h, w) = (pictures[0].height, pictures[0].width)
        require(
            pictures.allSatisfy { $0.height == h && $0.width == w },
            "Picture.grid: the pictures differ in size")
        let channels = pictures.map(\.channels).max() ?? 1
        let even = (1...pictures.count).first { $0 * $0 >= pictures.count } ?? 1
        let columns = max(1, min(columns ?? even, pictures.count))
        let rows = (pictures.count + columns - 1) / columns
        let (height, width) = (rows * (h + gap) + gap, columns * (w + gap) + gap)
        var bytes = [UInt8](repeating: ground, count: height * width * channels)
        for (i, picture) in pictures.enumerated() {
            let source = picture.converted(to: channels).bytes
            let (top, left) = (gap + i / columns * (h + gap), gap + i % columns * (w + gap))
            for y in 0..<h {
                let from = y * w * channels
                let to = ((top + y) * width + left) * channels
                bytes.replaceSubrange(
                    to..<to + w * channels, with: source[from..<from + w * channels])
            }
        }
        return Picture(height: height, width: width, channels: channels, bytes: bytes)
    }
}
