import Files
import Glibc
import Networks
import Support
import Synchronization
import Tensors
import Testing

/// Bytes that go up, as a picture.
private func picture(_ height: Int, _ width: Int, _ channels: Int, from start: Int = 0) -> Picture {
    let bytes = (0..<height * width * channels).map { UInt8((start + $0) % 256) }
    return Picture(height: height, width: width, channels: channels, bytes: bytes)
}

private func none() -> PictureSet { .shapes(4) }

@Suite struct PictureFilesTests {
    let folder = TemporaryFolder()

    private func place(_ isStrict: Bool = false) -> DataPlace {
        DataPlace(folder.path, isStrict: isStrict)
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        try writeFile("\(folder.path)/\(name)", [bytes])
    }

    private func idx(_ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
        [0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] }
            + bytes
    }

    @Test func mnistsFilesAreTwoParts() throws {
        try write("train-images-idx3-ubyte", idx([3, 2, 2], Array(0..<12)))
        try write("train-labels-idx1-ubyte", idx([3], [4, 0, 2]))
        let test = idx([1, 2, 2], [9, 9, 9, 9])
        try write("t10k-images-idx3-ubyte.gz", try Deflated.gzip.deflate(test))
        try write("t10k-labels-idx1-ubyte.gz", try Deflated.gzip.deflate(idx([1], [1])))
        let sets = try PictureSet.load(place(), on: .cpu, otherwise: none)
        #expect(sets.training.pictures.shape == [3, 2, 2, 1] && sets.test.count == 1)
        #expect(sets.training.labels.scalars(as: Int32.self) == [4, 0, 2])
        #expect(sets.training.classes.count == 5 && sets.test.classes.count == 5)
        #expect(sets.test.pictures.bytes() == [9, 9, 9, 9])
    }

    @Test func labelsMustFitThePictures() throws {
        try write("train-images-idx3-ubyte", idx([3, 2, 2], Array(0..<12)))
        try write("train-labels-idx1-ubyte", idx([2], [4, 0]))
        #expect(throws: FileError.self) { try PictureSet.load(place(), on: .cpu, otherwise: none) }
    }

    private func makeFolders(_ names: [String]) {
        for name in names { mkdir("\(folder.path)/\(name)", 0o755) }
    }

    @Test func foldersAreClasses() throws {
        makeFolders(["cat", "dog"])
        for i in 0..<8 { try write("cat/\(i).png", picture(3, 4, 1, from: i).png()) }
        for i in 0..<6 { try write("dog/\(i).png", picture(3, 4, 3, from: i).png()) }
        let sets = try PictureSet.load(place(), on: .cpu, otherwise: none)
        #expect(sets.training.classes == ["cat", "dog"])
        #expect(sets.training.pictures.shape == [12, 3, 4, 3] && sets.test.count == 2)
        let labels = (sets.training.labels.scalars() + sets.test.labels.scalars()).sorted()
        #expect(labels == [Float](repeating: 0, count: 8) + [Float](repeating: 1, count: 6))
        let again = try PictureSet.load(place(), on: .cpu, otherwise: none)
        #expect(again.training.pictures.bytes() == sets.training.pictures.bytes())
    }

    @Test func sizesThatDifferAreCutAndScaled() throws {
        makeFolders(["train", "test"])
        try write("train/a.png", picture(8, 12, 1).png())
        try write("train/b.jpg", picture(20, 10, 3).jpeg())
        try write("test/c.png", picture(5, 5, 1).png())
        let sets = try PictureSet.load(place(), side: 4, on: .cpu, otherwise: none)
        #expect(sets.training.pictures.shape == [2, 4, 4, 3])
        #expect(sets.test.pictures.shape == [1, 4, 4, 3])
    }

    @Test func aBrokenPictureIsLeftOutOrRefused() throws {
        for i in 0..<10 { try write("\(i).png", picture(3, 3, 1, from: i).png()) }
        try write("bad.png", Array(picture(3, 3, 1).png().dropLast(30)))
        let sets = try PictureSet.load(place(), on: .cpu, otherwise: none)
        #expect(sets.training.count + sets.test.count == 10)
        #expect(throws: FileError.self) {
            try PictureSet.load(place(true), on: .cpu, otherwise: none)
        }
    }

    @Test func whatIsNoDataIsNamed() throws {
        #expect(throws: FileError(folder.path, "holds no PNG or JPEG files")) {
            try PictureSet.load(place(), on: .cpu, otherwise: none)
        }
        try write("notes.txt", [65])
        #expect(throws: FileError.self) {
            try PictureSet.load(
                DataPlace("\(folder.path)/notes.txt"), on: .cpu, otherwise: none)
        }
    }

    @Test func aStreamGivesTheSameBatchesFromAnyStep() throws {
        for i in 0..<9 { try write("\(i).png", picture(6, 6, 1, from: 20 * i).png()) }
        try write("bad.png", [0x89, 0x50, 0x4e, 0x47])
        let pictures = try PictureFolder(place())
        func stream() throws -> PictureStream {
            try PictureStream(
                pictures, pictures.training, side: 6, channels: 1, batch: 4, seed: 5)
        }
        let first = try stream()
        let batches = try (0..<6).map { try first.batch($0, on: .cpu).pictures.scalars() }
        let later = try stream()
        #expect(try later.batch(3, on: .cpu).pictures.scalars() == batches[3])
        #expect(try later.batch(5, on: .cpu).pictures.scalars() == batches[5])
        #expect(try first.batch(0, on: .cpu).pictures.shape == [4, 6, 6, 1])
    }
}

@Suite struct TextAndSoundTests {
    let folder = TemporaryFolder()

