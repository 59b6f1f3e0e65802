import Files

/// A value of a tokenizer file with its place in it: wrong or missing fields are named in the error.
struct JSONField {
    let value: JSON
    let place: String
    let path: String

    init(_ value: JSON, place: String = "", path: String) {
        (self.value, self.place, self.path) = (value, place, path)
    }

    func failure(_ problem: String) -> FileError {
        FileError(path, place.isEmpty ? problem : "\(place): \(problem)")
    }

    /// A field that may be missing or null.
    subscript(_ key: String) -> JSONField? {
        guard let value = value[key], !value.isNull else { return nil }
        return JSONField(value, place: place.isEmpty ? key : "\(place).\(key)", path: path)
    }

    func required(_ key: String) throws(FileError) -> JSONField {
        guard let field = self[key] else { throw failure("\(key) is missing") }
        return field
    }

    func string() throws(FileError) -> String {
        guard let text = value.string else { throw failure("must be a text") }
        return text
    }

    func bytes() throws(FileError) -> [UInt8] { Array(try string().utf8) }

    func int() throws(FileError) -> Int {
        guard let number = value.int else { throw failure("must be a whole number") }
        return number
    }

    func double() throws(FileError) -> Double {
        guard let number = value.double, !number.isNaN else { throw failure("must be a number") }
        return number
    }

    /// An id that a vocabulary can have.
    func id() throws(FileError) -> Int {
        let id = try int()
        guard id >= 0, id <= TokenTable.highestID else { throw failure("\(id) is no id") }
        return id
    }

    func items() throws(FileError) -> [JSONField] {
        guard let items = value.array else { throw failure("must be a list") }
        return items.enumerated().map { i, item in
            JSONField(item, place: "\(place)[\(i)]", path: path)
        }
    }

    func members() throws(FileError) -> [JSON.Member] {
        guard let members = value.members else { throw failure("must be an object") }
        return members
    }

    /// A switch of an object; `fallback` where it is not there.
    func bool(_ key: String, or fallback: Bool) throws(FileError) -> Bool {
        guard let field = self[key] else { return fallback }
        guard let value = field.value.bool else { throw field.failure("must be true or false") }
        return value
    }

    func text(_ key: String, or fallback: String) throws(FileError) -> String {
        try self[key]?.string() ?? fallback
    }
}
