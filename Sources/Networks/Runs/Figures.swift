/// What a step or an evaluation measured, in the order in which it is shown. The first is the one that should fall.
public struct Figures: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    public private(set) var entries: [(name: String, value: Double)]

    public init(_ entries: [(name: String, value: Double)]) { self.entries = entries }

    public init(dictionaryLiteral elements: (String, Double)...) {
        entries = elements.map { (name: $0, value: $1) }
    }

    public subscript(_ name: String) -> Double? { entries.first { $0.name == name }?.value }

    public mutating func append(_ name: String, _ value: Double) {
        entries.append((name, value))
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// The first figure that is NaN or infinite.
    public var firstNotFinite: (name: String, value: Double)? {
        entries.first { !$0.value.isFinite }
    }

    public static func == (a: Figures, b: Figures) -> Bool {
        a.entries.elementsEqual(b.entries) { $0 == $1 }
    }
}
