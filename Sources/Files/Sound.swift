public import Tensors

/// Sound as samples in -1 ... 1, from and to WAV files.
///
///     let speech = try Sound(path: "jfk.wav")
///     let x = speech.tensor()                     // (frames, channels)
public struct Sound: Sendable, Equatable {
    /// How samples lie in a WAV file.
    public enum Format: Sendable, CaseIterable {
        case pcm8, pcm16, pcm24, pcm32, float32

        var bytes: Int {
            switch self {
            case .pcm8: 1
            case .pcm16: 2
            case .pcm24: 3
            case .pcm32, .float32: 4
            }
        }
    }

    /// Frames a second.
    public let rate: Int
    public let channels: Int
    /// Frame after frame, the channels of each side by side.
    public let samples: [Float]

    public init(rate: Int, channels: Int, samples: [Float]) {
        require(
            rate > 0 && channels > 0 && samples.count % channels == 0,
            "Sound: \(samples.count) samples of \(channels) channels at \(rate) Hz")
        (self.rate, self.channels, self.samples) = (rate, channels, samples)
    }

    public var frames: Int { samples.count / channels }

    /// (frames, channels)
    public func tensor(on device: Device = .default) -> Tensor {
        Tensor(samples, shape: [frames, channels], on: device)
    }

    /// The mean of the channels.
    public var mono: Sound {
        if channels == 1 { return self }
        let mixed = (0..<frames).map { frame in
            samples[frame * channels..<(frame + 1) * channels].reduce(0, +) / Float(channels)
        }
        return Sound(rate: rate, channels: 1, samples: mixed)
    }
}

// MARK: reading

extension Sound {
    public init(path: String) throws(FileError) { try self.init(readFile(path), path: path) }

    /// RIFF, a length, WAVE, and chunks: `fmt ` says how the samples of `data` lie; others are passed over.
    public init(_ bytes: [UInt8], path: String) throws(FileError) {
        var reader = ByteReader(bytes, path: path)
        let head = Array(try reader.take(12, "the header"))
        guard head.starts(with: "RIFF".utf8), head[8...].elementsEqual("WAVE".utf8) else {
            throw FileError(path, "is no WAV file")
        }
        var layout: SampleLayout?
        while reader.remaining >= 8 {
            let name = String(decoding: try reader.take(4, "a chunk"), as: UTF8.self)
            let length = Int(try reader.u32("a chunk's length"))
            switch name {
            case "fmt ":
                let chunk = Array(try reader.take(length, "the format"))
                layout = try SampleLayout(ByteReader(chunk, path: path), path)
            case "data":
                guard let layout else { throw FileError(path, "has samples before their format") }
                // Programs that write to a pipe do not know the length and leave the largest there.
                let count = length >= Int(UInt32.max) - 1 ? reader.remaining : length
                let data = try reader.take(count, "the samples")
                self = layout.sound(data)
                return
            default: _ = try reader.take(length, "the chunk \(name)")
            }
            if length % 2 == 1 && reader.remaining > 0 { _ = try reader.take(1, "a filler") }
        }
        throw FileError(path, "has no samples")
    }
}

/// What the chunk `fmt ` says.
private struct SampleLayout {
    let rate: Int
    let channels: Int
    let bits: Int
    let isFloat: Bool

    init(_ chunk: ByteReader, _ path: String) throws(FileError) {
        var reader = chunk
        var kind = try reader.u16("the format")
        let channels = Int(try reader.u16("the channels"))
        let rate = Int(try reader.u32("the rate"))
        _ = try reader.take(4, "the bytes a second")
        let block = Int(try reader.u16("a frame's size"))
        let bits = Int(try reader.u16("a sample's size"))
        // Extensible: the kind is the beginning of a longer name.
        if kind == 0xfffe {
            _ = try reader.take(8, "the extension")
            kind = try reader.u16("the extension's kind")
        }
        guard
            (kind == 1 && [8, 16, 24, 32].contains(bits)) || (kind == 3 && [32, 64].contains(bits))
        else {
            throw FileError(path, "samples of kind \(kind) with \(bits) bits are not supported")
        }
        guard (1...1024).contains(channels), (1...10_000_000).contains(rate),
            block == channels * bits / 8
        else {
            throw FileError(path, "\(channels) channels of \(bits) bits at \(rate) Hz are absurd")
        }
        (self.rate, self.channels, self.bits, isFloat) = (rate, channels, bits, kind == 3)
    }

    /// Whole frames; what is left of one is dropped.
    func sound(_ data: ArraySlice<UInt8>) -> Sound {
        let size = bits / 8
        let count = data.count / (size * channels) * channels
        let samples = (0..<count).map { i in
            sample(data[data.startIndex + i * size..<data.startIndex + (i + 1) * size])
        }
        return Sound(rate: rate, channels: channels, samples: samples)
    }

    private func sample(_ bytes: ArraySlice<UInt8>) -> Float {
        let word = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        if isFloat {
            return bits == 64
                ? Float(Double(bitPattern: word))
                : Float(bitPattern: UInt32(truncatingIfNeeded: word))
        }
        if bits == 8 { return (Float(word) - 128) / 128 }
        let wide = Int64(bitPattern: word << (64 - UInt64(bits)))
        return Float(Double(wide) * 0x1p-63)
    }
}

// MARK: writing

extension Sound {
    /// As a WAV file. Samples beyond -1 ... 1 are limited, except in `float32`.
    public func wav(_ format: Format = .pcm16) throws(FileError) -> [UInt8] {
        let size = format.bytes
        guard samples.count < (1 << 32 - 64) / size, channels < 1 << 16, rate < 1 << 31 else {
            throw FileError("WAV", "\(samples.count) samples are more than the format holds")
        }
        let length = samples.count * size
        var file = Array("RIFF".utf8) + little(36 + length + length % 2, 4) + Array("WAVEfmt ".utf8)
        file += little(16, 4) + little(format == .float32 ? 3 : 1, 2) + little(channels, 2)
        file += little(rate, 4) + little(rate * channels * size, 4)
        file += little(channels * size, 2) + little(8 * size, 2)
        file += Array("data".utf8) + little(length, 4)
        file.reserveCapacity(file.count + length + 1)
        for sample in samples {
            let word = format == .float32 ? Int(sample.bitPattern) : Sound.code(sample, 8 * size)
            for i in 0..<size { file.append(UInt8(truncatingIfNeeded: word >> (8 * i))) }
        }
        if length % 2 == 1 { file.append(0) }
        return file
    }

    private static func code(_ sample: Float, _ bits: Int) -> Int {
        let largest = Double(1 << (bits - 1))
        let scaled = (Double(sample) * largest).rounded(.toNearestOrEven)
        let limited = scaled.isNaN ? 0 : min(max(scaled, -largest), largest - 1)
        return Int(limited) + (bits == 8 ? 128 : 0)
    }

    /// Writes a WAV file, whole or not at all.
    public func write(to path: String, _ format: Format = .pcm16) throws(FileError) {
        try writeFile(path, [wav(format)])
    }
}
