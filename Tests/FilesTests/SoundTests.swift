import Files
import Tensors
import Testing

@Suite struct SoundTests {
    static let tone = Sound(
        rate: 16000, channels: 2,
        samples: (0..<602).map { i -> Float in Float(i * 7919 % 2000 - 1000) / 1000 })

    @Test(arguments: [
        (Sound.Format.pcm8, Float(1) / 128), (.pcm16, 1 / 32768), (.pcm24, 1.2e-7),
        (.pcm32, 1e-7), (.float32, 0),
    ])
    func whatIsWrittenIsRead(format: Sound.Format, error: Float) throws {
        let back = try Sound(Self.tone.wav(format), path: "x.wav")
        #expect(back.rate == 16000 && back.channels == 2 && back.frames == 301)
        let off = zip(back.samples, Self.tone.samples).map { abs($0 - $1) }.max() ?? 1
        #expect(off <= error)
        // The second time nothing is lost any more.
        #expect(try Sound(back.wav(format), path: "x.wav") == back)
    }

    @Test func tensorsAndMono() {
        let sound = Sound(rate: 8, channels: 2, samples: [1, 0, -1, 0.5])
        #expect(sound.tensor().shape == [2, 2])
        #expect(sound.mono.samples == [0.5, -0.25])
    }

    @Test func otherChunksArePassedOver() throws {
        let file = try Self.tone.wav()
        let list = Array("LIST".utf8) + [3, 0, 0, 0, 65, 66, 67, 0]
        let more = Array(file[..<12]) + list + Array(file[12...])
        #expect(try Sound(more, path: "x.wav").samples.count == 602)
        // A length that was not known when the header was written.
        var piped = file
        for i in 40..<44 { piped[i] = 0xff }
        #expect(try Sound(piped, path: "x.wav").samples.count == 602)
    }

    @Test func brokenFilesAreRefused() throws {
        let file = try Self.tone.wav()
        for length in 0..<file.count {
            #expect(throws: FileError.self) { try Sound(Array(file[..<length]), path: "x.wav") }
        }
        // Format, channels, rate, frame size, bits.
        for (place, value) in [(20, 2), (22, 0), (24, 0), (32, 5), (34, 12)] {
            var broken = file
            broken.replaceSubrange(
                place..<place + 2, with: [UInt8(value & 255), UInt8(value >> 8)])
            #expect(throws: FileError.self) { try Sound(broken, path: "x.wav") }
        }
        TestData.torment(file, limit: 80) { _ = try Sound($0, path: "x.wav") }
    }
}
