import Files
import Glibc
import Tensors
import Testing

/// Builds GGUF files byte by byte.
struct GGUFBytes {
    var entries: [[UInt8]] = []
    var tensors: [[UInt8]] = []
    var data: [UInt8] = []

    static func number(_ value: Int, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func text(_ text: String) -> [UInt8] { number(text.utf8.count, 8) + Array(text.utf8) }

    mutating func add(_ key: String, _ type: Int, _ value: [UInt8]) {
        entries.append(Self.text(key) + Self.number(type, 4) + value)
    }

    mutating func add(
        _ name: String, _ type: Int, _ shape: [Int], at offset: Int? = nil, _ bytes: [UInt8]
    ) {
        data += [UInt8](repeating: 0, count: (32 - data.count % 32) % 32)
        tensors.append(
            Self.text(name) + Self.number(shape.count, 4)
                + shape.reversed().flatMap { Self.number($0, 8) } + Self.number(type, 4)
                + Self.number(offset ?? data.count, 8))
        data += bytes
    }

    var bytes: [UInt8] {
        var head =
            Array("GGUF".utf8) + Self.number(3, 4) + Self.number(tensors.count, 8)
            + Self.number(entries.count, 8) + entries.joined() + tensors.joined()
        head += [UInt8](repeating: 0, count: (32 - head.count % 32) % 32)
        return head + data
    }

    func open() throws -> GGUFFile { try GGUFFile(bytes, path: "test") }
}

@Suite struct GGUFTests {
    @Test func tensorsAreRead() throws {
        var bytes = GGUFBytes()
        bytes.add("general.architecture", 8, GGUFBytes.text("llama"))
        bytes.add(
            "f", 0, [2, 3], (0..<6).flatMap { GGUFBytes.number(Int(Float($0).bitPattern), 4) })
        bytes.add(
            "d", 28, [2],
            [0.5, -1].flatMap {
                GGUFBytes.number(Int(truncatingIfNeeded: Double($0).bitPattern), 8)
            })
        bytes.add("i", 27, [2], [7, -8].flatMap { GGUFBytes.number($0, 8) })
        bytes.add("big", 27, [1], GGUFBytes.number(1 << 40, 8))
        bytes.add("none", 0, [0, 1 << 30], [])
        bytes.add("odd", 16, [256], [UInt8](repeating: 1, count: 66))
        let file = try bytes.open()
        #expect(file.metadata["general.architecture"]?.string == "llama")
        #expect(try file.tensor("f", on: .cpu).shape == [2, 3])
        #expect(try file.tensor("f", on: .cpu).scalars() == [0, 1, 2, 3, 4, 5])
        #expect(try file.tensor("d", on: .cpu).scalars() == [0.5, -1])
        #expect(try file.tensor("i", on: .cpu).scalars(as: Int32.self) == [7, -8])
        #expect(try file.tensor("none", on: .cpu).count == 0)
        #expect(file.entry("odd")?.type.name == "IQ2_XXS" && file.entry("odd")?.byteCount == 66)
        for name in ["big", "odd", "absent"] {
            #expect(throws: FileError.self) { try file.tensor(name) }
        }
        #expect(throws: FileError.self) { try file.quantized("f") }
    }

    @Test(arguments: BlockFormat.allCases)
    func blocksArePackedFromTheFile(format: BlockFormat) throws {
        var random = RandomKey(seed: 3)
        // More rows than a panel, and a rest.
        let x = random.normal([37, 512], on: .cpu)
        let blocks = QuantizedTensor(x, as: format).blocks()
        var bytes = GGUFBytes()
        bytes.add("w", Int(format.rawValue), [37, 512], blocks)
        bytes.add("e", Int(format.rawValue), [2, 37, 512], blocks + blocks.reversed())
        let path = "/tmp/apus-test-\(getpid())-\(format).gguf"
        defer { unlink(path) }
        try writeFile(path, [bytes.bytes])
        let file = try GGUFFile(path: path)
        #expect(GGUFType(format).blockFormat == format)
        #expect(GGUFType(format).block == (format.blockValues, format.blockBytes))
        let w = try file.quantized("w", on: .cpu)
        #expect(w.blocks() == blocks && w.rows == 37 && w.columns == 512)
        #expect(try file.quantized("e", part: 1, on: .cpu).blocks() == blocks.reversed())
        #expect(try file.quantized("e", on: .cpu).rows == 74)
        #expect(try file.tensor("w", on: .cpu).scalars() == w.dequantized().scalars())
        #expect(throws: FileError.self) { try file.quantized("e", part: 2) }
        #expect(throws: FileError.self) { try file.quantized("w", part: 0) }
    }

    @Test(arguments: [
        (0, [2, 2], nil, 15), (0, [1 << 33, 1 << 33], nil, 16), (0, [-1, -4], nil, 16),
        (0, [0, 1 << 62, 4], nil, 0), (2, [33], nil, 36), (4, [32], nil, 18), (99, [1], nil, 4),
        (0, [1, 1, 1, 1, 1], nil, 4), (0, [4], 16, 64), (0, [4], 32, 64), (0, [4], -32, 64),
        (12, [1 << 40, 256], nil, 144),
    ])
    func brokenTensorsAreRefused(type: Int, shape: [Int], offset: Int?, count: Int) {
        var bytes = GGUFBytes()
        bytes.add("w", type, shape, at: offset, [UInt8](repeating: 0, count: count))
        #expect(throws: FileError.self) { try bytes.open() }
    }

    @Test func namesAndAlignmentAreChecked() throws {
        var twice = GGUFBytes()
        twice.add("w", 0, [1], [0, 0, 0, 0])
        twice.add("w", 0, [1], [0, 0, 0, 0])
        #expect(throws: FileError.self) { try twice.open() }
        for (type, value) in [(4, [0, 0, 0, 0]), (4, [3, 0, 0, 0]), (7, [1])] as [(Int, [UInt8])] {
            var odd = GGUFBytes()
            odd.add("general.alignment", type, value)
            #expect(throws: FileError.self) { try odd.open() }
        }
    }

    @Test func everyPrefixIsRefused() throws {
        var bytes = GGUFBytes()
        bytes.add("k", 9, GGUFBytes.number(5, 4) + GGUFBytes.number(2, 8) + GGUFBytes.number(1, 8))
        bytes.add("w", 0, [2], [UInt8](repeating: 0, count: 8))
        let whole = bytes.bytes
        _ = try GGUFFile(whole, path: "test")
        for count in 0..<whole.count {
            #expect(throws: FileError.self) { try GGUFFile(Array(whole[..<count]), path: "test") }
        }
    }
}
