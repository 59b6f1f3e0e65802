import CApus
import Glibc

/// What the CPU is, as far as the system tells.
package struct CPUDescription: Sendable {
    package let model: String
    /// Processors that the system runs programs on.
    package let processors: Int
    /// The threads that work on an op.
    package let threads: Int
    /// Bytes of the level-1 data, level-2 and last-level caches.
    package let caches: [Int]
    /// "avx512": for which the kernels in use were compiled.
    package let instructionSet: String
    /// What the CPU lists of the extensions that the kernels know.
    package let features: [String]
    package let memory: Int
    /// The frequency governor of the first processor, where the system has one.
    package let governor: String?

    package static var current: CPUDescription {
        let lines = text("/proc/cpuinfo").split(separator: "\n")
        func field(_ names: String...) -> String? {
            let line = lines.first { line in names.contains { line.hasPrefix($0) } }
            return line.flatMap { $0.split(separator: ":", maxSplits: 1).last }
                .map { String($0.drop { $0 == " " }) }
        }
        let known: Set = [
            "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
            "avx_vnni", "amx_bf16",
            "amx_int8", "asimd", "asimddp", "bf16", "i8mm", "fphp", "sve",
        ]
        let listed = field("flags", "Features")?.split(separator: " ").map(String.init) ?? []
        let caches = apus_cpu_caches()
        let governor = text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
            .split(separator: "\n").first.map(String.init)
        return CPUDescription(
            model: field("model name", "CPU implementer") ?? "unknown",
            processors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            threads: Int(apus_thread_count()),
            caches: [Int(caches.l1), Int(caches.l2), Int(caches.l3)],
            instructionSet: String(cString: apus_isa_name(apus_cpu_isa())),
            features: listed.filter(known.contains),
            memory: sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)),
            governor: governor)
    }

    /// Bytes that programs can still get, by the system's estimate.
    package static var availableMemory: Int {
        let line = text("/proc/meminfo").split(separator: "\n").first {
            $0.hasPrefix("MemAvailable:")
        }
        let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return (kilobytes ?? sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) / 1024)
            * 1024
    }

    /// The average number of processes that wanted to run in the last minute.
    package static var load: Double {
        text("/proc/loadavg").split(separator: " ").first.flatMap { Double($0) } ?? 0
    }

    /// The beginning of a system file; "" if there is none.
    private static func text(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, filled in
            while filled < buffer.count {
                let count = read(
                    file, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
                if count <= 0 { return }
                filled += count
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The CPU threads that work on an op, all ops alike. Results do not depend on their number.
public enum Threads {
    /// At first one for each core.
    public static var count: Int {
        get { Int(apus_thread_count()) }
        set { apus_set_thread_count(Int32(clamping: newValue)) }
    }
}
