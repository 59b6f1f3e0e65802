import Tensors

/// Texts of several lengths, their tokens one behind the other without padding: linear maps see all N tokens at once,
/// attention each text alone.
public struct PackedTexts: Sendable {
    /// The tokens of each text.
    public let texts: [[Int]]
    /// Neighbours of one length.
    let groups: [Group]

    /// Texts `length` tokens long that stand side by side.
    struct Group: Sendable {
        /// Of the first text's first token among all tokens.
        var start: Int
        var texts: Int
        let length: Int
        var tokens: Range<Int> { start..<start + texts * length }
    }

    /// - Parameter texts: one token each at least.
    public init(_ texts: [[Int]]) {
        require(texts.allSatisfy { !$0.isEmpty }, "PackedTexts: a text without tokens")
        self.texts = texts
        var (groups, start) = ([Group](), 0)
        for text in texts {
            if groups.last?.length == text.count {
                groups[groups.count - 1].texts += 1
            } else {
                groups.append(Group(start: start, texts: 1, length: text.count))
            }
            start += text.count
        }
        self.groups = groups
    }

    /// The number of tokens of all texts: N.
    public var count: Int { groups.last?.tokens.upperBound ?? 0 }

    /// (N) i32
    func tokens(on device: Device) -> Tensor { PackedTexts.ids(texts, on: device) }

    static func ids(_ rows: [[Int]], on device: Device) -> Tensor {
        Tensor(rows.joined().map { Int32(truncatingIfNeeded: $0) }, on: device)
    }

    /// Where each text's first token stands, or its last.
    func places(last: Bool) -> [Int] {
        var end = 0
        return texts.map { text in
            end += text.count
            return last ? end - 1 : end - text.count
        }
    }

    /// Runs a body on each group's rows of some tensors (N, C), as (texts, length, C), and puts its results (texts, length, C')
    /// one behind the other: (N, C').
    func eachGroup(_ inputs: [Tensor], _ body: ([Tensor]) -> Tensor) -> Tensor {
        let results = groups.map { group in
            let parts = inputs.map {
                $0.narrowed(0, start: group.start, count: group.tokens.count)
                    .reshaped([group.texts, group.length, $0.shape[1]])
            }
            return body(parts).flattened(0, 1)
        }
        return results.count == 1 ? results[0] : Tensor.concatenated(results)
    }
}

extension Tensor {
    /// (B, T, C) as heads: (B, H, T, C / H).
    func heads(_ count: Int) -> Tensor {
        reshaped([shape[0], shape[1], count, shape[2] / count]).transposed(1, 2)
    }

    /// (B, H, T, D) as (B, T, H D).
    func headsJoined() -> Tensor {
        transposed(1, 2).reshaped([shape[0], shape[2], shape[1] * shape[3]])
    }
}
