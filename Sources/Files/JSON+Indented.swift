extension JSON {
    /// The value as text for people: a member a line. Lists of plain values stay on one line.
    public var indented: String { indented(by: "") }

    private func indented(by margin: String) -> String {
        let inner = margin + "  "
        switch self {
        case .object(let members) where !members.isEmpty:
            let lines = members.map { member in
                "\(inner)\(JSON.string(member.key).text): \(member.value.indented(by: inner))"
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(margin)}"
        case .array(let items) where items.contains { $0.isNested }:
            let lines = items.map { inner + $0.indented(by: inner) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(margin)]"
        default: return text
        }
    }

    private var isNested: Bool {
        switch self {
        case .object, .array: true
        default: false
        }
    }
}
