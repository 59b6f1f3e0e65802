public import Networks
public import Tensors

/// A generator and a critic whose scores tell how far apart two distributions are (Arjovsky et al. 2017), with the
/// gradient penalty.
public struct WassersteinGAN<Generator: NoiseDecoder, Critic: SampleCritic>: Sendable {
    public let generator: Generator
    public let critic: Critic
    public var penaltyWeight: Float = 10

    public init(generator: Generator, critic: Critic, penaltyWeight: Float = 10) {
        (self.generator, self.critic, self.penaltyWeight) = (generator, critic, penaltyWeight)
    }

    public struct CriticLoss: Sendable {
        /// mean D(fake) - mean D(real): minus an estimate of the distance.
        public let difference: Tensor
        public let penalty: Tensor
        let weight: Float
        public var total: Tensor { difference + penalty * weight }
    }

    /// What the critic minimises, from samples x, noise z (N, latent) and alpha (N) in 0 ... 1.
    public func criticLoss(_ x: Tensor, z: Tensor, alpha: Tensor, _ context: Context = .evaluation)
        -> CriticLoss
    {
        let fake = noGrad { generator(z, context) }.cast(to: .f32)
        let penalty = gradientPenalty(real: x, fake: fake, alpha: alpha) { critic($0, context) }
        return CriticLoss(
            difference: critic(fake, context).mean() - critic(x, context).mean(),
            penalty: penalty, weight: penaltyWeight)
    }

    /// What the generator minimises: run it with the critic's parameters frozen.
    public func generatorLoss(z: Tensor, _ context: Context = .evaluation) -> Tensor {
        -critic(generator(z, context), context).mean()
    }
}

/// Noise (N, latent) to samples (N, …).
public protocol NoiseDecoder: Sendable {
    func callAsFunction(_ z: Tensor, _ context: Context) -> Tensor
}

extension NoiseDecoder {
    /// Pictures (count, H, W, C) in 0 ... 1 from noise of a seed, 250 at a time.
    func pictures(_ count: Int, latent: Int, seed: UInt64, on device: Device) -> Tensor {
        var key = RandomKey(seed: seed)
        let parts = stride(from: 0, to: count, by: 250).map { start in
            self(key.normal([min(250, count - start), latent], on: device), .evaluation)
        }
        return ((Tensor.concatenated(parts).cast(to: .f32) + 1) * 0.5).clamped(min: 0, max: 1)
    }
}

/// Samples (N, …) to scores (N), f32.
public protocol SampleCritic: Sendable {
    func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor
}

extension DCGAN.Generator: NoiseDecoder {}
extension DCGAN.Discriminator: SampleCritic {}
