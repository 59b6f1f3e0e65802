public import Files
public import Tensors

/// WAV files below a folder (or one file), their channels mixed, each with the name of its folder for a label.
public struct SoundSet: Sendable {
    public let sounds: [Sound]
    public let labels: [Int32]
    public let classes: [String]
    /// Frames a second, the same for all.
    public let rate: Int

    /// - Parameter note: shows what was left out; the standard error, if none is given.
    public init(_ place: DataPlace, note: ((String) -> Void)? = nil) throws(FileError) {
        let isFolder = isFolder(place.path)
        let files = isFolder ? try filesBelow(place.path) : [place.path]
        var broken = BrokenExamples(place, note: note)
        var found: [(sound: Sound, folder: String)] = []
        for file in files where !isFolder || file.lowercased().hasSuffix(".wav") {
            let rate = found.first?.sound.rate
            let sound = try broken.example { () throws(FileError) in
                let sound = try Sound(path: file).mono
                guard sound.frames > 0, sound.rate == rate ?? sound.rate else {
                    throw FileError(
                        file, "has \(sound.frames) samples at \(sound.rate) Hz, not \(rate ?? 0) Hz"
                    )
                }
                return sound
            }
            let parts = file.dropFirst(place.path.count).split(separator: "/")
            if let sound { found.append((sound, parts.count > 1 ? "\(parts[0])" : "sound")) }
        }
        broken.close()
        guard let first = found.first else {
            throw FileError(place.path, "holds no WAV file that can be read")
        }
        let classes = Set(found.map(\.folder)).sorted()
        let numbers = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, Int32($0)) })
        self.classes = classes
        (sounds, rate) = (found.map(\.sound), first.sound.rate)
        labels = found.map { numbers[$0.folder] ?? 0 }
    }

    /// Stretches of `length` samples from random places (B, length), and their labels (B). Shorter sounds end in silence.
    public func batch(_ count: Int, length: Int, _ dice: inout Dice, on device: Device) -> (
        samples: Tensor, labels: Tensor
    ) {
        var values: [Float] = []
        var chosen: [Int32] = []
        for _ in 0..<count {
            let i = dice.whole(below: sounds.count)
            let samples = sounds[i].samples
            let start = dice.whole(below: max(1, samples.count - length + 1))
            let part = samples[start..<min(start + length, samples.count)]
            values += part
            values += [Float](repeating: 0, count: length - part.count)
            chosen.append(labels[i])
        }
        return (Tensor(values, shape: [count, length], on: device), Tensor(chosen, on: device))
    }
}
