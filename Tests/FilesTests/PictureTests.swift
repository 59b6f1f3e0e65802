import Files
import Tensors
import Testing

private func distance(_ a: UInt8, _ b: UInt8) -> Int { abs(Int(a) - Int(b)) }

@Suite struct PictureTests {
    static let folder = TestData.fixtures + "/pictures"

    /// A picture with all values.
    static func pattern(_ channels: Int, height: Int = 21, width: Int = 33) -> Picture {
        var bytes: [UInt8] = []
        for i in 0..<height * width * channels {
            let value = i * 37 + i / 50
            bytes.append(UInt8(value % 256))
        }
        return Picture(height: height, width: width, channels: channels, bytes: bytes)
    }

    @Test(arguments: [
        "gray16.png", "palette.png", "bits.png", "rgba.png", "interlaced.png", "color.jpg",
        "progressive.jpg", "gray.jpg", "cmyk.jpg",
    ])
    func filesOfOthersAreRead(name: String) throws {
        let expected = try SafetensorsFile(path: "\(Self.folder)/expected.safetensors").tensor(name)
        let picture = try Picture(path: "\(Self.folder)/\(name)")
        #expect([picture.height, picture.width, picture.channels] == expected.shape)
        let off = zip(picture.bytes, expected.bytes()).map(distance).max()
        // Inks to lights are rounded in more than one way.
        #expect(off ?? 255 <= (name == "cmyk.jpg" ? 2 : 0))
    }

    @Test(arguments: 1...4) func pngKeepsEveryByte(channels: Int) throws {
        let picture = Self.pattern(channels)
        #expect(try Picture(picture.png(), path: "x.png") == picture)
    }

    @Test func jpegIsClose() throws {
        var ramp: [UInt8] = []
        for i in 0..<3600 {
            let value = 20 + i / 90 * 3 + i % 90
            ramp.append(UInt8(min(255, value)))
        }
        let smooth = Picture(height: 40, width: 30, channels: 3, bytes: ramp)
        let back = try Picture(smooth.jpeg(quality: 98), path: "x.jpg")
        let off = zip(smooth.bytes, back.bytes).map(distance).reduce(0, +)
        #expect(off < 3600 * 4 && back.channels == 3)
        #expect(try Picture(Self.pattern(4).jpeg(), path: "x.jpg").channels == 3)
    }

    @Test func tensorsAndPicturesAreTheSame() {
        let picture = Self.pattern(3)
        #expect(Picture(picture.tensor()) == picture)
        let floats = Picture(Tensor([[-1, 0], [0.5, 7]]))
        #expect(floats.bytes == [0, 0, 128, 255] && floats.channels == 1)
    }

    @Test func conversionsKeepWhatTheyCan() {
        let picture = Picture(height: 1, width: 2, channels: 4, bytes: [255, 0, 0, 9, 7, 7, 7, 8])
        #expect(picture.converted(to: 3).bytes == [255, 0, 0, 7, 7, 7])
        #expect(picture.converted(to: 1).bytes == [76, 7])
        #expect(picture.converted(to: 2).bytes == [76, 9, 7, 8])
        let gray = Picture(height: 1, width: 1, channels: 1, bytes: [5])
        #expect(gray.converted(to: 4).bytes == [5, 5, 5, 255])
    }

    @Test func squaresAreCutAndAveraged() {
        let wide = Picture(height: 2, width: 4, channels: 1, bytes: [9, 0, 4, 9, 9, 8, 12, 9])
        #expect(wide.square(1).bytes == [6])
        #expect(wide.square(2).bytes == [0, 4, 8, 12])
        #expect(wide.square(4).bytes.count == 16)
    }

    @Test func aGridHoldsAllPictures() throws {
        let tiles = (0..<5).map { i in
            Picture(height: 2, width: 3, channels: 1, bytes: [UInt8](repeating: UInt8(i), count: 6))
        }
        let grid = Picture.grid(tiles, gap: 1)
        #expect([grid.height, grid.width] == [7, 13])
        #expect(grid.bytes[13 * 1 + 1] == 0 && grid.bytes[13 * 4 + 5] == 4)
        #expect(grid.bytes[0] == 255)
    }

    @Test(arguments: ["rgba.png", "palette.png", "interlaced.png", "color.jpg", "progressive.jpg"])
    func everyShortenedFileIsRefused(name: String) throws {
        let file = try readFile("\(Self.folder)/\(name)")
        // The last bytes of a JPEG are its end marker, which no pixel needs.
        for length in 0..<file.count - 12 {
            #expect(throws: FileError.self) { try Picture(Array(file[..<length]), path: name) }
        }
    }

    @Test(arguments: [
        "rgba.png", "palette.png", "bits.png", "color.jpg", "progressive.jpg", "cmyk.jpg",
    ])
    func damageIsNoTrap(name: String) throws {
        let file = try readFile("\(Self.folder)/\(name)")
        for i in 0..<min(file.count, 900) {
            for mask: UInt8 in [0xff, 0x01, 0x80] {
                var broken = file
                broken[i] ^= mask
                _ = try? Picture(broken, path: name)
            }
        }
    }

    @Test func absurdSizesAreRefused() throws {
        var png = try Self.pattern(1).png()
        for i in 16..<24 { png[i] = i % 4 == 0 ? 0x7f : 0xff }
        #expect(throws: FileError.self) { try Picture(png, path: "x.png") }
        var jpeg = try Self.pattern(1).jpeg()
        let frame = (0..<jpeg.count - 9).first { jpeg[$0] == 0xff && jpeg[$0 + 1] == 0xc0 } ?? 0
        for i in frame + 5..<frame + 9 { jpeg[i] = 0xff }
        #expect(throws: FileError.self) { try Picture(jpeg, path: "x.jpg") }
        #expect(throws: FileError("x", "is neither PNG nor JPEG")) {
            try Picture([0x47, 0x49, 0x46], path: "x")
        }
    }
}