    @Test func linesOfJSONAreTexts() throws {
        let lines = ##"{"text": "one"}\##n\##n{"text": "zwölf", "id": 3}\##n{"no": 1}\##n{broken"##
        try writeFile("\(folder.path)/a.jsonl", [Array(lines.utf8)])
        let notes = Mutex<[String]>([])
        let set = try TextSet(DataPlace(folder.path)) { note in notes.withLock { $0.append(note) } }
        #expect(set.texts == [Array("one".utf8), Array("zwölf".utf8)])
        #expect(notes.withLock { $0.count } == 2)
        #expect(notes.withLock { $0[0].contains("line 4: has no text") })
        #expect(throws: FileError.self) { try TextSet(DataPlace(folder.path, isStrict: true)) }
    }

    @Test func filesAreTexts() throws {
        try writeFile("\(folder.path)/a.txt", [Array("first".utf8)])
        try writeFile("\(folder.path)/b.txt.gz", [Deflated.gzip.deflate(Array("second".utf8))])
        try writeFile("\(folder.path)/c.txt", [[0xff, 0xfe]])
        let set = try TextSet(DataPlace(folder.path)) { _ in }
        #expect(set.joined == Array("first\n\nsecond".utf8))
        #expect(throws: FileError.self) { try TextSet(DataPlace("\(folder.path)/c.txt")) { _ in } }
        #expect(throws: FileError.self) { try TextSet(DataPlace("\(folder.path)/none")) }
    }

    @Test func soundsAreCutIntoStretches() throws {
        for name in ["low", "high"] { mkdir("\(folder.path)/\(name)", 0o755) }
        let long = Sound(rate: 8000, channels: 1, samples: (0..<100).map { Float($0) / 128 })
        try long.write(to: "\(folder.path)/low/a.wav")
        let short = Sound(rate: 8000, channels: 2, samples: [0.5, 0.5, 0.5, 0.5])
        try short.write(to: "\(folder.path)/high/b.wav")
        try Sound(rate: 44100, channels: 1, samples: [0]).write(to: "\(folder.path)/low/c.wav")
        let set = try SoundSet(DataPlace(folder.path)) { _ in }
        #expect(set.classes == ["high", "low"] && set.sounds.count == 2 && set.rate == 8000)
        var dice = Dice(seed: 1)
        let batch = set.batch(20, length: 10, &dice, on: .cpu)
        #expect(batch.samples.shape == [20, 10])
        for (i, label) in batch.labels.scalars(as: Int32.self).enumerated() {
            let row = batch.samples[i].scalars()
            #expect(
                label == 0 ? row == [0.5, 0.5] + [Float](repeating: 0, count: 8) : row[9] > row[0])
        }
        #expect(throws: FileError.self) { try SoundSet(DataPlace(folder.path, isStrict: true)) }
    }
}

@Suite struct PrefetchTests {
    @Test func valuesComeInOrderAndOnce() throws {
        let made = Mutex<[Int]>([])
        let prefetch = Prefetch(ahead: 3) { step in
            made.withLock { $0.append(step) }
            return step * step
        }
        for step in 0..<50 { #expect(try prefetch.value(step) == step * step) }
        let steps = made.withLock { $0 }
        // No more than three are made ahead, none twice, all in order.
        #expect(steps == Array(0..<steps.count) && steps.count <= 53)
    }

    @Test func anotherStepMayFollow() throws {
        let prefetch = Prefetch { $0 }
        for step in [7, 8, 3, 4, 100, 0, 1, 1] { #expect(try prefetch.value(step) == step) }
    }

    @Test func errorsComeWithTheirStep() throws {
        let prefetch = Prefetch { step throws -> Int in
            if step == 2 { throw FileError("x", "is broken") }
            return step
        }
        #expect(try prefetch.value(0) == 0)
        #expect(try prefetch.value(1) == 1)
        #expect(throws: FileError("x", "is broken")) { try prefetch.value(2) }
        #expect(try prefetch.value(3) == 3)
    }
}

@Suite struct AugmentationTests {
    private let pictures = Tensor.arange(2 * 4 * 5 * 3).reshaped([2, 4, 5, 3])

    @Test func nothingIsNothing() {
        var dice = Dice(seed: 1)
        #expect(Augmentation()(pictures, &dice).scalars() == pictures.scalars())
    }

    @Test(arguments: Device.all) func mirrorsAreTheOnlyChange(device: Device) {
        var dice = Dice(seed: 1)
        let x = pictures.to(device)
        let mirrored = x.flipped([2])
        var seen = Set<Bool>()
        for _ in 0..<20 {
            let y = Augmentation(mirrors: true)(x, &dice)
            for i in 0..<2 {
                let isSame = y[i].scalars() == x[i].scalars()
                #expect(isSame || y[i].scalars() == mirrored[i].scalars())
                seen.insert(isSame)
            }
        }
        #expect(seen.count == 2)
    }

    @Test func shiftsRepeatTheEdgeAndFollowFromTheDice() {
        let augmentation = Augmentation(mirrors: true, shift: 3, smallestCut: 0.5)
        var (a, b) = (Dice(seed: 4, stream: 9), Dice(seed: 4, stream: 9))
        let first = augmentation(pictures, &a)
        #expect(first.shape == pictures.shape)
        #expect(first.scalars() == augmentation(pictures, &b).scalars())
        // Pixels stay whole, and in their picture.
        let known = Set(pictures.reshaped([-1, 3])[.all, 0].scalars())
        #expect(first.reshaped([-1, 3])[.all, 0].scalars().allSatisfy { known.contains($0) })
        #expect(first[0].max().item() < 60 && first[1].min().item() >= 60)
    }
}
