public import Files
import Glibc

/// Writes a file of expectations, row by row; it takes its name when it is whole.
public final class ExpectationWriter {
    private let path: String
    private let temporary: String
    private let file: Int32
    private let vocabulary: Int
    private var isFinished = false

    public init(_ path: String, _ windows: TextWindows, vocabulary: Int) throws(FileError) {
        (self.path, self.vocabulary) = (path, vocabulary)
        temporary = "\(path).part-\(getpid())"
        file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw ExpectationWriter.failure(path) }
        let count = windows.ranges.count
        let numbers =
            [windows.size, vocabulary, count] + windows.tokens.prefix(windows.size * count)
        try append(bytes: Array("_logits_".utf8) + numbers.flatMap { little(UInt32($0)) })
    }

    /// A file that was not finished goes.
    deinit {
        if file >= 0 && !isFinished {
            close(file)
            unlink(temporary)
        }
    }

    /// A window's rows of logits.
    public func append(_ logits: [[Float]]) throws(FileError) {
        for row in logits { try append(bytes: coded(row)) }
    }

    public func finish() throws(FileError) {
        isFinished = true
        guard fsync(file) == 0, close(file) == 0, rename(temporary, path) == 0 else {
            throw ExpectationWriter.failure(path)
        }
    }

    /// Log-probabilities as 16-bit steps between the largest and at most 16 below it.
    private func coded(_ logits: [Float]) -> [UInt8] {
        let highest = logits.reduce(-Float.infinity) { max($0, $1) }
        let lowest = max(logits.reduce(Float.infinity) { min($0, $1) }, highest - 16)
        let scale = (highest - lowest) / 65535
        let least = lowest - Float(logSumExp(logits))
        var bytes = little(scale.bitPattern) + little(least.bitPattern)
        bytes.reserveCapacity(ExpectationFile.rowLength(vocabulary))
        let factor = scale > 0 ? 1 / scale : 0
        for logit in logits {
            let steps = logit > lowest ? ((logit - lowest) * factor).rounded() : 0
            let code = UInt16(max(0, min(65535, steps)))
            bytes.append(UInt8(truncatingIfNeeded: code))
            bytes.append(UInt8(truncatingIfNeeded: code >> 8))
        }
        if logits.count % 2 == 1 { bytes += [0, 0] }
        return bytes
    }

    private func little(_ word: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) }
    }

    private func append(bytes: [UInt8]) throws(FileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = Array(rest)
            let done = Glibc.write(file, part, part.count)
            if done < 0 && errno == EINTR { continue }
            guard done > 0 else { throw ExpectationWriter.failure(path) }
            rest = rest.dropFirst(done)
        }
    }

    private static func failure(_ path: String) -> FileError {
        FileError(path, "cannot be written: \(String(cString: strerror(errno)))")
    }
}
