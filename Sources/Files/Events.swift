import Glibc

/// A TensorBoard event file, written as a run goes: curves, pictures and histograms.
///
///     let events = try EventWriter(folder: "run/events")
///     try events.write(step: 12, .scalar("loss", 2.31), .picture("samples", grid))
///
/// The file is a series of records: u64 length, its check sum, a protocol buffer `Event`, its check sum. Each is written at
/// once and whole, so that a reader sees complete events at any moment.
public final class EventWriter: Sendable {
    /// What is shown under a name.
    public enum Value: Sendable {
        case scalar(String, Double)
        case picture(String, Picture)
        case histogram(String, [Float])
        case text(String, String)
    }

    public let path: String
    private let file: Int32

    /// Begins a file in a folder that is there.
    ///
    /// - Parameter step: a run that goes on after this one; TensorBoard forgets what earlier files say of later steps.
    public init(folder: String, after step: Int = 0) throws(FileError) {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let now = EventWriter.now
        path = "\(folder)/events.out.tfevents.\(Int(now)).\(host).\(getpid()).\(step)"
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw EventWriter.failure(path) }
        var first = ProtocolBuffer()
        first.double(1, now)
        first.text(3, "brain.Event:2")
        try append(first)
        if step > 0 {
            var session = ProtocolBuffer()
            session.whole(1, 1)
            var resumed = ProtocolBuffer()
            resumed.double(1, now)
            resumed.whole(2, step + 1)
            resumed.message(7, session)
            try append(resumed)
        }
    }

    deinit { close(file) }

    /// One event with several values.
    public func write(step: Int, _ values: Value...) throws(FileError) {
        try write(step: step, values)
    }

    public func write(step: Int, _ values: [Value]) throws(FileError) {
        var summary = ProtocolBuffer()
        for value in values { summary.message(1, try value.encoded()) }
        var event = ProtocolBuffer()
        event.double(1, EventWriter.now)
        event.whole(2, step)
        event.message(5, summary)
        try append(event)
    }

    private func append(_ event: ProtocolBuffer) throws(FileError) {
        let record = eventRecord(event.bytes)
        guard Glibc.write(file, record, record.count) == record.count else {
            throw EventWriter.failure(path)
        }
    }

    private static func failure(_ path: String) -> FileError {
        FileError(path, "cannot be written: \(String(cString: strerror(errno)))")
    }

    /// Seconds since 1970.
    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// Length, check sum, bytes, check sum.
package func eventRecord(_ bytes: [UInt8]) -> [UInt8] {
    let length = little(bytes.count, 8)
    return length + little(Int(maskedChecksum(length)), 4) + bytes
        + little(Int(maskedChecksum(bytes)), 4)
}

/// CRC-32C turned and moved, so that a check sum of bytes that hold check sums is no worse.
package func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
    let sum = crc32c(bytes)
    return (sum >> 15 | sum << 17) &+ 0xa282_ead8
}

/// The check sum with Castagnoli's polynomial.
package func crc32c(_ bytes: [UInt8]) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes { sum = crc32cTable[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ sum >> 8 }
    return ~sum
}

private let crc32cTable = (0..<256 as Range<UInt32>).map { byte in
    (0..<8).reduce(byte) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0x82f6_3b78 : sum >> 1 }
}

extension EventWriter.Value {
    /// As a `Summary.Value`.
    fileprivate func encoded() throws(FileError) -> ProtocolBuffer {
        var value = ProtocolBuffer()
        switch self {
        case .scalar(let tag, let number):
            value.text(1, tag)
            value.float(2, Float(number))
        case .picture(let tag, let picture):
            var image = ProtocolBuffer()
            image.whole(1, picture.height)
            image.whole(2, picture.width)
            image.whole(3, picture.channels)
            image.bytes(4, try picture.png())
            value.text(1, tag)
            value.message(4, image)
        case .histogram(let tag, let numbers):
            value.text(1, tag)
            value.message(5, Buckets(numbers).encoded)
        case .text(let tag, let text):
            value.text(1, tag)
            value.message(8, ProtocolBuffer.tensor(of: text))
            value.message(9, ProtocolBuffer.metadata(plugin: "text"))
        }
        return value
    }
}

/// A histogram of 30 even buckets; numbers that are not finite are left out.
private struct Buckets {
    let encoded: ProtocolBuffer

    init(_ numbers: [Float]) {
        let numbers = numbers.filter(\.isFinite).map { Double($0) }
        let (low, high) = (numbers.min() ?? 0, numbers.max() ?? 0)
        let width = high > low ? (high - low) / 30 : 1
        let count = high > low ? 30 : 1
        var counts = [Double](repeating: 0, count: count)
        for number in numbers { counts[min(count - 1, Int((number - low) / width))] += 1 }
        var message = ProtocolBuffer()
        message.double(1, low)
        message.double(2, high)
        message.double(3, Double(numbers.count))
        message.double(4, numbers.reduce(0, +))
        message.double(5, numbers.reduce(0) { $0 + $1 * $1 })
        message.doubles(6, (1...count).map { low + Double($0) * width })
        message.doubles(7, counts)
        encoded = message
    }
}

/// The few kinds of fields that events have, in protocol buffers' encoding: a key of number and kind, then the value.
private struct ProtocolBuffer {
    private(set) var bytes: [UInt8] = []

    /// Seven bits a byte, lowest first.
    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 128 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func key(_ field: Int, _ kind: UInt64) { varint(UInt64(field) << 3 | kind) }

    mutating func whole(_ field: Int, _ value: Int) {
        key(field, 0)
        varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func double(_ field: Int, _ value: Double) {
        key(field, 1)
        bytes += little(Int(bitPattern: UInt(value.bitPattern)), 8)
    }

    mutating func float(_ field: Int, _ value: Float) {
        key(field, 5)
        bytes += little(Int(value.bitPattern), 4)
    }

    mutating func bytes(_ field: Int, _ value: [UInt8]) {
        key(field, 2)
        varint(UInt64(value.count))
        bytes += value
    }

    mutating func text(_ field: Int, _ value: String) { bytes(field, Array(value.utf8)) }

    mutating func message(_ field: Int, _ value: ProtocolBuffer) { bytes(field, value.bytes) }

    mutating func doubles(_ field: Int, _ values: [Double]) {
        bytes(field, values.flatMap { little(Int(bitPattern: UInt($0.bitPattern)), 8) })
    }

    /// A `TensorProto` of one string.
    static func tensor(of text: String) -> ProtocolBuffer {
        var length = ProtocolBuffer()
        length.whole(1, 1)
        var shape = ProtocolBuffer()
        shape.message(2, length)
        var tensor = ProtocolBuffer()
        tensor.whole(1, 7)
        tensor.message(2, shape)
        tensor.text(8, text)
        return tensor
    }

    /// A `SummaryMetadata` that says which part of TensorBoard shows the value.
    static func metadata(plugin: String) -> ProtocolBuffer {
        var data = ProtocolBuffer()
        data.text(1, plugin)
        var metadata = ProtocolBuffer()
        metadata.message(1, data)
        return metadata
    }
}
