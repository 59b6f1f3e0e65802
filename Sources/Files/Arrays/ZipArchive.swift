/// Files by name in a zip archive, stored or deflated: what NumPy's .npz files are.
///
/// The list of files stands at the end; it is trusted only as far as the bytes bear it out.
public struct ZipArchive: Sendable {
    public struct Entry: Sendable, Equatable {
        public let name: String
        let method: UInt16
        let checkSum: UInt32
        let packed: Int
        let size: Int
        let offset: Int
    }

    public let path: String
    public let entries: [Entry]
    private let bytes: [UInt8]

    public init(path: String) throws(FileError) { try self.init(readFile(path), path: path) }

    public init(_ bytes: [UInt8], path: String) throws(FileError) {
        (self.bytes, self.path) = (bytes, path)
        guard let end = ZipArchive.endOfDirectory(bytes) else {
            throw FileError(path, "is no zip archive")
        }
        var reader = ByteReader(bytes, path: path, at: end + 8)
        _ = try reader.u16("the end of the list")
        let count = try reader.u16("the number of files")
        _ = try reader.u32("the list's length")
        let start = try reader.u32("the list's place")
        guard start != UInt32.max, count != UInt16.max else {
            throw FileError(path, "is a zip archive of 4 GB or more, which is not supported")
        }
        var list = ByteReader(bytes, path: path, at: Int(start))
        var entries: [Entry] = []
        for _ in 0..<count { entries.append(try ZipArchive.entry(&list, path)) }
        guard Set(entries.map(\.name)).count == entries.count else {
            throw FileError(path, "a file's name stands twice in it")
        }
        self.entries = entries
    }

    /// The place of the record that closes the archive, which a comment may follow.
    private static func endOfDirectory(_ bytes: [UInt8]) -> Int? {
        let earliest = max(0, bytes.count - 22 - 65535)
        guard bytes.count >= 22 else { return nil }
        return (earliest...bytes.count - 22).last {
            bytes[$0] == 0x50 && bytes[$0 + 1] == 0x4b && bytes[$0 + 2] == 5 && bytes[$0 + 3] == 6
        }
    }

    private static func entry(_ reader: inout ByteReader, _ path: String) throws(FileError) -> Entry
    {
        guard try reader.u32("an entry") == 0x0201_4b50 else {
            throw FileError(path, "its list of files is damaged at byte \(reader.position)")
        }
        _ = try reader.take(4, "an entry")
        let flags = try reader.u16("an entry's flags")
        let method = try reader.u16("an entry's method")
        _ = try reader.take(4, "an entry's time")
        let checkSum = try reader.u32("an entry's check sum")
        let (packed, size) = (try reader.u32("a size"), try reader.u32("a size"))
        let nameLength = Int(try reader.u16("a name's length"))
        let rest = Int(try reader.u16("a length")) + Int(try reader.u16("a length"))
        _ = try reader.take(8, "an entry")
        let offset = try reader.u32("an entry's place")
        let name = String(decoding: try reader.take(nameLength, "a name"), as: UTF8.self)
        _ = try reader.take(rest, "an entry")
        guard flags & 1 == 0, method == 0 || method == 8 else {
            throw FileError(path, "\(name) is encrypted or packed in an unknown way")
        }
        guard ![packed, size, offset].contains(UInt32.max) else {
            throw FileError(path, "\(name) has 4 GB or more, which is not supported")
        }
        return Entry(
            name: name, method: method, checkSum: checkSum, packed: Int(packed), size: Int(size),
            offset: Int(offset))
    }

    /// The bytes of a file, unpacked and checked.
    public func contents(of entry: Entry) throws(FileError) -> [UInt8] {
        let place = "\(path): \(entry.name)"
        var reader = ByteReader(bytes, path: place, at: entry.offset)
        guard try reader.u32("its header") == 0x0403_4b50 else {
            throw FileError(place, "does not stand where the list says")
        }
        _ = try reader.take(22, "its header")
        let lengths = Int(try reader.u16("its header")) + Int(try reader.u16("its header"))
        _ = try reader.take(lengths, "its header")
        let packed = Array(try reader.take(entry.packed, "its data"))
        let contents =
            entry.method == 0
            ? packed : try Deflated.raw.inflate(packed, limit: entry.size, path: place)
        guard contents.count == entry.size, Files.checkSum(contents) == entry.checkSum else {
            throw FileError(place, "is damaged: its check sum is wrong")
        }
        return contents
    }

    /// The bytes of an archive with these files, deflated if asked.
    public static func bytes(
        of files: [(name: String, contents: [UInt8])], deflated: Bool = false
    ) throws(FileError) -> [UInt8] {
        var archive: [UInt8] = []
        var list: [UInt8] = []
        for (name, contents) in files {
            let packed = deflated ? try Deflated.raw.deflate(contents) : contents
            let name = Array(name.utf8)
            guard archive.count + packed.count < 1 << 32 - 1 << 16, contents.count < 1 << 32 - 1,
                name.count < 1 << 16
            else { throw FileError("zip", "archives of 4 GB or more are not supported") }
            // Version 2.0, no flags, method, 1 January 1980, check sum, sizes, lengths of name and of nothing else.
            let common =
                little(20, 2) + little(0, 2) + little(deflated ? 8 : 0, 2) + little(0, 2)
                + little(33, 2) + little(Int(checkSumOf(contents)), 4) + little(packed.count, 4)
                + little(contents.count, 4) + little(name.count, 2) + little(0, 2)
            list += little(0x0201_4b50, 4) + little(20, 2) + common
            list += little(0, 10) + little(archive.count, 4) + name
            archive += little(0x0403_4b50, 4) + common + name + packed
        }
        let ending =
            little(0x0605_4b50, 4) + little(0, 4) + little(files.count, 2) + little(files.count, 2)
            + little(list.count, 4) + little(archive.count, 4) + little(0, 2)
        return archive + list + ending
    }

    private static func checkSumOf(_ bytes: [UInt8]) -> UInt32 { Files.checkSum(bytes) }
}

/// A number in little-endian bytes.
func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
}
