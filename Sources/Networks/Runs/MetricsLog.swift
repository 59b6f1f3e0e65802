import Files
import Glibc

/// `metrics.jsonl`: one object a line, appended as it happens.
///
///     {"step": 12, "loss": 2.31, "lr": 0.0003, "seconds": 0.021, "per_second": 48762}
///     {"step": 100, "evaluation": {"loss": 2.07}}
final class MetricsLog {
    private let path: String
    private let file: Int32

    /// Opens the log of a run that goes on after `step` steps; later lines, of a try that was cut off, are dropped.
    init(_ path: String, after step: Int) throws(FileError) {
        self.path = path
        let kept = step == 0 ? [] : try MetricsLog.lines(path).filter { $0.step <= step }
        try writeFile(path, [Array(kept.map { $0.json.text + "\n" }.joined().utf8)])
        file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard file >= 0 else {
            throw FileError(path, "cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(file) }

    func append(_ members: [JSON.Member]) throws(FileError) {
        let line = Array((JSON.object(members).text + "\n").utf8)
        guard write(file, line, line.count) == line.count else {
            throw FileError(path, "cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    /// One line of a log.
    struct Line: Sendable {
        let step: Int
        let json: JSON
    }

    /// The whole lines of a log; one that was cut off in the middle is left out.
    static func lines(_ path: String) throws(FileError) -> [Line] {
        guard access(path, F_OK) == 0 else { return [] }
        return try readFile(path).split(separator: UInt8(ascii: "\n")).compactMap { bytes in
            guard let json = try? JSON(parsing: Array(bytes), path: path),
                let step = json["step"]?.int
            else { return nil }
            return Line(step: step, json: json)
        }
    }
}

extension Figures {
    /// As members of a line.
    var members: [JSON.Member] {
        entries.map { JSON.Member(key: $0.name, value: .number($0.value)) }
    }
}
