import Benchmarking

/// `apus quantize`: weights in few bits, of a model's file, or of a run to see what they cost it.
enum QuantizeCommand: Command {
    static let name = "quantize"
    static let summary =
        "Store a language model's matrices in fewer bits, or see what that costs a run."
    static let usage = "IN.gguf OUT.gguf TYPE [--imatrix FILE], or FOLDER --type int8|int4|q8|q4|…"
    static let flags =
        [Flag("imatrix", "FILE", "how much each column matters, from apus imatrix or llama.cpp")]
        + FinishedRun.flags
    static let notes = """
        TYPE is one of \(ModelQuantization.types);
        Q3_K, Q4_K and Q5_K mean their medium variants. Q4_K_M is the usual choice, Q8_0 the careful one.
        Of a folder of apus train: the figures of apus evaluate, the weights' bytes and the time of apus sample, in f32 and in
        few bits, which apus sample and apus evaluate take by --type too. Norms, biases and small weights stay f32.
        """

    static func run(_ arguments: Arguments) throws -> Int32 {
        if arguments.has("type") { return try RunQuantization.run(arguments) }
        try setThreads(arguments)
        return try ModelQuantization.run(arguments)
    }
}
