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
    public func load(side: Int, on device: Device) throws(FileError) -> (
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
        let channels = all.contains { $0.picture.channels >= 3 } ? 3 : 1
        func set(_ examples: [(picture: Picture, label: Int32)]) -> PictureSet {
            let shape = isEven ? [model.height, model.width] : [side, side]
            let bytes = examples.flatMap { example in
                let picture = isEven ? example.picture : example.picture.square(side)
                return picture.converted(to: channels).bytes
            }
            let pictures = Tensor(
                bytes: bytes, shape: [examples.count] + shape + [channels], dtype: .u8, on: device)
            let labels = Tensor(examples.map(\.label), shape: [examples.count], on: device)
            return PictureSet(pictures, labels: labels, classes: classes)
        }
        // Both parts need a picture at least.
        if first.isEmpty || second.isEmpty { return set(all).split(0.85) }
        return (set(first), set(second))
    }

    private func read(_ entries: [Entry], _ broken: inout BrokenExamples) throws(FileError) -> [(
        picture: Picture, label: Int32
    )] {
        var examples: [(picture: Picture, label: Int32)] = []
        for entry in entries {
            let picture = try broken.example { () throws(FileError) in try Picture(path: entry.path)
            }
            if let picture { examples.append((picture, entry.label)) }
        }
        return examples
    }
}
