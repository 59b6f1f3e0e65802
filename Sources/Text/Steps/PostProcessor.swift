/// The marks that an encoded text gets: a list of ids with the text's own in its place.
public struct PostProcessor: Sendable, Equatable {
    /// A mark, or one of the texts: 0 for the first, 1 for the second of a pair.
    public enum Item: Sendable, Equatable {
        case marks([Int])
        case text(Int)
    }

    public var single: [Item] = [.text(0)]
    public var pair: [Item] = [.text(0), .text(1)]

    public init() {}

    func callAsFunction(_ texts: [[Int]]) -> [Int] {
        (texts.count > 1 ? pair : single).flatMap { item in
            switch item {
            case .marks(let ids): ids
            case .text(let index): texts.indices.contains(index) ? texts[index] : []
            }
        }
    }
}

extension PostProcessor {
    /// The mark that a text begins with.
    public var firstMark: Int? {
        if case .marks(let ids) = single.first { return ids.first }
        return nil
    }
}
