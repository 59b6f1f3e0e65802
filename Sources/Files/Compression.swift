import CZlib

/// Deflated bytes, as gzip files and zip archives have them.
public enum Deflated: Sendable {
    case gzip
    /// Without header and check sum, as in a zip archive.
    case raw

    /// What zlib calls the window: its size, and what stands around the data.
    private var windowBits: Int32 {
        switch self {
        case .gzip: 15 + 16
        case .raw: -15
        }
    }

    /// The bytes behind deflated ones.
    ///
    /// - Parameter limit: more bytes than this are refused before they fill the memory.
    public func inflate(
        _ bytes: [UInt8], limit: Int = 1 << 32, path: String
    ) throws(FileError) -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, size) == Z_OK else {
            throw FileError(path, "cannot be unpacked: zlib does not start")
        }
        defer { inflateEnd(&stream) }
        var inflated: [UInt8] = []
        var position = 0
        while true {
            let (state, taken, made) = Deflated.piece(&stream, bytes[position...])
            position += taken
            inflated += made
            guard inflated.count <= limit else {
                throw FileError(path, "unpacks to more than \(limit) bytes")
            }
            if state == Z_STREAM_END {
                // A gzip file may be several, one after the other.
                let more = self == .gzip && position + 18 <= bytes.count && bytes[position] == 0x1f
                guard more, inflateReset(&stream) == Z_OK else { return inflated }
                continue
            }
            guard state == Z_OK else { throw FileError(path, "is damaged: it cannot be unpacked") }
            guard taken > 0 || !made.isEmpty else {
                throw FileError(path, "ends inside packed data")
            }
        }
    }

    /// One call of zlib: what came of it, the bytes taken and those made.
    private static func piece(_ stream: inout z_stream, _ bytes: ArraySlice<UInt8>) -> (
        Int32, Int, [UInt8]
    ) {
        let room = 1 << 20
        let offered = min(bytes.count, 1 << 30)
        var state = Z_OK
        var taken = 0
        let made = [UInt8](unsafeUninitializedCapacity: room) { output, filled in
            bytes.withUnsafeBufferPointer { input in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(offered)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(room)
                state = CZlib.inflate(&stream, Z_NO_FLUSH)
                taken = offered - Int(stream.avail_in)
            }
            filled = room - Int(stream.avail_out)
        }
        // No input and no room used is no error of the data.
        return (state == Z_BUF_ERROR ? Z_OK : state, taken, made)
    }

    /// The bytes deflated.
    public func deflate(_ bytes: [UInt8]) throws(FileError) -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        let level = Z_DEFAULT_COMPRESSION
        guard bytes.count < 1 << 32,
            deflateInit2_(
                &stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
                == Z_OK
        else { throw FileError("zlib", "\(bytes.count) bytes cannot be packed") }
        defer { deflateEnd(&stream) }
        let room = Int(deflateBound(&stream, UInt(bytes.count))) + 64
        return [UInt8](unsafeUninitializedCapacity: room) { output, filled in
            bytes.withUnsafeBufferPointer { input in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(bytes.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(min(room, Int(UInt32.max)))
                _ = CZlib.deflate(&stream, Z_FINISH)
            }
            filled = Int(stream.total_out)
        }
    }
}

/// The check sum of zip and gzip (CRC-32).
func checkSum(_ bytes: [UInt8]) -> UInt32 {
    UInt32(crc32_z(0, bytes, bytes.count))
}

/// All bytes of a file, unpacked if it is a gzip file.
public func readUnpacked(_ path: String) throws(FileError) -> [UInt8] {
    let bytes = try readFile(path)
    guard bytes.starts(with: [0x1f, 0x8b]) else { return bytes }
    return try Deflated.gzip.inflate(bytes, path: path)
}
