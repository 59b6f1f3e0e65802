import Files
import Tensors

/// Writes samples to files: all texts to one, each list of pictures to one as a grid. Returns the paths.
///
/// - Parameter path: of a suffix such as "-digits.png" or ".txt".
public func write(_ samples: [Sample], to path: (String) -> String) throws -> [String] {
    var paths: [String] = []
    let texts = samples.compactMap { if case .text(let text) = $0 { text } else { nil } }
    if !texts.isEmpty {
        paths.append(path(".txt"))
        let text = texts.joined(separator: "\n\n") + "\n"
        try writeFile(paths[0], [Array(text.utf8)])
    }
    for (title, grid) in grids(samples) {
        let name = title.map { $0.isLetter || $0.isNumber ? $0 : "-" }
        paths.append(path("-\(String(name)).png"))
        try grid.write(to: paths[paths.count - 1])
    }
    return paths
}

/// The lists of pictures, each as one picture, with their titles.
func grids(_ samples: [Sample]) -> [(title: String, grid: Picture)] {
    samples.compactMap { sample in
        guard case .pictures(let pictures, let title, let columns) = sample, pictures.count > 0
        else { return nil }
        let tiles = (0..<pictures.shape[0]).map { Picture(pictures[$0]) }
        return (title, Picture.grid(tiles, columns: columns))
    }
}
