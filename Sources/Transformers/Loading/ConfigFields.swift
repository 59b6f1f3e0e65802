import Files
import Tensors

/// The fields of a model's description, each read within its bounds: a `config.json`, or a GGUF file's metadata.
struct ConfigFields {
    let json: JSON
    let path: String

    /// Nil where it is missing or null.
    subscript(_ key: String) -> JSON? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    /// A number of things. Sizes beyond `most` are refused: no model has them, and products of them might overflow.
    func count(_ key: String, least: Int = 1, most: Int = 1 << 24, usual: Int? = nil)
        throws(FileError) -> Int
    {
        guard let value = self[key] else {
            if let usual { return usual }
            throw FileError(path, "\(key) is missing")
        }
        guard let number = value.int, number >= least, number <= most else {
            throw FileError(
                path, "\(key) is \(value.text), not a whole number in \(least) ... \(most)")
        }
        return number
    }

    /// As `count`, but nil where it is missing.
    func optionalCount(_ key: String, least: Int = 1, most: Int = 1 << 24) throws(FileError)
        -> Int?
    {
        self[key] == nil ? nil : try count(key, least: least, most: most)
    }

    /// A number above 0.
    func number(_ key: String, usual: Double? = nil) throws(FileError) -> Double {
        guard let value = self[key] else {
            if let usual { return usual }
            throw FileError(path, "\(key) is missing")
        }
        guard let number = value.double, number.isFinite, number > 0, number < 1e30 else {
            throw FileError(path, "\(key) is \(value.text), not a number above 0")
        }
        return number
    }

    func optionalNumber(_ key: String) throws(FileError) -> Double? {
        self[key] == nil ? nil : try number(key)
    }

    /// A number that a null switches off, and that has a usual value where it is missing.
    func optionalNumber(_ key: String, usual: Double) throws(FileError) -> Double? {
        json[key]?.isNull == true ? nil : try number(key, usual: usual)
    }

    func flag(_ key: String, usual: Bool) throws(FileError) -> Bool {
        guard let value = self[key] else { return usual }
        guard let flag = value.bool else {
            throw FileError(path, "\(key) is \(value.text), neither true nor false")
        }
        return flag
    }

    /// Numbers above 0; so many of them.
    func numbers(_ key: String, count: Int) throws(FileError) -> [Double] {
        let values = self[key]?.array?.compactMap(\.double) ?? []
        guard values.count == count, values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw FileError(path, "\(key) is missing or not \(count) numbers above 0")
        }
        return values
    }

    func activation(_ key: String, usual: String) throws(FileError) -> Activation {
        switch self[key]?.string ?? usual {
        case "relu": return .relu
        case "gelu": return .gelu
        case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": return .geluTanh
        case "silu", "swish": return .silu
        case let name: throw FileError(path, "\(key): the activation \(name) is not known")
        }
    }

    /// The fields below a key.
    func below(_ key: String) -> ConfigFields? {
        guard let value = self[key], value.members != nil else { return nil }
        return ConfigFields(json: value, path: path)
    }
}

extension ConfigFields {
    /// Those of a file that holds a JSON object.
    init(path: String) throws(FileError) {
        let json = try JSON(parsing: readFile(path), path: path)
        guard json.members != nil else { throw FileError(path, "is no JSON object") }
        self.init(json: json, path: path)
    }

    /// Those of a model's folder.
    init(folder: String) throws(FileError) { try self.init(path: "\(folder)/config.json") }
}
