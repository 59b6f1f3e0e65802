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
        #expect(throws: FileError.self) { try file.quantized("i") }
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

@Suite struct GGUFWritingTests {
    @Test func whatIsWrittenIsRead() throws {
        let path = "/tmp/apus-test-\(getpid())-w.gguf"
        defer { unlink(path) }
        var metadata = GGUFMetadata()
        let values: [GGUFValue] = [
            .uint8(255), .int8(-3), .uint16(65535), .int16(-9), .uint32(.max), .int32(.min),
            .uint64(.max), .int64(.min), .float32(0.1), .float64(1e300), .bool(true),
            .text("Größe"), .texts(["a", ""]), .array(of: .array, [.integers([1]), .floats([])]),
            .array(of: .string, []),
        ]
        for (i, value) in values.enumerated() { metadata["k.\(i)"] = value }
        metadata["general.alignment"] = .uint32(64)
        metadata["gone"] = .bool(true)
        metadata["gone"] = nil
        let list = [
            try GGUFTensor(name: "a", type: .f32, shape: [3], path: path),
            try GGUFTensor(name: "b", type: .q8_0, shape: [2, 64], path: path),
            try GGUFTensor(name: "c", type: .f32, shape: [], path: path),
        ]
        let contents: [[UInt8]] = [
            Tensor([1, 2, 3] as [Float], on: .cpu).bytes(), [UInt8](repeating: 7, count: 136),
            Tensor(5, on: .cpu).bytes(),
        ]
        try writeGGUF(metadata, list, to: path) { place, write throws(FileError) in
            for byte in contents[place] { try write([byte]) }
        }
        let file = try GGUFFile(path: path)
        #expect(file.metadata.keys == metadata.keys && file.alignment == 64)
        for key in metadata.keys { #expect(file.metadata[key] == metadata[key]) }
        #expect(try file.tensor("a", on: .cpu).scalars() == [1, 2, 3])
        #expect(try file.quantized("b", on: .cpu).blocks() == contents[1])
        #expect(try file.tensor("c", on: .cpu).item() == 5)
        #expect(file.tensors.allSatisfy { $0.offset % 64 == 0 })
    }

    @Test func aTensorOfTheWrongLengthLeavesNoFile() throws {
        let path = "/tmp/apus-test-\(getpid())-n.gguf"
        let list = [try GGUFTensor(name: "a", type: .f32, shape: [3], path: path)]
        #expect(throws: FileError.self) {
            try writeGGUF(GGUFMetadata(), list, to: path) { _, write throws(FileError) in
                try write([1, 2])
            }
        }
        #expect(!exists(path) && !exists("\(path).part-\(getpid())"))
    }

    @Test(arguments: GGUFMixture.allCases)
    func mixturesAreWritten(mixture: GGUFMixture) throws {
        let (source, target) = (
            "/tmp/apus-test-\(getpid())-\(mixture)-s.gguf",
            "/tmp/apus-test-\(getpid())-\(mixture).gguf"
        )
        defer { for path in [source, target] { unlink(path) } }
        var random = RandomKey(seed: 1)
        let shapes = [
            ("token_embd.weight", [8, 256]), ("output_norm.weight", [256]),
            ("blk.0.attn_v.weight", [8, 256]), ("blk.0.ffn_down.weight", [8, 512]),
            ("blk.1.ffn_down.weight", [8, 96]), ("blk.1.attn_v.weight", [8, 20]),
        ]
        let list = try shapes.map {
            try GGUFTensor(name: $0.0, type: .f32, shape: $0.1, path: source)
        }
        let tensors = shapes.map { random.normal($0.1, on: .cpu) }
        try writeGGUF(GGUFMetadata(), list, to: source) { place, write throws(FileError) in
            try write(tensors[place].bytes())
        }
        try GGUFFile(path: source).write(as: mixture, to: target)
        let file = try GGUFFile(path: target)
        #expect(file.metadata["general.file_type"] == .uint32(mixture.fileType))
        #expect(file.entry("output_norm.weight")?.type == .f32)
        for (tensor, x) in zip(file.tensors, tensors) where x.rank == 2 {
            let d = try file.tensor(tensor.name, on: .cpu).cast(to: .f32) - x
            #expect((d * d).mean().item() < 0.1)
        }
        #expect(file.entry("blk.1.attn_v.weight")?.type.block.values == 1)
    }

    @Test func typesAreThoseOfTheReference() throws {
        // Of 16 layers the first two, the last two and every third between keep more.
        var bytes = GGUFBytes()
        bytes.add("general.architecture", 8, GGUFBytes.text("llama"))
        for layer in 0..<16 {
            bytes.add(
                "blk.\(layer).ffn_down.weight", 1, [1, 256], [UInt8](repeating: 0, count: 512))
        }
        bytes.add("output.weight", 1, [1, 256], [UInt8](repeating: 0, count: 512))
        let path = "/tmp/apus-test-\(getpid())-t.gguf"
        defer { unlink(path) }
        try bytes.open().write(as: .q4_K_M, to: path)
        let file = try GGUFFile(path: path)
        let raised = (0..<16).filter { file.entry("blk.\($0).ffn_down.weight")?.type == .q6_K }
        #expect(raised == [0, 1, 4, 7, 10, 13, 14, 15])
        #expect(file.entry("output.weight")?.type == .q6_K)
    }
}

@Suite struct SafetensorsFolderTests {
    private static func folder(_ index: String?, _ names: [String]) throws -> String {
        let folder = "/tmp/apus-test-\(getpid())-\(UInt64.random(in: 0..<(.max)))"
        mkdir(folder, 0o755)
        for (i, name) in names.enumerated() {
            let x = Tensor([Float(i)], on: .cpu)
            try writeSafetensors([("x\(i)", x)], to: "\(folder)/\(name)")
        }
        if let index {
            try writeFile("\(folder)/model.safetensors.index.json", [Array(index.utf8)])
        }
        return folder
    }

    private static func remove(_ folder: String) throws {
        for path in try filesBelow(folder) { unlink(path) }
        rmdir(folder)
    }

    @Test func shardsAreReadAsOne() throws {
        let index = #"{"weight_map": {"x0": "a.safetensors", "x1": "b.safetensors"}}"#
        let folder = try Self.folder(index, ["a.safetensors", "b.safetensors"])
        defer { try? Self.remove(folder) }
        let files = try SafetensorsFolder(path: folder)
        #expect(files.entries.map(\.name) == ["x0", "x1"])
        #expect(try files.tensor("x1", on: .cpu).item() == 1)
        #expect(throws: FileError.self) { try files.tensor("x2") }
    }

    @Test(arguments: [
        #"{"weight_map": {"x": "../a.safetensors"}}"#, #"{"weight_map": {"x": "/a.safetensors"}}"#,
        #"{"weight_map": {"x": "b.safetensors"}}"#, #"{"weight_map": {"x": ""}}"#,
        #"{"weight_map": {"x": "a.safetensors"}}"#,
        #"{"weight_map": {"x": 3}}"#, #"{"weight_map": {}}"#, "{}", "[", #"{"weight_map": []}"#,
    ])
    func brokenIndicesAreRefused(index: String) throws {
        let folder = try Self.folder(index, ["a.safetensors"])
        defer { try? Self.remove(folder) }
        #expect(throws: FileError.self) { try SafetensorsFolder(path: folder) }
    }
}
