import CApus

/// One argument of a kernel, as Kernels/README.md writes it.
enum KernelArgument {
    /// A pointer and the offset of its first element.
    case tensor(Tensor)
    /// The same for an operand that is not there.
    case absent
    case long(Int)
    case int(Int)
    case float(Float)
    /// A shape, or strides, by value.
    case axes(apus_cl_axes)
    /// A struct of longs by value, such as the lengths of a convolution.
    case lengths([Int64])
}

extension KernelArgument {
    static func optional(_ tensor: Tensor?) -> KernelArgument {
        tensor.map { .tensor($0) } ?? .absent
    }
}

/// Defines for the kernel's compiler.
typealias KernelOptions = [(name: String, value: Int)]

extension OpenCLBackend {
    /// Enqueues a kernel over global work-items in groups of local ones.
    func launch(
        _ file: String, _ name: String, _ options: KernelOptions, _ arguments: [KernelArgument],
        global: [Int], local: [Int]
    ) {
        let text = options.map { "-D\($0.name)=\($0.value)" }.joined(separator: " ")
        guard let kernel = kernel(file, name, text) else { return }
        LaunchLog.note(name)
        // Structs travel by address: each argument's is a run of one flat array.
        let structs = arguments.map(\.words)
        let starts = structs.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
        let sizes = { (list: [Int]) in (0..<3).map { $0 < list.count ? Int64(list[$0]) : 1 } }
        let launched = withExtendedLifetime(arguments) {
            structs.flatMap { $0 }.withUnsafeBufferPointer { words in
                let list = arguments.indices.map { i in
                    arguments[i].c(
                        words: words.baseAddress.map { $0 + starts[i] }, count: structs[i].count)
                }
                return apus_cl_launch(
                    kernel, list, Int32(list.count), sizes(global), sizes(local))
            }
        }
        if !launched && !Trial.notesFailure() { fail() }
    }
}

extension KernelArgument {
    /// The contents of a struct.
    fileprivate var words: [Int64] {
        switch self {
        case .axes(let axes): axes.words
        case .lengths(let lengths): lengths
        default: []
        }
    }

    fileprivate func c(words: UnsafePointer<Int64>?, count: Int) -> apus_cl_argument {
        switch self {
        case .tensor(let tensor):
            apus_cl_tensor(tensor.storage.buffer, Int64(tensor.layout.offset))
        case .absent: apus_cl_tensor(nil, 0)
        case .long(let value): apus_cl_long(Int64(value))
        case .int(let value): apus_cl_int(Int32(truncatingIfNeeded: value))
        case .float(let value): apus_cl_float(value)
        case .axes, .lengths:
            apus_cl_struct(words, Int32(count * MemoryLayout<Int64>.size))
        }
    }
}

extension apus_cl_axes {
    init(_ values: [Int]) {
        self.init()
        withUnsafeMutableBytes(of: &n) { bytes in
            let list = bytes.bindMemory(to: Int64.self)
            for (i, value) in values.enumerated() { list[i] = Int64(value) }
        }
    }

    var words: [Int64] { withUnsafeBytes(of: n) { Array($0.bindMemory(to: Int64.self)) } }

    subscript(_ axis: Int) -> Int { Int(words[axis]) }
}

/// Tensors of one shape with the axes that all of them walk alike merged.
struct MergedAxes {
    let shape: apus_cl_axes
    let strides: [apus_cl_axes]
    let rank: Int

    init(_ tensors: [Tensor]) {
        let arrays = tensors.map(\.array)
        var shape = apus_cl_axes()
        var strides = [apus_cl_axes](repeating: apus_cl_axes(), count: tensors.count)
        rank = arrays.withUnsafeBufferPointer { buffer in
            let pointers = buffer.indices.map { i in buffer.baseAddress.map { $0 + i } }
            return Int(apus_cl_merge_axes(pointers, Int32(tensors.count), &shape, &strides))
        }
        (self.shape, self.strides) = (shape, strides)
    }

    /// The length of the last axis, and the number of rows along it.
    var columns: Int { shape[rank - 1] }
    var rows: Int { (0..<rank - 1).map { shape[$0] }.reduce(1, *) }

    /// The last stride of tensor i.
    func step(_ i: Int) -> Int { strides[i][rank - 1] }
}

extension DType {
    /// As the kernels' options take it.
    var option: Int { Int(rawValue) }
}
