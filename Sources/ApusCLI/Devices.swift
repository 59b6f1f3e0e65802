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
        if let backend = device.backend as? OpenCLBackend {
            let about = backend.description
            title = about.name
            memory = Double(about.globalMemory) * 0.9
            facts = ListedDevice.facts(about)
        } else {
            let cpu = CPUDescription.current
            title = cpu.model
            memory = Double(CPUDescription.availableMemory) * 0.9
            facts = ListedDevice.facts(cpu)
        }
    }

    private static func facts(_ cpu: CPUDescription) -> [(name: String, value: String)] {
        let caches = zip(["L1", "L2", "L3"], cpu.caches).map { "\($0) \(size(Double($1)))" }
        var facts = [
            ("cores", "\(cpu.processors), \(cpu.threads) threads in use"),
            ("caches", caches.joined(separator: ", ")),
            ("instructions", "\(cpu.instructionSet) (of \(cpu.features.joined(separator: " ")))"),
            ("memory", size(Double(cpu.memory))),
        ]
        if let governor = cpu.governor { facts.append(("governor", governor)) }
        return facts
    }

    private static func facts(_ about: OpenCLDescription) -> [(name: String, value: String)] {
        [
            ("driver", "\(about.driver), \(about.language.trimmed), \(about.platform)"),
            ("units", "\(about.computeUnits) at \(about.clockMHz) MHz"),
            (
                "memory",
                "\(size(Double(about.globalMemory))), blocks up to \(size(Double(about.largestBlock))), "
                    + "local \(size(Double(about.localMemory)))"
            ),
            (
                "features",
                about.features.isEmpty
                    ? "none beyond OpenCL 1.2" : about.features.joined(separator: ", ")
            ),
        ]
    }

    /// Every device of the machine.
    static var all: [ListedDevice] { Device.all.map { ListedDevice($0) } }

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

extension String {
    /// Without the spaces around it.
    fileprivate var trimmed: String {
        split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
}
