import Files

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
    return paths
}
