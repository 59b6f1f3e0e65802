import CPictures

extension Picture {
    /// Files with these endings are taken for pictures.
    public static let suffixes = [".png", ".jpg", ".jpeg"]

    /// Reads a PNG or JPEG file; its first bytes say which it is.
    public init(path: String) throws(FileError) { try self.init(readFile(path), path: path) }

    public init(_ file: [UInt8], path: String) throws(FileError) {
        if file.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
            try self.init(
                file, "PNG", path, cpictures_png_size, cpictures_png_read,
                mostPixelsPerByte: Picture.deflateLimit)
        } else if file.starts(with: [0xff, 0xd8]) {
            try self.init(
                file, "JPEG", path, cpictures_jpeg_size, cpictures_jpeg_read,
                mostPixelsPerByte: Picture.jpegLimit)
        } else {
            throw FileError(path, "is neither PNG nor JPEG")
        }
    }

    /// More pixels than this are refused.
    private static let mostPixels = 1 << 28
    /// Deflate shrinks to a thousandth at best, and a byte may hold eight pixels.
    private static let deflateLimit = 8 * 1032
    /// Runs of empty blocks in progressive files shrink about as much as this.
    private static let jpegLimit = 1 << 16

    private typealias SizeReader = (
        UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<cpictures_size>?,
        UnsafeMutablePointer<CChar>?
    ) -> Int32
    private typealias PixelReader = (
        UnsafePointer<UInt8>?, Int, cpictures_size, UnsafeMutablePointer<UInt8>?,
        UnsafeMutablePointer<CChar>?
    ) -> Int32

    private init(
        _ file: [UInt8], _ kind: String, _ path: String, _ readSize: SizeReader,
        _ readPixels: PixelReader, mostPixelsPerByte: Int
    ) throws(FileError) {
        var problem = [CChar](repeating: 0, count: Int(CPICTURES_PROBLEM))
        var size = cpictures_size()
        guard readSize(file, file.count, &size, &problem) == 0 else {
            throw FileError(path, "is no \(kind) that can be read: \(Picture.text(problem))")
        }
        // Both are below 2^20: no product here overflows.
        let pixels = Int(size.width) * Int(size.height)
        guard pixels > 0, pixels <= Picture.mostPixels, pixels / mostPixelsPerByte <= file.count
        else {
            throw FileError(
                path, "claims \(size.width) × \(size.height) pixels in \(file.count) bytes")
        }
        var failed: Int32 = 0
        let count = pixels * Int(size.channels)
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            failed = readPixels(file, file.count, size, buffer.baseAddress, &problem)
            filled = failed == 0 ? count : 0
        }
        if failed != 0 {
            throw FileError(path, "is a damaged \(kind): \(Picture.text(problem))")
        }
        self.init(
            height: Int(size.height), width: Int(size.width), channels: Int(size.channels),
            bytes: bytes)
    }

    private static func text(_ problem: [CChar]) -> String {
        String(decoding: problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private var size: cpictures_size {
        cpictures_size(width: UInt32(width), height: UInt32(height), channels: UInt32(channels))
    }

    /// As a PNG file.
    public func png() throws(FileError) -> [UInt8] {
        try encoded("PNG") { cpictures_png_write(bytes, size, &$0, &$1, &$2) }
    }

    /// As a JPEG file; alpha is dropped.
    ///
    /// - Parameter quality: 1 to 100.
    public func jpeg(quality: Int = 90) throws(FileError) -> [UInt8] {
        let opaque = converted(to: channels >= 3 ? 3 : 1)
        let quality = Int32(min(max(quality, 1), 100))
        return try encoded("JPEG") {
            cpictures_jpeg_write(opaque.bytes, opaque.size, quality, &$0, &$1, &$2)
        }
    }

    private func encoded(
        _ kind: String,
        _ write: (inout UnsafeMutablePointer<UInt8>?, inout Int, inout [CChar]) -> Int32
    ) throws(FileError) -> [UInt8] {
        var problem = [CChar](repeating: 0, count: Int(CPICTURES_PROBLEM))
        var (file, count): (UnsafeMutablePointer<UInt8>?, Int) = (nil, 0)
        guard write(&file, &count, &problem) == 0, let file else {
            throw FileError(kind, "a picture cannot be written: \(Picture.text(problem))")
        }
        defer { cpictures_free(file) }
        return Array(UnsafeBufferPointer(start: file, count: count))
    }

    /// Writes a file whole; PNG, or JPEG where the name ends in .jpg or .jpeg.
    public func write(to path: String) throws(FileError) {
        let isJPEG = path.hasSuffix(".jpg") || path.hasSuffix(".jpeg")
        try writeFile(path, [isJPEG ? jpeg() : png()])
    }
}
