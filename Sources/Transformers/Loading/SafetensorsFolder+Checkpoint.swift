import Files
import Networks
import Tensors

extension SafetensorsFolder {
    /// The tensors; nil keeps their own types.
    func checkpoint(as dtype: DType?) -> Checkpoint {
        Checkpoint(
            origin: path,
            shapes: Dictionary(entries.map { ($0.name, $0.shape) }) { first, _ in first },
            as: dtype,
            fetch: { contains($0) ? try tensor($0, on: .cpu) : nil },
            quantized: { name, device in
                guard dtype == nil, contains(name) else { return nil }
                let x = try tensor(name, on: device)
                return x.dtype.isFloat && x.rank == 2 ? QuantizedTensor(plain: x) : nil
            })
    }
}
