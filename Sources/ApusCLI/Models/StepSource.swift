import Files
import Networks
import Tensors

/// Where a timed step's weights and data come from: a file, so that another program's losses can be compared, or made up.
///
/// The file has the parameters under their names, with PyTorch's layouts, and the data as "batch.NAME".
struct StepSource: Sendable {
    let file: SafetensorsFile?
    let device: Device

    /// The store's parameters take the file's values.
    func fill(_ store: ParameterStore) throws {
        guard let file else { return }
        try store.restore(Checkpoint(file).renamed { $0.hasPrefix("batch.") ? nil : $0 })
    }

    func data(_ name: String, else made: @autoclosure () -> Tensor) throws -> Tensor {
        try file?.tensor("batch.\(name)", on: device) ?? made()
    }

    /// Pictures (N, H, W, C), which a file has as (N, C, H, W).
    func pictures(_ name: String, else made: @autoclosure () -> Tensor) throws -> Tensor {
        guard let file else { return made() }
        return try file.tensor("batch.\(name)", on: device).permuted([0, 2, 3, 1]).contiguous()
    }

    /// The numbers that a step draws: those that the file has for it (steps, …), or made up.
    func draws(_ name: String, else made: @escaping (Int) -> Tensor) throws -> (Int) -> Tensor {
        guard let all = try file?.tensor("batch.\(name)", on: device) else { return made }
        return { step in
            let row = all.narrowed(0, start: step % all.shape[0], count: 1)
            return row.squeezed(0).contiguous()
        }
    }
}
