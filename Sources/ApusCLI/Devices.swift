import Benchmarking
import Tensors

/// A device as it is listed: its name, and what there is to say about it.
struct ListedDevice: Sendable {
    let device: Device
    let title: String
    let facts: [(name: String, value: String)]
    /// Bytes that tensors can take.
    let memory: Double

    init(_ device: Device) {
        self.device = device
        let cpu = CPUDescription.current
        title = cpu.model
        memory = Double(CPUDescription.availableMemory) * 0.9
        var facts = [
            ("cores", "\(cpu.processors), \(cpu.threads) threads in use"),
            (
                "caches",
                zip(["L1", "L2", "L3"], cpu.caches).map { "\($0) \(size(Double($1)))" }.joined(separator: ", ")
            ),
            ("instructions", "\(cpu.instructionSet) (of \(cpu.features.joined(separator: " ")))"),
            ("memory", size(Double(cpu.memory))),
        ]
        if let governor = cpu.governor { facts.append(("governor", governor)) }
        self.facts = facts
    }

    /// Every device of the machine.
    static var all: [ListedDevice] { [ListedDevice(.cpu)] }

    /// The devices of `--device a,b`; the CPU unless given.
    static func named(_ names: [String]?) throws -> [ListedDevice] {
        try (names ?? ["cpu"]).map { ListedDevice(try Device.named($0)) }
    }
}

/// Sets the number of threads from `--threads`.
func setThreads(_ arguments: Arguments) throws {
    if let threads = try arguments.int("threads", in: 1...256) { Threads.count = threads }
}

extension Flag {
    static let threads = Flag("threads", "N", "threads that work on an op (all cores)")
    static let device = Flag("device", "D,…", "cpu, opencl:0, … (cpu)")
}

extension ListedDevice {
    /// Why the list holds no OpenCL device, if it holds none.
    static var openCLProblem: String? {
        guard Device.openCLCount == 0 else { return nil }
        do {
            _ = try Device.opencl(0)
            return nil
        } catch {
            return error.description
        }
    }
}
