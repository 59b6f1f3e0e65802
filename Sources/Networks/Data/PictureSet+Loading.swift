public import Files
public import Tensors

extension PictureSet {
    /// The set that a user names, or one that is made, cut into a part to learn from and a part to be measured on.
    ///
    /// - Parameters:
    ///   - data: a folder with MNIST's IDX files (or one such file), or a folder of PNG and JPEG files, the folders in it
    ///     being the classes. `train` and `test` in it are the two parts; else a seventh of the pictures is the test.
    ///   - side: what pictures in a folder are cut and scaled to; nil: 32 if their sizes differ.
    public static func load(
        _ data: DataPlace?, side: Int? = nil, on device: Device, otherwise make: () -> PictureSet
    ) throws(FileError) -> (training: PictureSet, test: PictureSet) {
        guard let data else { return make().split(0.85) }
        let idx = try IDXPictures(data.path)
        if let idx { return try idx.load(on: device) }
        guard isFolder(data.path) else {
            throw FileError(data.path, "is neither an IDX file nor a folder of pictures")
        }
        return try PictureFolder(data).load(side: side, on: device)
    }
}

/// The IDX files of a folder: pictures, and labels whose file is named the same but for "labels".
private struct IDXPictures {
    private let path: String
    private let files: [String]
    private let pictures: [String]

    /// Nil if there are no IDX files.
    init?(_ path: String) throws(FileError) {
        self.path = path
        let isAlone = !isFolder(path)
        if isAlone && !IDXPictures.isIDX(path) { return nil }
        let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        files = try filesBelow(
            isAlone ? (parent.isEmpty ? "." : parent.joined(separator: "/")) : path)
        let pictures = files.filter {
            IDXPictures.name($0).contains("images") && IDXPictures.isIDX($0)
        }
        if !isAlone && pictures.isEmpty { return nil }
        self.pictures = isAlone ? [path] : pictures
    }

    private static func name(_ path: String) -> String {
        String(path.split(separator: "/").last ?? "")
    }

    private static func isIDX(_ path: String) -> Bool {
        let name = name(path)
        return name.contains("idx") || name.contains("ubyte")
    }

    func load(on device: Device) throws(FileError) -> (training: PictureSet, test: PictureSet) {
        func isTest(_ file: String) -> Bool {
            ["t10k", "test"].contains { IDXPictures.name(file).contains($0) }
        }
        guard let training = pictures.first(where: { !isTest($0) }) ?? pictures.first else {
            throw FileError(path, "holds no pictures")
        }
        let set = try set(training, on: device)
        guard let test = pictures.first(where: { isTest($0) && $0 != training }) else {
            return set.shuffled().split(0.85)
        }
        let other = try self.set(test, on: device)
        guard other.pictures.shape[1...] == set.pictures.shape[1...] else {
            throw FileError(test, "its pictures have another size than those of \(training)")
        }
        let classes = set.classes.count >= other.classes.count ? set.classes : other.classes
        return (
            PictureSet(set.pictures, labels: set.labels, classes: classes),
            PictureSet(other.pictures, labels: other.labels, classes: classes)
        )
    }

    private func set(_ path: String, on device: Device) throws(FileError) -> PictureSet {
        let file = try IDXFile(path: path)
        let shape = file.shape.count == 3 ? file.shape + [1] : file.shape
        let pictures = try file.tensor(on: device)
        guard shape.count == 4, shape.allSatisfy({ $0 > 0 }), pictures.dtype == .u8 else {
            throw FileError(path, "is \(file.shape) \(pictures.dtype), no bytes of pictures")
        }
        let (labels, classes) = try labels(of: path, count: shape[0], on: device)
        return PictureSet(pictures.reshaped(shape), labels: labels, classes: classes)
    }

    /// All 0 if no file has them.
    private func labels(of path: String, count: Int, on device: Device) throws(FileError) -> (
        Tensor, [String]
    ) {
        let names = IDXPictures.labelNames(IDXPictures.name(path))
        guard let file = files.first(where: { names.contains(IDXPictures.name($0)) }) else {
            return (Tensor.zeros([count], dtype: .i32, on: device), ["picture"])
        }
        let values = try IDXFile(path: file).tensor(on: .cpu)
        guard values.shape == [count], !values.dtype.isFloat else {
            throw FileError(file, "is \(values.shape), no labels of \(count) pictures")
        }
        let labels = values.scalars(as: Int32.self)
        guard let largest = labels.max(), labels.allSatisfy({ $0 >= 0 }), largest < 1 << 16 else {
            throw FileError(file, "has labels that are no classes")
        }
        return (Tensor(labels, on: device), (0...largest).map { "\($0)" })
    }

    private static func labelNames(_ name: String) -> [String] {
        let word = replacing("images", by: "labels", in: name)
        let plain = replacing("idx3", by: "idx1", in: word)
        return [plain, plain.hasSuffix(".gz") ? String(plain.dropLast(3)) : plain + ".gz"]
    }

    private static func replacing(_ word: String, by other: String, in text: String) -> String {
        guard let range = text.firstRange(of: word) else { return text }
        return text.replacingCharacters(in: range, with: other)
    }
}

extension String {
    fileprivate func firstRange(of word: String) -> Range<Index>? {
        indices.first { self[$0...].hasPrefix(word) }.map {
            $0..<index($0, offsetBy: word.count)
        }
    }

    fileprivate func replacingCharacters(in range: Range<Index>, with other: String) -> String {
        self[..<range.lowerBound] + other + self[range.upperBound...]
    }
}

extension PictureSet {
    /// In an order that follows from the number of pictures alone.
    func shuffled() -> PictureSet {
        var dice = Dice(seed: 0)
        let order = Tensor((0..<Int32(count)).shuffled(using: &dice), on: pictures.device)
        return PictureSet(
            pictures.selecting(order), labels: labels.selecting(order), classes: classes)
    }
}
