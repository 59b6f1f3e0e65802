import Glibc
import Synchronization

/// The tile sizes that `apus tune` found to be the fastest on one device with one driver.
///
/// They are kept as JSON, one entry a line, under a checksum. A file that is broken in any way is not trusted: it is begun
/// anew, with one line on stderr.
package final class TuningStore: Sendable {
    package typealias Defines = [String: Int]

    private let entries = Mutex<[Key: Defines]>([:])
    private let heading: String
    /// Nil where there is no folder for it.
    package let path: String?

    private struct Key: Hashable {
        let kernel, shapeClass: String
    }

    /// Reads what is stored for a device.
    package init(device: String, driver: String, folder: String?) {
        let title =
            "\"device\": \"\(TuningStore.plain(device))\", \"driver\": \"\(TuningStore.plain(driver))\""
        heading = title
        path = folder.map { "\($0)/tuning-\(String(TuningStore.hash(title), radix: 16)).json" }
        guard let path, let text = TuningStore.read(path) else { return }
        if let stored = parsed(text) {
            entries.withLock { $0 = stored }
        } else {
            TuningStore.complain("apus: \(path): broken, begun anew: run apus tune again\n")
            _ = save()
        }
    }

    /// The winner for a kernel on shapes of a class.
    package subscript(kernel: String, shapeClass: String) -> Defines? {
        get { entries.withLock { $0[Key(kernel: kernel, shapeClass: shapeClass)] } }
        set { entries.withLock { $0[Key(kernel: kernel, shapeClass: shapeClass)] = newValue } }
    }

    package var count: Int { entries.withLock { $0.count } }

    /// Writes all entries; false if the file cannot be written.
    package func save() -> Bool {
        guard let path else { return false }
        let temporary = "\(path).part-\(getpid())"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { return false }
        let bytes = Array(text.utf8)
        let written = write(file, bytes, bytes.count) == bytes.count
        guard close(file) == 0, written, rename(temporary, path) == 0 else {
            unlink(temporary)
            return false
        }
        return true
    }
}

extension TuningStore {
    /// Attention's tile depends on the head size, and on whether there are rows enough to fill it.
    package static func attentionClass(rows: Int, headSize: Int) -> String {
        "\(rows <= 8 ? "few" : "many") rows of \(headSize)"
    }

    /// Products of one class share their tile sizes: what matters is whether the result is narrow.
    package static func productClass(rows: Int, columns: Int) -> String {
        func width(_ length: Int) -> String { length <= 32 ? "32" : length <= 256 ? "256" : "more" }
        return "\(width(rows)) x \(width(columns))"
    }
}

// MARK: the file

extension TuningStore {
    private var text: String {
        let lines = entries.withLock { $0 }.map { key, defines in
            let values = defines.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
            return "{\"kernel\": \"\(key.kernel)\", \"class\": \"\(key.shapeClass)\", "
                + "\"defines\": {\(values.joined(separator: ", "))}}"
        }.sorted()
        let body = lines.joined(separator: ",\n")
        return
            "{\(heading), \"checksum\": \"\(String(TuningStore.hash(heading + body), radix: 16))\", \"entries\": [\n"
            + body + "\n]}\n"
    }

    /// The entries of a file that this class wrote; nil for any other text.
    private func parsed(_ text: String) -> [Key: Defines]? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 4, lines.suffix(2) == ["]}", ""] else { return nil }
        let body = lines[1..<(lines.count - 2)].joined(separator: "\n")
        let checksum = String(TuningStore.hash(heading + body), radix: 16)
        guard lines[0] == "{\(heading), \"checksum\": \"\(checksum)\", \"entries\": [" else {
            return nil
        }
        var found: [Key: Defines] = [:]
        for line in body.split(separator: "\n") {
            // {"kernel": "K", "class": "C", "defines": {"A": 1, "B": 2}}
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            guard parts.count >= 11 else { return nil }
            var defines: Defines = [:]
            for index in stride(from: 11, to: parts.count - 1, by: 2) {
                guard let value = Int(parts[index + 1].filter { $0.isNumber || $0 == "-" }) else {
                    return nil
                }
                defines[String(parts[index])] = value
            }
            found[Key(kernel: String(parts[3]), shapeClass: String(parts[7]))] = defines
        }
        return found
    }

    /// Letters and digits; nothing that JSON would have to escape.
    private static func plain(_ text: String) -> String {
        String(text.map { $0.isLetter || $0.isNumber ? $0 : "-" })
    }

    /// FNV-1a: it finds accidents, not attacks.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    private static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size < 1 << 24 else { return "" }
        let size = Int(status.st_size)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size {
                let count = Glibc.read(file, buffer.baseAddress.map { $0 + filled }, size - filled)
                if count <= 0 { return }
                filled += count
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func complain(_ line: String) {
        let bytes = Array(line.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
