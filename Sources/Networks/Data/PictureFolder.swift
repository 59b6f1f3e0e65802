public import Files
public import Tensors

/// PNG and JPEG files below a folder, each with the name of its folder for a label. Nothing is read before it is asked for.
public struct PictureFolder: Sendable {
    public struct Entry: Sendable, Equatable {
        public let path: String
        public let label: Int32
    }

    public let place: DataPlace
    public let classes: [String]
    public let training: [Entry]
    public let test: [Entry]

    public init(_ place: DataPlace) throws(FileError) {
        self.place = place
        let root = place.path.hasSuffix("/") ? String(place.path.dropLast()) : place.path
        let files = try filesBelow(root).filter { path in
            Picture.suffixes.contains { path.lowercased().hasSuffix($0) }
        }
        guard !files.isEmpty else { throw FileError(root, "holds no PNG or JPEG files") }
        // Below the root: [train or test,] class, …, file.
        let paths = files.map { Array($0.dropFirst(root.count + 1).split(separator: "/")) }
        let tests = Set(["test", "val", "valid", "validation"])
        let isCut =
            paths.allSatisfy { $0.count > 1 && ($0[0] == "train" || tests.contains("\($0[0])")) }
            && paths.contains { $0[0] == "train" }
        let labels = paths.map { path in
            path.count > (isCut ? 2 : 1) ? "\(path[isCut ? 1 : 0])" : "picture"
        }
        let classes = Set(labels).sorted()
        let numbers = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, Int32($0)) })
        self.classes = classes
        let all = zip(files, labels).map { Entry(path: $0, label: numbers[$1] ?? 0) }
        if isCut {
            training = zip(all, paths).filter { $1[0] == "train" }.map { $0.0 }
            test = zip(all, paths).filter { $1[0] != "train" }.map { $0.0 }
        } else {
            var dice = Dice(seed: 0)
            let mixed = all.shuffled(using: &dice)
            let border = max(1, mixed.count - mixed.count / 7)
            (training, test) = (Array(mixed[..<border]), Array(mixed[border...]))
        }
    }

    /// All pictures in memory. Those of differing sizes are cut to the middle square and scaled to `side`; they are gray
    /// only if all are.
    ///
    /// - Parameter side: nil for 32 where sizes differ, and else the pictures' own.
    public func load(side: Int?, on device: Device) throws(FileError) -> (
        training: PictureSet, test: PictureSet
    ) {
        var broken = BrokenExamples(place)
        let first = try read(training, &broken)
        let second = try read(test, &broken)
        broken.close()
        let all = first + second
        guard let model = all.first?.picture else {
            throw FileError(place.path, "holds no picture that can be read")
        }
        let isEven = all.allSatisfy {
            $0.picture.height == model.height && $0.picture.width == model.width
        }
        let channels = PictureFolder.channels(all)
        func set(_ examples: [Example]) -> PictureSet {
            self.set(examples, side: isEven ? side : side ?? 32, channels, on: device)
        }
        // Both parts need a picture at least.
        if first.isEmpty || second.isEmpty { return set(all).split(0.85) }
        return (set(first), set(second))
    }

    /// The first test pictures, cut and scaled; gray only if all of them are.
    func testSet(side: Int, limit: Int, on device: Device) throws(FileError) -> PictureSet {
        var broken = BrokenExamples(place)
        let examples = try read(Array((test.isEmpty ? training : test).prefix(limit)), &broken)
        broken.close()
        guard !examples.isEmpty else {
            throw FileError(place.path, "holds no picture that can be read")
        }
        return set(examples, side: side, PictureFolder.channels(examples), on: device)
    }

    private typealias Example = (picture: Picture, label: Int32)

    private static func channels(_ examples: [Example]) -> Int {
        examples.contains { $0.picture.channels >= 3 } ? 3 : 1
    }

    /// - Parameter side: nil if all have one size, which stays.
    private func set(_ examples: [Example], side: Int?, _ channels: Int, on device: Device)
        -> PictureSet
    {
        let pictures = examples.map { example in
            (side.map { example.picture.square($0) } ?? example.picture).converted(to: channels)
        }
        let shape = [pictures.count] + (pictures.first.map { [$0.height, $0.width] } ?? [0, 0])
        return PictureSet(
            Tensor(
                bytes: pictures.flatMap(\.bytes), shape: shape + [channels], dtype: .u8, on: device),
            labels: Tensor(examples.map(\.label), shape: [examples.count], on: device),
            classes: classes)
    }

    private func read(_ entries: [Entry], _ broken: inout BrokenExamples) throws(FileError)
        -> [Example]
    {
        var examples: [Example] = []
        for entry in entries {
            let picture = try broken.example { () throws(FileError) in try Picture(path: entry.path)
            }
            if let picture { examples.append((picture, entry.label)) }
        }
        return examples
    }
}
