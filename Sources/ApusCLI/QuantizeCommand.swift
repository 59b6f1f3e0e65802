import Benchmarking

/// `apus quantize`: weights in few bits.
enum QuantizeCommand: Command {
    static let name = "quantize"
    static let summary = "Store a language model's matrices in fewer bits."
    static let usage = "IN.gguf OUT.gguf TYPE [--imatrix FILE]"
    static let flags = [
        Flag("imatrix", "FILE", "how much each column matters, from apus imatrix or llama.cpp"),
        Flag.threads,
    ]
    static let notes = """
        TYPE is one of \(ModelQuantization.types);
        Q3_K, Q4_K and Q5_K mean their medium variants. Q4_K_M is the usual choice, Q8_0 the careful one.
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        try setThreads(arguments)
        return try ModelQuantization.run(arguments)
    }
}
