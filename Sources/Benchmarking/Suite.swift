import Tensors

/// Named lists of workloads: what language models and picture models spend their time on.
///
/// `Benchmarks/NAME.jsonl` is the same list as a file, for other programs to run.
package enum Suite: String, CaseIterable, Sendable {
    /// Products, convolutions, attention and row operations.
    case standard
    /// Products with weights of few bits, and convolutions in int8.
    case quantized

    package var cases: [Case] {
        get throws(BenchmarkError) {
            switch self {
            case .standard: try Suite.standardCases()
            case .quantized: try Suite.quantizedCases()
            }
        }
    }

    /// Never throws for the sizes below; a test says so.
    private static func standardCases() throws(BenchmarkError) -> [Case] {
        var cases: [Case] = []
        for dtype in [DType.f32, .bf16] { cases += try matmuls(dtype) }
        for dtype in [DType.f32, .bf16] { cases += try convolutions(dtype) }
        cases += try otherConvolutions()
        for dtype in [DType.f32, .bf16] { cases += try attentions(dtype) }
        cases += try attentions(.f32).prefix(2).map { (c) throws(BenchmarkError) in
            try c.withBackward()
        }
        cases += try rows()
        return numbered(cases)
    }

    private static func numbered(_ cases: [Case]) -> [Case] {
        cases.enumerated().map { id, c in
            var numbered = c
            numbered.id = id
            return numbered
        }
    }

    /// One token, eight sequences, a short and a long prompt; and the convolutions of Stable Diffusion.
    private static func quantizedCases() throws(BenchmarkError) -> [Case] {
        let formats: [WeightFormat] = [
            .int8, .blocks(.q4_0), .blocks(.q4_K), .blocks(.q8_0), .blocks(.q6_K),
        ]
        var cases: [Case] = []
        for format in formats {
            for m in [1, 8, 128, 512] {
                cases.append(
                    try Case(
                        .matmul, ["m": m, "n": 4096, "k": 4096, "transB": 1], weights: format,
                        note: m == 1 ? "decode, one token" : m == 8 ? "decode, eight" : "prompt"))
            }
        }
        for c in try convolutions(.f32).prefix(6) {
            cases.append(try Case(.conv2d, c.sizes, weights: .int8, note: c.note))
        }
        return numbered(cases)
    }

    private static func matmuls(_ dtype: DType) throws(BenchmarkError) -> [Case] {
        func product(
            _ m: Int, _ n: Int, _ k: Int, batch: Int = 1, a: Int = 0, b: Int = 0, _ note: String
        ) throws(BenchmarkError) -> Case {
            let sizes = ["batch": batch, "m": m, "n": n, "k": k, "transA": a, "transB": b]
            return try Case(.matmul, sizes, dtype: dtype, note: note)
        }
        return [
            try product(256, 256, 256, "square"),
            try product(512, 512, 512, "square"),
            try product(1024, 1024, 1024, "square"),
            try product(2048, 2048, 2048, "square"),
            try product(1024, 2304, 768, b: 1, "GPT-2 qkv forward"),
            try product(1024, 3072, 768, b: 1, "GPT-2 mlp forward"),
            try product(1024, 768, 3072, "GPT-2 mlp input gradient"),
            try product(3072, 768, 1024, a: 1, "GPT-2 mlp weight gradient"),
            try product(256, 50257, 768, b: 1, "GPT-2 logits"),
            try product(1, 4096, 4096, b: 1, "decode, one token"),
            try product(8, 4096, 4096, b: 1, "decode, eight sequences"),
            try product(127, 509, 331, "primes"),
            try product(64, 64, 64, batch: 96, "many small"),
            try product(256, 256, 64, batch: 48, b: 1, "attention scores"),
        ]
    }

    private static func convolution(
        _ n: Int, _ cin: Int, _ side: Int, _ cout: Int, _ k: Int, stride: Int = 1, pad: Int = 0,
        groups: Int = 1, as dtype: DType = .f32, backward: Bool = false, _ note: String
    ) throws(BenchmarkError) -> Case {
        let sizes = [
            "n": n, "cin": cin, "h": side, "w": side, "cout": cout, "k": k, "stride": stride,
            "pad": pad, "groups": groups,
        ]
        return try Case(.conv2d, sizes, dtype: dtype, backward: backward, note: note)
    }

    private static func convolutions(_ dtype: DType) throws(BenchmarkError) -> [Case] {
        [
            try convolution(2, 320, 64, 320, 3, pad: 1, as: dtype, "SD U-Net level 1"),
            try convolution(2, 640, 32, 640, 3, pad: 1, as: dtype, "SD U-Net level 2"),
            try convolution(2, 1280, 16, 1280, 3, pad: 1, as: dtype, "SD U-Net level 3"),
            try convolution(2, 960, 32, 320, 1, as: dtype, "SD U-Net skip 1x1"),
            try convolution(2, 320, 64, 320, 3, stride: 2, pad: 1, as: dtype, "SD U-Net down"),
            try convolution(1, 128, 256, 128, 3, pad: 1, as: dtype, "VAE decoder"),
            try convolution(1, 3, 224, 64, 7, stride: 2, pad: 3, as: dtype, "stem 7x7"),
        ]
    }

    private static func otherConvolutions() throws(BenchmarkError) -> [Case] {
        let generator = [
            "n": 64, "cin": 128, "h": 16, "w": 16, "cout": 64, "k": 4, "stride": 2, "pad": 1,
        ]
        return [
            try convolution(8, 128, 56, 128, 3, pad: 1, groups: 128, "depthwise"),
            try convolution(64, 64, 32, 128, 4, stride: 2, pad: 1, "DCGAN discriminator"),
            try convolution(
                64, 64, 32, 128, 4, stride: 2, pad: 1, backward: true, "DCGAN discriminator"),
            try convolution(32, 64, 32, 64, 3, pad: 1, backward: true, "DDPM U-Net block"),
            try Case(.convTranspose2d, generator, note: "DCGAN generator"),
        ]
    }

    private static func attentions(_ dtype: DType) throws(BenchmarkError) -> [Case] {
        func attention(
            _ b: Int, _ h: Int, _ hkv: Int, _ tq: Int, _ tk: Int, _ d: Int, _ causal: Int,
            _ note: String
        ) throws(BenchmarkError) -> Case {
            let sizes = ["b": b, "h": h, "hkv": hkv, "tq": tq, "tk": tk, "d": d, "causal": causal]
            return try Case(.attention, sizes, dtype: dtype, note: note)
        }
        return [
            try attention(4, 12, 12, 256, 256, 64, 1, "nanoGPT"),
            try attention(1, 12, 12, 1024, 1024, 64, 1, "GPT-2"),
            try attention(1, 32, 8, 1024, 1024, 128, 1, "Llama 3 prefill"),
            try attention(1, 32, 8, 1, 4096, 128, 0, "Llama 3 decode"),
            try attention(2, 8, 8, 4096, 4096, 40, 0, "SD self-attention"),
            try attention(2, 8, 8, 4096, 77, 40, 0, "SD cross-attention"),
        ]
    }

    private static func rows() throws(BenchmarkError) -> [Case] {
        func rows(
            _ operation: Operation, _ rows: Int, _ columns: Int, backward: Bool = false,
            vocab: Int? = nil,
            _ note: String = ""
        ) throws(BenchmarkError) -> Case {
            var sizes = ["rows": rows, "cols": columns]
            sizes["vocab"] = vocab
            return try Case(operation, sizes, backward: backward, note: note)
        }
        return [
            try rows(.softmax, 4096, 4096),
            try rows(.softmax, 12288, 256),
            try rows(.layerNorm, 4096, 1024),
            try rows(.layerNorm, 4096, 1024, backward: true),
            try rows(.rmsNorm, 4096, 2048),
            try rows(.gelu, 4096, 3072),
            try rows(.siluMul, 4096, 2816),
            try rows(.add, 4096, 4096),
            try rows(.addRow, 4096, 4096, "bias: a row broadcast over rows"),
            try rows(.sumRows, 4096, 4096, "reduce over axis 0"),
            try rows(.transpose, 4096, 4096, "materialise a transposed view"),
            try rows(.crossEntropy, 1024, 50257, backward: true),
            try rows(.embedding, 4096, 768, vocab: 50257),
            try rows(.adamw, 4096, 4096, "fused step: p, g, m, v read; p, m, v written"),
            try Case(
                .groupNormSilu, ["n": 2, "c": 320, "h": 64, "w": 64, "groups": 32], note: "SD U-Net"
            ),
            try Case(.rope, ["b": 1, "h": 32, "t": 1024, "d": 128]),
        ]
    }
}

extension Case {
    /// The same case with its gradients.
    fileprivate func withBackward() throws(BenchmarkError) -> Case {
        try Case(operation, sizes, dtype: dtype, backward: true, note: note)
    }
}
