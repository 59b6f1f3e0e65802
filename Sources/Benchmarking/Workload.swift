package import Tensors

/// A case made concrete: its operands, how to run it through the tensor API, and what the result must be.
package protocol Workload: Sendable {
    var inputs: [Input] { get }
    /// Everything that may be done before the clock starts: views, leaves, seeds. The closure is what is timed.
    func bind(_ x: [Tensor]) -> Run
    /// Compares results, as values in row-major order, with the oracle.
    func check(_ results: [[Float]]) -> Check
    /// The kernel that the device chooses for these operands.
    func kernel(_ x: [Tensor]) -> String
    /// Other libraries that can do the same with these operands.
    func peers(_ x: [Tensor]) -> [Peer]
}

extension Workload {
    package func kernel(_ x: [Tensor]) -> String { x.first.map { $0.kernelName() } ?? "" }
    package func peers(_ x: [Tensor]) -> [Peer] { [] }
}

/// Enqueues the work once and gives its results.
package typealias Run = () -> [Tensor]

/// Another library in the same table.
package struct Peer {
    package let name: String
    /// Results as the workload's own, so that they are checked alike; nil when the library failed.
    package let run: () -> [Tensor]?
}

extension Case {
    /// The workload of this case.
    package func workload() -> any Workload {
        if let weights {
            return operation == .conv2d
                ? QuantizedConvolutionWorkload(self, weights)
                : QuantizedMatmulWorkload(self, weights)
        }
        return denseWorkload()
    }

    private func denseWorkload() -> any Workload {
        switch operation {
        case .matmul: MatmulWorkload(self)
        case .conv2d: ConvolutionWorkload(self)
        case .convTranspose2d: TransposedConvolutionWorkload(self)
        case .attention: AttentionWorkload(self)
        case .softmax: SoftmaxWorkload(self)
        case .layerNorm: LayerNormWorkload(self)
        case .rmsNorm: RMSNormWorkload(self)
        case .gelu, .siluMul, .add, .addRow: ElementwiseWorkload(self)
        case .sumRows: SumRowsWorkload(self)
        case .transpose: TransposeWorkload(self)
        case .crossEntropy: CrossEntropyWorkload(self)
        case .embedding: EmbeddingWorkload(self)
        case .adamw: AdamWWorkload(self)
        case .groupNormSilu: GroupNormWorkload(self)
        case .rope: RopeWorkload(self)
        }
    }
}
