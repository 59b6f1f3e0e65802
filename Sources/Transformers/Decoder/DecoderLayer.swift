import Networks
import Tensors

/// Attention, then an MLP, each behind a norm and added to the residual stream (B, T, C).
struct DecoderLayer: Sendable {
    let attentionNorm: DecoderNorm
    let attention: DecoderAttention
    let attentionResultNorm: DecoderNorm?
    let mlpNorm: DecoderNorm
    let mlp: DecoderMLP
    let mlpResultNorm: DecoderNorm?
    let isParallel: Bool

    init(_ scope: ParameterScope, _ c: DecoderConfiguration, _ number: Int) {
        let names = c.names
        attentionNorm = DecoderNorm(scope[names.attentionNorm], c)
        attention = DecoderAttention(scope, c, number)
        attentionResultNorm =
            c.normsResults ? DecoderNorm(scope[names.attentionResultNorm], c) : nil
        mlpNorm = DecoderNorm(scope[names.mlpNorm], c)
        mlp = DecoderMLP(scope, c)
        mlpResultNorm = c.normsResults ? DecoderNorm(scope[names.mlpResultNorm], c) : nil
        isParallel = c.isParallel
    }

    /// - Parameter chosen: the tokens (n) that are wanted behind the layer; nil: all.
    func callAsFunction(_ x: Tensor, _ pass: DecoderPass, of chosen: Tensor? = nil) -> Tensor {
        let own = chosen.map { x.selecting($0, axis: 1) } ?? x
        let normed = attentionNorm(x)
        let y =
            attentionResultNorm.map { own + $0(attention(normed, pass, adding: nil, of: chosen)) }
            ?? attention(normed, pass, adding: own, of: chosen)
        let z = mlpNorm(isParallel ? own : y)
        return mlpResultNorm.map { y + $0(mlp(z, adding: nil)) } ?? mlp(z, adding: y)
    }
}

/// The family's norm over channels.
enum DecoderNorm: Sendable {
    case rms(RMSNorm)
    case layer(LayerNorm)

    init(_ scope: ParameterScope, _ c: DecoderConfiguration) {
        switch c.norm {
        case .rms(let unitOffset):
            self = .rms(
                RMSNorm(scope, c.channels, epsilon: c.epsilon, unitOffset: unitOffset))
        case .layer: self = .layer(LayerNorm(scope, c.channels, epsilon: c.epsilon))
        }
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .rms(let norm): norm(x)
        case .layer(let norm): norm(x)
        }
    }
}
