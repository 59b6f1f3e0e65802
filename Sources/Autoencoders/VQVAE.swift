public import Networks
public import Tensors

/// Pictures to a grid of codes from a codebook and back (van den Oord et al. 2017), a quarter of the size each way.
public struct VQVAE: Sendable {
    public struct Configuration: Sendable, Hashable, Codable {
        public var channels = 1
        public var hidden = 64
        /// Numbers of a code, and how many codes there are.
        public var code = 16
        public var codes = 256
        /// How hard the encoder is pulled to the codes it chose.
        public var commitment: Float = 0.25

        public init(
            channels: Int = 1, hidden: Int = 64, code: Int = 16, codes: Int = 256,
            commitment: Float = 0.25
        ) {
            (self.channels, self.hidden, self.code) = (channels, hidden, code)
            (self.codes, self.commitment) = (codes, commitment)
        }
    }

    public let configuration: Configuration
    let encoder: [Conv2D]
    let codebook: Embedding
    let decoder: Conv2D
    let upsamplers: [ConvTranspose2D]

    public init(_ scope: ParameterScope, _ c: Configuration) {
        configuration = c
        let place = scope["encoder"]
        encoder = [
            Conv2D(place[0], c.channels, c.hidden, kernel: 4, stride: 2, padding: 1),
            Conv2D(place[1], c.hidden, c.hidden, kernel: 4, stride: 2, padding: 1),
            Conv2D(place[2], c.hidden, c.code, kernel: 1),
        ]
        codebook = Embedding(
            scope["codebook"], c.codes, c.code, .uniform(bound: 1 / Float(c.codes)))
        decoder = Conv2D(scope["decoder"][0], c.code, c.hidden, kernel: 3, padding: 1)
        upsamplers = [
            ConvTranspose2D(
                scope["decoder"][1], c.hidden, c.hidden, kernel: 4, stride: 2, padding: 1),
            ConvTranspose2D(
                scope["decoder"][2], c.hidden, c.channels, kernel: 4, stride: 2, padding: 1),
        ]
    }

    /// (N, H, W, channels) to (N, H / 4, W / 4, code), before the codebook.
    public func encode(_ x: Tensor, _ context: Context = .evaluation) -> Tensor {
        let h = encoder[1](encoder[0](context.cast(x), activation: .relu), activation: .relu)
        return encoder[2](h).cast(to: .f32)
    }

    /// The nearest code of every position, i32 (N, H / 4, W / 4).
    public func indices(_ z: Tensor) -> Tensor {
        noGrad {
            let flat = z.detached.reshaped([-1, configuration.code])
            let book = codebook.weight.value.detached
            // |z - e|² without |z|², which no choice depends on.
            let distance = book.squared().sum(axes: [1]) - flat.matmul(book.transposed()) * 2
            return distance.argmin(axis: 1).reshaped(Array(z.shape.dropLast()))
        }
    }

    /// The codes of indices: (N, h, w) to (N, h, w, code).
    public func codes(_ indices: Tensor) -> Tensor { codebook(indices) }

    /// Codes (N, h, w, code) to pictures (N, 4 h, 4 w, channels).
    public func decode(_ q: Tensor, _ context: Context = .evaluation) -> Tensor {
        let h = upsamplers[0](decoder(context.cast(q), activation: .relu)).relu()
        return upsamplers[1](h).cast(to: .f32)
    }

    public struct Loss: Sendable {
        public let reconstruction, codebook, commitment: Tensor
        /// (N, h, w)
        public let indices: Tensor
        /// What comes back of the pictures.
        public let pictures: Tensor
        let weight: Float
        public var total: Tensor { reconstruction + codebook + commitment * weight }
    }

    /// The gradient passes the choice of codes by as if it changed nothing.
    public func loss(_ x: Tensor, _ context: Context = .evaluation) -> Loss {
        let z = encode(x, context)
        let indices = indices(z)
        let q = codes(indices)
        let y = decode(z + (q - z).detached, context)
        return Loss(
            reconstruction: y.mseLoss(x), codebook: q.mseLoss(z.detached),
            commitment: z.mseLoss(q.detached), indices: indices, pictures: y.detached,
            weight: configuration.commitment)
    }
}
