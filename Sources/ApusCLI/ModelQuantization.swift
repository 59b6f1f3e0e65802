import Benchmarking
import Files
import Glibc
import Networks
import Transformers

/// `apus quantize IN.gguf OUT.gguf TYPE`: a language model's file with its matrices in fewer bits.
enum ModelQuantization {
    static let types = GGUFMixture.allCases.map(\.rawValue).joined(separator: " ")

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.count == 3 else {
            throw BenchmarkError.usage("quantize: say apus quantize IN.gguf OUT.gguf TYPE")
        }
        let (source, target) = (arguments.words[0], arguments.words[1])
        guard let mixture = GGUFMixture(named: arguments.words[2]) else {
            throw BenchmarkError.usage(
                "quantize: \(arguments.words[2]) is no type; there are \(types)")
        }
        let file = try GGUFFile(path: source)
        try checkModel(file)
        let importance = try arguments.text("imatrix").map { path in
            try ImportanceMatrix(path: path)
        }
        if let blocks = file.tensors.first(where: { $0.type.block.values > 1 }) {
            complain(
                "\(source) holds \(blocks.type.name) already: its errors stay, and those of "
                    + "\(mixture.rawValue) are added")
        }
        var bar = ProgressBar("quantizing")
        try file.write(as: mixture, importance: importance, to: target) { bar.show($0, of: $1) }
        bar.clear()
        let (before, after) = (bytes(file), bytes(try GGUFFile(path: target)))
        print(
            "\(target): \(mixture.rawValue), \(size(Double(after.bytes))) instead of "
                + "\(size(Double(before.bytes))), \(after.bits) bits a value instead of \(before.bits)"
        )
        return 0
    }

    private static func bytes(_ file: GGUFFile) -> (bytes: Int, bits: String) {
        let bytes = file.tensors.reduce(0) { $0 + $1.byteCount }
        let values = file.tensors.reduce(0) { $0 + $1.count }
        return (bytes, fixed(Double(bytes) * 8 / Double(max(1, values)), 2))
    }
}
