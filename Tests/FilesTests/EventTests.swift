import Files
import Glibc
import Testing

@Suite struct EventTests {
    /// The examples of RFC 3720, appendix B.4.
    static let sums: [(bytes: [UInt8], sum: UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
        ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
        ([UInt8](0..<32), 0x46dd_794e), ([UInt8](0..<32).reversed(), 0x113f_db5c),
        ([UInt8]("123456789".utf8), 0xe306_9283), ([], 0),
    ]

    @Test(arguments: sums)
    func checkSumsAreTheKnownOnes(bytes: [UInt8], sum: UInt32) {
        #expect(crc32c(bytes) == sum)
    }

    @Test func aRecordIsFramed() {
        let record = eventRecord([7, 8])
        #expect(record.count == 8 + 4 + 2 + 4 && Array(record[..<8]) == [2, 0, 0, 0, 0, 0, 0, 0])
        #expect(maskedChecksum([]) == 0xa282_ead8)
    }

    @Test func aRunsEventsAreOneAfterTheOther() throws {
        let folder = "/tmp/apus-events-\(getpid())"
        mkdir(folder, 0o755)
        let writer = try EventWriter(folder: folder, after: 9)
        defer {
            unlink(writer.path)
            rmdir(folder)
        }
        try writer.write(step: 10, .scalar("loss", 0.5), .text("note", "hello"))
        try writer.write(step: 300, .histogram("weights", [1, 2, .nan, 3]))
        let gray = Picture(height: 2, width: 3, channels: 1, bytes: [0, 1, 2, 3, 4, 5])
        try writer.write(step: 301, .picture("samples", gray))
        let records = try Self.records(readFile(writer.path))
        #expect(records.count == 5)
        #expect(records[0].suffix(13).elementsEqual("brain.Event:2".utf8))
        let loss: [UInt8] = [0x0a, 4] + [UInt8]("loss".utf8) + [0x15, 0, 0, 0, 0x3f]
        // Field 5 of 2 · (tag "loss", 0.5).
        #expect(records[2].contains(subsequence: loss))
        // Step 300 as a varint in field 2.
        #expect(records[3].contains(subsequence: [0x10, 0xac, 0x02]))
        #expect(try records[4].contains(subsequence: gray.png()))
    }

    @Test func aFolderThatIsNotThereIsNamed() {
        #expect(throws: FileError.self) { try EventWriter(folder: "/nowhere/at/all") }
    }

    /// The contents of a file's records, whose check sums must hold.
    private static func records(_ file: [UInt8]) throws -> [[UInt8]] {
        var reader = ByteReader(file, path: "events")
        var records: [[UInt8]] = []
        while reader.remaining > 0 {
            let length = Array(try reader.take(8, "length"))
            #expect(try reader.u32("sum") == maskedChecksum(length))
            let count = length.reversed().reduce(0) { $0 << 8 | Int($1) }
            let record = Array(try reader.take(count, "record"))
            #expect(try reader.u32("sum") == maskedChecksum(record))
            records.append(record)
        }
        return records
    }
}

extension [UInt8] {
    fileprivate func contains(subsequence: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: subsequence) }
    }
}
