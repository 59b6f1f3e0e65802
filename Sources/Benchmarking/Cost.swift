import Tensors

// What a case costs at least. In doubles, so that no absurd size overflows.

extension Case {
    private func d(_ names: String...) -> Double { names.reduce(1) { $0 * Double(self[$1]) } }

    private var element: Double { Double(dtype.size) }

    /// Multiply-adds counted twice, and bytes with every input read and every output written once.
    package var cost: (flops: Double, bytes: Double) {
        switch operation {
        case .matmul:
            (
                2 * d("batch", "m", "n", "k"),
                element * d("batch") * (d("m", "k") + d("m", "n"))
                    + d("batch") * matrix(rows: d("n"), columns: d("k"))
            )
        case .conv2d:
            (
                2 * d("n", "cout") * pixels * d("cin", "k", "k") / d("groups") * (backward ? 3 : 1),
                element * (d("n", "cin", "h", "w") + d("n", "cout") * pixels)
                    + matrix(rows: d("cout"), columns: filters / d("cout"))
            )
        case .convTranspose2d:
            (
                2 * d("n", "cin", "h", "w", "cout", "k", "k"),
                element * (d("n", "cin", "h", "w") + filters + d("n", "cout") * pixels)
            )
        case .attention:
            (
                4 * d("b", "h", "tq", "tk", "d") * (self["causal"] == 1 ? 0.5 : 1)
                    * (backward ? 3.5 : 1),
                element * d("b", "d") * 2 * (d("h", "tq") + d("hkv", "tk"))
            )
        case .groupNormSilu: (0, element * 2 * d("n", "c", "h", "w"))
        case .rope: (0, element * 2 * d("b", "h", "t", "d"))
        default: (0, element * d("rows", "cols") * touches)
        }
    }

    /// Bytes of the weights.
    private func matrix(rows: Double, columns: Double) -> Double {
        weights?.bytes(rows: rows, columns: columns) ?? element * rows * columns
    }

    /// Positions of a convolution's result.
    private var pixels: Double { Double(outputHeight) * Double(outputWidth) }

    private var filters: Double {
        d("cout", "cin", "k", "k") / (operation == .conv2d ? d("groups") : 1)
    }

    /// How often an operation on rows must go over a matrix of its size.
    private var touches: Double {
        switch operation {
        case .layerNorm: backward ? 5 : 2
        case .siluMul, .add, .crossEntropy: 3
        case .sumRows: 1
        case .adamw: 7
        default: 2
        }
    }

    /// Bytes that running the case takes, with the copy of the inputs that the oracle reads: checked before anything
    /// is allocated.
    package var footprint: Double {
        let table = operation == .embedding ? d("vocab", "cols") : 0
        let moved = max(cost.bytes, element * d("rows", "cols") * 2)
        // The oracle keeps quantised weights three times in f32 while it makes them.
        let weights = weights == nil ? 0 : 12 * (operation == .conv2d ? filters : d("n", "k"))
        return (moved + table * element) * (1 + 4 / element) * (backward ? 2 : 1) + weights
    }
}
