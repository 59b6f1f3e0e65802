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

    func callAsFunction(_ x: Tensor, _ pass: DecoderPass) -> Tensor {
        let a = attention(attentionNorm(x), pass)
        let y = x + (attentionResultNorm?(a) ?? a)
        let m = mlp(mlpNorm(isParallel ? x : y))
        return y + (mlpResultNorm?(m) ?? m)
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
