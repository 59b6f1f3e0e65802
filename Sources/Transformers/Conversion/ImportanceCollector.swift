public import Files
import Networks
import Synchronization
import Tensors
import Text

extension LoadedModel {
    /// How much the columns of the model's matrices matter on a text: the mean squares of what they are multiplied with.
    ///
    /// - Parameters:
    ///   - tokens: of the text; each chunk of them is seen for itself.
    ///   - chunk: how many tokens are seen at once; a rest is left out unless it is all there is.
    ///   - progress: told how many chunks are done.
    public func importance(
        of tokens: [Int], chunk: Int, dataset: String,
        progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) -> ImportanceMatrix {
        let names = ConversionNames(model.configuration)
        let sums = SquareSums()
        let all = max(1, tokens.count / chunk)
        let first = tokenizer.flatMap { $0.marks.firstMark }
        LinearInputs.watched(by: { sums.add($1, of: $0.name) }) {
            for number in 0..<all {
                var part = Array(tokens[number * chunk..<min(tokens.count, (number + 1) * chunk)])
                if let first, !part.isEmpty { part[0] = first }
                let ids = Tensor(part.map { Int32($0) }, shape: [1, part.count], on: model.device)
                _ = noGrad { model(ids).detached }
                progress(number + 1, all)
            }
        }
        var matrix = sums.matrix(names, experts: model.configuration.experts?.count ?? 0)
        (matrix.datasets, matrix.chunkCount, matrix.chunkSize) = ([dataset], all, chunk)
        return matrix
    }
}

/// Sums of squares by weight and column.
private final class SquareSums: Sendable {
    private struct Sum {
        var squares: [Double]
        var rows: Int
    }

    private let sums = Mutex<[String: Sum]>([:])

    func add(_ x: Tensor, of name: String) {
        let columns = x.shape[x.rank - 1]
        let x = x.detached.cast(to: .f32).reshaped([-1, columns])
        let squares = (x * x).sum(axes: [0]).scalars()
        let rows = x.shape[0]
        sums.withLock { sums in
            var sum = sums[name] ?? Sum(squares: Array(repeating: 0, count: columns), rows: 0)
            for i in squares.indices { sum.squares[i] += Double(squares[i]) }
            sum.rows += rows
            sums[name] = sum
        }
    }

    /// Under the names of GGUF files, where the matrices of experts are one tensor.
    func matrix(_ names: ConversionNames, experts: Int) -> ImportanceMatrix {
        var matrix = ImportanceMatrix()
        for (name, sum) in sums.withLock({ $0 }) {
            guard let place = names.place(name) else { continue }
            let (columns, count) = (sum.squares.count, place.expert == nil ? 1 : experts)
            var entry =
                matrix.entries[place.name]
                ?? .init(
                    columns: columns, sums: Array(repeating: 0, count: count * columns),
                    counts: Array(repeating: 0, count: count))
            let part = place.expert ?? 0
            for i in sum.squares.indices { entry.sums[part * columns + i] = Float(sum.squares[i]) }
            entry.counts[part] = Float(sum.rows)
            matrix.entries[place.name] = entry
        }
        return matrix
    }
}
