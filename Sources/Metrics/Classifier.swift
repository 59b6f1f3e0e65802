public import Networks
public import Tensors

/// A small convolutional network that says what a picture shows. Its last hidden layer is the feature space in which
/// generated pictures are compared with real ones.
///
/// Two stages of 3×3 convolution, ReLU and 2×2 pooling, one hidden layer of features, one linear map to the classes.
public struct Classifier: Sendable {
    public struct Configuration: Sendable, Codable, Equatable {
        public var height = 28
        public var width = 28
        public var channels = 1
        public var classes = 10
        /// Channels of the two stages.
        public var stages = [32, 64]
        public var features = 128
        public var dropout: Float = 0.25

        public init() {}
    }

    public let configuration: Configuration
    private let convolutions: [Conv2D]
    private let hidden, output: Linear
    private let dropout: Dropout

    public init(_ scope: ParameterScope, _ configuration: Configuration) {
        self.configuration = configuration
        var channels = configuration.channels
        var layers: [Conv2D] = []
        for (i, wide) in configuration.stages.enumerated() {
            layers.append(
                Conv2D(scope["stage"][i], channels, wide, kernel: 3, padding: 1, .kaimingNormal))
            channels = wide
        }
        convolutions = layers
        let shrink = 1 << configuration.stages.count
        let area = (configuration.height / shrink) * (configuration.width / shrink)
        hidden = Linear(
            scope["hidden"], area * channels, configuration.features, .kaimingNormal,
            flattening: channels)
        output = Linear(scope["output"], configuration.features, configuration.classes)
        dropout = Dropout(scope["dropout"], configuration.dropout)
    }

    /// Pictures (N, H, W, C) in 0 ... 1 to features (N, F).
    public func features(_ pictures: Tensor, _ context: Context = .evaluation) -> Tensor {
        var x = context.cast(pictures)
        for convolution in convolutions {
            x = convolution(x, activation: .relu).maxPool2d(Pair(2))
        }
        return hidden(x.reshaped([x.shape[0], -1]), activation: .relu)
    }

    /// Features (N, F) to logits (N, classes).
    public func logits(_ features: Tensor, _ context: Context = .evaluation) -> Tensor {
        output(dropout(features, context))
    }

    public func callAsFunction(_ pictures: Tensor, _ context: Context = .evaluation) -> Tensor {
        logits(features(pictures, context), context)
    }
}
