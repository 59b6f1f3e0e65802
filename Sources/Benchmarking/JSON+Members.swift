package import Files

extension JSON {
    /// An object with these members in this order; those without a value are left out.
    package init(_ members: KeyValuePairs<String, JSON?>) {
        self = .object(
            members.compactMap { key, value in value.map { Member(key: key, value: $0) } })
    }

    package init(_ values: [Double]) { self = .array(values.map { .number($0) }) }
    package init(_ value: Int) { self = .number(Double(value)) }

    /// The value of a line that holds nothing else; the error says where the line stands and what is wrong.
    package static func line(
        _ line: some StringProtocol, of name: String, number: Int
    ) throws(BenchmarkError) -> JSON {
        do {
            return try JSON(parsing: Array(line.utf8), path: "\(name):\(number)")
        } catch {
            throw .usage(error.description)
        }
    }
}
