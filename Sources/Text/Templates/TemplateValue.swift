import Files

/// A value while a template runs. Lists and dictionaries never change; only namespaces do.
enum TemplateValue {
    /// What is not there: prints as nothing, has no attributes. `isUnsafe` where it was refused.
    case undefined(String, isUnsafe: Bool)
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    case list([TemplateValue])
    case tuple([TemplateValue])
    case dictionary(TemplateDictionary)
    /// Items that come one after another: they can be looped over, but not counted or picked.
    case sequence([TemplateValue], SequenceKind)
    case namespace(Namespace)
    case callable(Callable)
    case loop(LoopState)

    /// Where such items come from.
    enum SequenceKind: String {
        case generator, keys, values, items, range
    }

    /// What `namespace()` makes: attributes that inner scopes may set.
    final class Namespace {
        var values = TemplateDictionary()
    }

    /// Where a loop stands.
    final class LoopState {
        let items: [TemplateValue]
        let depth: Int
        /// The loop itself, if its body may call it.
        let recursion: Statement.Loop?
        let scope: TemplateScope
        var index = 0
        var changed: [TemplateValue]?

        init(_ items: [TemplateValue], depth: Int, recursion: Statement.Loop?, scope: TemplateScope)
        {
            (self.items, self.depth, self.recursion, self.scope) = (items, depth, recursion, scope)
        }
    }

    /// Something that a template can call.
    enum Callable {
        case function(String)
        case method(Box, String)
        case macro(Macro, TemplateScope)
        case cycler(Cycle)
        case joiner(Cycle)
    }

    final class Box {
        let value: TemplateValue

        init(_ value: TemplateValue) { self.value = value }
    }

    final class Cycle {
        let items: [TemplateValue]
        var index = 0

        init(_ items: [TemplateValue]) { self.items = items }
    }
}

/// Values by key, in the order in which they came.
struct TemplateDictionary {
    private(set) var items: [(key: TemplateValue, value: TemplateValue)] = []
    /// Where each text stands, by its bytes.
    private var places: [[UInt8]: Int] = [:]

    subscript(key: TemplateValue) -> TemplateValue? {
        get { place(key).map { items[$0].value } }
        set {
            guard let newValue else { return }
            if let place = place(key) {
                items[place].value = newValue
            } else {
                if case .string(let text) = key { places[Array(text.utf8)] = items.count }
                items.append((key, newValue))
            }
        }
    }

    subscript(key: String) -> TemplateValue? {
        get { self[.string(key)] }
        set { self[.string(key)] = newValue }
    }

    private func place(_ key: TemplateValue) -> Int? {
        if case .string(let text) = key { return places[Array(text.utf8)] }
        return items.firstIndex { $0.key.equals(key) }
    }
}

/// The names that a part of a template sees.
final class TemplateScope {
    var values: [String: TemplateValue] = [:]
    let parent: TemplateScope?

    init(_ parent: TemplateScope?) { self.parent = parent }

    func find(_ name: String) -> TemplateValue? {
        var scope: TemplateScope? = self
        while let here = scope {
            if let value = here.values[name] { return value }
            scope = here.parent
        }
        return nil
    }
}

extension TemplateValue {
    /// A value of a request or a file.
    init(_ json: JSON) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let value): self = .float(value)
        case .string(let text): self = .string(text)
        case .array(let items): self = .list(items.map { TemplateValue($0) })
        case .object(let members):
            var dictionary = TemplateDictionary()
            for member in members { dictionary[member.key] = TemplateValue(member.value) }
            self = .dictionary(dictionary)
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .string(let text): !text.isEmpty
        case .list(let items), .tuple(let items): !items.isEmpty
        case .dictionary(let dictionary): !dictionary.items.isEmpty
        case .sequence(let items, let kind): kind == .generator || !items.isEmpty
        case .namespace, .callable, .loop: true
        }
    }

    /// As a whole number, where it is one; true is 1.
    var int: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .integer(let value): value
        default: nil
        }
    }

    /// As a number, where it is one.
    var double: Double? {
        if case .float(let value) = self { return value }
        return int.map { Double($0) }
    }

    /// The values that it holds and that may hold others.
    var parts: [TemplateValue] {
        switch self {
        case .list(let items), .tuple(let items), .sequence(let items, _):
            items.filter(\.holdsOthers)
        case .dictionary(let dictionary): dictionary.items.map(\.value).filter(\.holdsOthers)
        case .callable(.cycler(let cycle)), .callable(.joiner(let cycle)): cycle.items
        case .callable(.method(let box, _)): [box.value]
        default: []
        }
    }

    private var holdsOthers: Bool {
        switch self {
        case .list, .tuple, .sequence, .dictionary, .callable: true
        default: false
        }
    }

    var string: String? { if case .string(let text) = self { text } else { nil } }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }

    /// What its kind is called in errors.
    var kindName: String {
        switch self {
        case .undefined: "undefined"
        case .none: "none"
        case .bool: "a bool"
        case .integer: "an integer"
        case .float: "a float"
        case .string: "a text"
        case .list: "a list"
        case .tuple: "a tuple"
        case .dictionary: "a mapping"
        case .sequence: "a sequence"
        case .namespace: "a namespace"
        case .callable: "a function"
        case .loop: "a loop"
        }
    }

    /// Equal as Python has it: 1 == 1.0 == true, texts by their bytes, lists by their items.
    func equals(_ other: TemplateValue) -> Bool {
        switch (self, other) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let a), .string(let b)): return a.utf8.elementsEqual(b.utf8)
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            return a.count == b.count && zip(a, b).allSatisfy { $0.equals($1) }
        case (.dictionary(let a), .dictionary(let b)):
            return a.items.count == b.items.count
                && a.items.allSatisfy { b[$0.key]?.equals($0.value) ?? false }
        case (.namespace(let a), .namespace(let b)): return a === b
        default:
            if let a = int, let b = other.int { return a == b }
            if let a = double, let b = other.double { return a == b }
            return false
        }
    }

    /// Whether it stands before another; nil where the two have no order.
    func precedes(_ other: TemplateValue) -> Bool? {
        if let a = int, let b = other.int { return a < b }
        if let a = double, let b = other.double { return a < b }
        switch (self, other) {
        case (.string(let a), .string(let b)):
            return a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            for (x, y) in zip(a, b) where !x.equals(y) { return x.precedes(y) }
            return a.count < b.count
        default: return nil
        }
    }
}
