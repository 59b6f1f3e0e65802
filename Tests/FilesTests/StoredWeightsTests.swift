import Files
import Glibc
import Synchronization
import Tensors
import Testing

/// Weights that stay in a file until it pays to pack them give the same bits as packed ones.
@Suite struct StoredWeightsTests {
    static let formats = BlockFormat.allCases + [.f32, .f16, .bf16]

    /// The matrix in a file, and the same packed.
    private static func open(_ format: BlockFormat, rows: Int, columns: Int, _ name: String)
        throws -> (stored: QuantizedTensor, packed: QuantizedTensor, path: String)
    {
        var random = RandomKey(seed: 5)
        let x = random.normal([rows, columns], on: .cpu)
        let packed =
            format.plainType.map { QuantizedTensor(plain: x.cast(to: $0)) }
            ?? QuantizedTensor(x, as: format)
        var bytes = GGUFBytes()
        bytes.add("w", Int(format.rawValue), [rows, columns], packed.blocks())
        let path = "/tmp/apus-test-\(getpid())-\(name)-\(format).gguf"
        try writeFile(path, [bytes.bytes])
        return (try GGUFFile(path: path).quantized("w", on: .cpu), packed, path)
    }

    @Test(arguments: formats, [1, 5, 70])
    func bitsAreThoseOfPackedWeights(format: BlockFormat, count: Int) throws {
        let (stored, packed, path) = try Self.open(format, rows: 83, columns: 512, "\(count)")
        defer { unlink(path) }
        var random = RandomKey(seed: 6)
        let x = random.normal([count, 512], on: .cpu)
        let bias = random.normal([83], on: .cpu)
        let residual = random.normal([count, 83], on: .cpu)
        let index = Tensor([82, 0, 64, 15] as [Int32], on: .cpu)
        func results(_ w: QuantizedTensor) -> [Tensor] {
            // The first products find nothing packed, later ones all.
            [w.dequantized(), w.dequantizedRows(index), x.matmul(transposed: w, bias: bias)]
                + x.matmul(transposed: [packed, w], biases: [bias, nil])
                + [
                    x.matmul(transposed: w, bias: nil, adding: residual),
                    x.gatedMatmul(.silu, transposed: w, w, biases: [nil, bias]),
                    x.matmul(transposed: w, exactly: true), x.matmul(transposed: w),
                    w.dequantized(), w.dequantizedRows(index),
                ]
        }
        #expect(!stored.isPacked && packed.isPacked)
        #expect(results(stored).map { $0.bytes() } == results(packed).map { $0.bytes() })
        #expect(stored.isPacked == true)
        #expect(stored.blocks() == packed.blocks())
    }

    @Test(arguments: [BlockFormat.q4_0, .q6_K, .f16])
    func packingGoesOnBesideProducts(format: BlockFormat) async throws {
        // Several times as much as is packed at once.
        let (stored, packed, path) = try Self.open(format, rows: 9001, columns: 1024, "beside")
        defer { unlink(path) }
        var random = RandomKey(seed: 7)
        let x = random.normal([2, 1024], on: .cpu)
        let expected = x.matmul(transposed: packed).bytes()
        let right = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<30).allSatisfy { _ in x.matmul(transposed: stored).bytes() == expected }
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(right)
        stored.pack()
        #expect(stored.isPacked && x.matmul(transposed: stored).bytes() == expected)
        #expect(stored.blocks() == packed.blocks())
    }

    @Test func weightsOutliveTheirFile() throws {
        let (stored, packed, path) = try Self.open(.q8_0, rows: 40, columns: 64, "gone")
        unlink(path)
        let x = Tensor.ones([1, 64])
        #expect(x.matmul(transposed: stored).bytes() == x.matmul(transposed: packed).bytes())
    }

    @Test func aShortenedFileEndsTheProcessInOneLine() async {
        let result = await #expect(
            processExitsWith: .exitCode(1), observing: [\.standardErrorContent]
        ) {
            let (stored, _, path) = try Self.open(.q8_0, rows: 900, columns: 1024, "short")
            defer { unlink(path) }
            truncate(path, 8192)
            unlink(path)
            _ = Tensor.ones([1, 1024]).matmul(transposed: stored)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("it was cut short"))
    }
}
