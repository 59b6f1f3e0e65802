public import Files
import Glibc

/// What a run leaves behind:
///
///     run/config.json                recipe, plan and settings: enough to start it again
///     run/metrics.jsonl              one line a step and an evaluation
///     run/events.out.tfevents…       the same for TensorBoard
///     run/checkpoints/step-00001000.safetensors, best.safetensors
///     run/samples/step-00001000.png, .txt
///     run/report.html                all of it on one page
public struct RunFolder: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    public var configuration: String { "\(path)/config.json" }
    public var metrics: String { "\(path)/metrics.jsonl" }
    public var report: String { "\(path)/report.html" }
    public var best: String { "\(checkpoints)/best.safetensors" }
    var checkpoints: String { "\(path)/checkpoints" }
    var samples: String { "\(path)/samples" }

    func checkpoint(_ step: Int) -> String { "\(checkpoints)/step-\(padded(step)).safetensors" }
    func sample(_ step: Int, _ suffix: String) -> String {
        "\(samples)/step-\(padded(step))\(suffix)"
    }

    private func padded(_ step: Int) -> String {
        let digits = String(step)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// Makes the folders that are missing.
    public func create() throws(FileError) {
        for folder in [path, checkpoints, samples] { try makeFolder(folder) }
    }

    /// Whether a run stands here already.
    public var hasRun: Bool { access(configuration, F_OK) == 0 }

    /// Steps after which checkpoints were written, in ascending order.
    public func savedSteps() -> [Int] {
        guard let files = try? filesBelow(checkpoints) else { return [] }
        return files.compactMap { file in
            let name = file.split(separator: "/").last ?? ""
            guard name.hasPrefix("step-"), name.hasSuffix(".safetensors") else { return nil }
            return Int(name.dropFirst(5).dropLast(12))
        }.sorted()
    }

    /// The newest checkpoint that can be read. Broken ones are named to `warn` and passed over.
    public func newestState(warn: (String) -> Void) throws(FileError) -> (
        step: Int, state: TrainingState
    )? {
        for step in savedSteps().reversed() {
            do throws(FileError) {
                return (step, try TrainingState(reading: checkpoint(step)))
            } catch {
                warn("\(error); an older checkpoint is taken")
            }
        }
        return nil
    }

    /// Removes all but the newest `keep` checkpoints, and what interrupted writes left behind.
    func prune(keep: Int) {
        for step in savedSteps().dropLast(keep) { unlink(checkpoint(step)) }
        for file in (try? filesBelow(checkpoints)) ?? [] where file.contains(".part-") {
            unlink(file)
        }
    }
}

/// A folder, if it is not there yet.
private func makeFolder(_ path: String) throws(FileError) {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        .joined(separator: "/")
    if errno == ENOENT, !parent.isEmpty, parent != path {
        try makeFolder(parent)
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    }
    throw FileError(path, "cannot be made: \(String(cString: strerror(errno)))")
}
