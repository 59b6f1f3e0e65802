import Files
import Networks
import Tensors

/// The safetensors files that hold a model's weights together.
struct WeightFiles {
    /// The folder, or the only file.
    let origin: String
    /// Which file has a tensor.
    let places: [String: SafetensorsFile]

    /// Of a folder: `model.safetensors`, or what `model.safetensors.index.json` lists.
    init(folder: String) throws(FileError) {
        let (single, index) = (
            "\(folder)/model.safetensors", "\(folder)/model.safetensors.index.json"
        )
        if exists(index) {
            (origin, places) = (folder, try WeightFiles.places(index: index, folder: folder))
        } else if exists(single) {
            let file = try SafetensorsFile(path: single)
            origin = single
            places = Dictionary(uniqueKeysWithValues: file.entries.map { ($0.name, file) })
        } else {
            throw FileError(folder, "has no model.safetensors and no model.safetensors.index.json")
        }
    }

    private static func places(index path: String, folder: String) throws(FileError)
        -> [String: SafetensorsFile]
    {
        guard let map = try JSON(parsing: readFile(path), path: path)["weight_map"]?.members,
            !map.isEmpty
        else { throw FileError(path, "weight_map is missing or empty") }
        var files: [String: SafetensorsFile] = [:]
        var places: [String: SafetensorsFile] = [:]
        for member in map {
            guard let name = member.value.string, WeightFiles.isPlain(name) else {
                throw FileError(
                    path, "\(member.key) is said to be in \(member.value.text), no file beside it")
            }
            let file: SafetensorsFile
            if let known = files[name] {
                file = known
            } else {
                file = try SafetensorsFile(path: "\(folder)/\(name)")
                files[name] = file
            }
            guard file.contains(member.key) else {
                throw FileError(path, "\(name) does not have \(member.key)")
            }
            places[member.key] = file
        }
        return places
    }

    /// Whether a name leads to nowhere but its folder.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.contains("/") && !name.contains("\0") && name != "." && name != ".."
    }

    /// The tensors; nil keeps their own types.
    func checkpoint(as dtype: DType?) -> Checkpoint {
        let places = places
        return Checkpoint(
            origin: origin, names: Array(places.keys), as: dtype,
            fetch: { try places[$0]?.tensor($0, on: .cpu) },
            quantized: { name, device in
                guard dtype == nil, let file = places[name] else { return nil }
                let x = try file.tensor(name, on: device)
                return x.dtype.isFloat && x.rank == 2 ? QuantizedTensor(plain: x) : nil
            })
    }
}
