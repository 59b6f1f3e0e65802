import Files

/// Files beside the tests, and files that tests write.
enum TestData {
    static let fixtures =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/Fixtures"

    /// Calls the reader with every shortened version of a file and with every byte changed; it must come back each time.
    static func torment(_ file: [UInt8], limit: Int = 2000, _ read: ([UInt8]) throws -> Void) {
        for length in 0..<min(file.count, limit) { try? read(Array(file[..<length])) }
        for i in 0..<min(file.count, limit) {
            for mask: UInt8 in [0xff, 0x80, 0x01] {
                var broken = file
                broken[i] ^= mask
                try? read(broken)
            }
        }
    }
}
