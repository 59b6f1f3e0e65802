import Benchmarking
import Glibc
import Tensors

/// `apus tune`: searches tile sizes of the OpenCL kernels and stores the winners for this device and driver.
enum TuneCommand: Command {
    static let name = "tune"
    static let summary =
        "Search tile sizes of the OpenCL kernels for a device and keep the winners."
    static let usage = "[--device opencl:0] [--kernels matmul,attention] [--seconds 120]"
    static let flags = [
        Flag("device", "D,…", "opencl:0, … (every OpenCL device)"),
        Flag("kernels", "K,…", "only these kernels: \(Tuner.kernels.joined(separator: ", "))"),
        Flag("seconds", "S", "time for the whole search on a device (120)"),
    ]
    static let notes =
        "The winners are used from then on. They lie in ~/.cache/apus, or where APUS_CACHE says."

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard arguments.words.isEmpty else {
            throw BenchmarkError.usage("tune takes no words, but there is \(arguments.words[0])")
        }
        let seconds = try arguments.positive("seconds", most: 1e6) ?? 120
        let kernels = try arguments.list("kernels")
        if let stranger = kernels?.first(where: { !Tuner.kernels.contains($0) }) {
            throw BenchmarkError.usage(
                Arguments.unknown(stranger, among: Tuner.kernels, "tune --kernels"))
        }
        for device in try devices(arguments) {
            guard let tuner = Tuner(device) else {
                throw BenchmarkError.usage(
                    "tune: \(device.name) has no tile sizes to search; OpenCL devices have")
            }
            try search(tuner, device, kernels, seconds)
        }
        return 0
    }

    private static func devices(_ arguments: Arguments) throws -> [Device] {
        if let names = try arguments.list("device") {
            return try names.map { try Device.named($0) }
        }
        _ = try Device.opencl(0)
        return Device.all.filter { $0 != .cpu }
    }

    private static func search(
        _ tuner: Tuner, _ device: Device, _ kernels: [String]?, _ seconds: Double
    ) throws {
        let tasks = try tuner.tasks(kernels: kernels)
        print(Terminal.styled("\(device.name)  \(ListedDevice(device).title)", "1"))
        for task in tasks {
            let label = "  \(task.kernel.padded(8)) \(task.shapeClass.padded(18))"
            let outcome = tuner.search(task, seconds: seconds / Double(tasks.count)) { tried in
                guard Terminal.isPresent else { return }
                print("\r\(label) \(tried) of \(task.candidates.count)", terminator: "")
                fflush(nil)
            }
            print(
                (Terminal.isPresent ? "\r" : "") + label + " " + describe(outcome, task.benchmark))
            fflush(nil)
        }
        guard tuner.save() else {
            throw BenchmarkError.failure("\(tuner.path ?? "the cache folder"): cannot be written")
        }
        print("  stored in \(tuner.path ?? "")")
    }

    private static func describe(_ outcome: Tuner.Outcome, _ c: Case) -> String {
        let rate = { (seconds: Double) in short(c.flops / seconds / 1e9) }
        let counts =
            "\(outcome.tried) tried" + (outcome.failed > 0 ? ", \(outcome.failed) not fit" : "")
        guard outcome.best.isFinite else { return "nothing works here (\(counts))" }
        let gain = outcome.before / outcome.best
        let tile = (outcome.defines ?? [:]).sorted { $0.key < $1.key }.map {
            "\($0.key)=\($0.value)"
        }
        return "\(rate(outcome.before)) -> \(rate(outcome.best)) GFLOP/s (\(fixed(gain, 2))×) "
            + "\(tile.joined(separator: " ")) (\(counts))"
    }
}
