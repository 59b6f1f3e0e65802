// fuzz gguf|safetensors|tokenizer|template|sentencepiece|imatrix …
//
// Built by `make fuzz`, libFuzzer calls the parser with ever new bytes; the other words are its own: folders with
// examples, -max_total_time=600. Built as usual, it reads the files that are named, so that findings can be run again.
// A parser may refuse what it likes; it must not trap, hang or ask for memory without end.
import Files
import Glibc

guard CommandLine.arguments.count > 1, let target = FuzzTarget(CommandLine.arguments[1]) else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")
    print("usage: fuzz \(names) …")
    exit(2)
}

#if FUZZING
    typealias Callback = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    typealias Words = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    @_silgen_name("LLVMFuzzerRunDriver")
    func runDriver(
        _ count: UnsafeMutablePointer<CInt>, _ words: UnsafeMutablePointer<Words>,
        _ callback: Callback
    ) -> CInt

    // Its words begin behind the target's name, which takes the program's place.
    var words = CommandLine.unsafeArgv + 1
    var count = CommandLine.argc - 1
    let code = runDriver(&count, &words) { bytes, count in
        let target = FuzzTarget(CommandLine.arguments[1])
        target?.read(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
    }
    exit(code)
#else
    for path in CommandLine.arguments.dropFirst(2) {
        print(path)
        target.read(try readFile(path))
    }
#endif
