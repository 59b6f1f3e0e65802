// A configuration as JSON from a Swift value.

extension JSON {
    /// A value as JSON: its properties as members in their order.
    public init(encoding value: some Encodable) {
        let box = JSONBox()
        // The encoder below refuses nothing.
        try? value.encode(to: JSONEncoder(box: box, codingPath: []))
        self = box.json
    }
}

/// Where an encoder leaves what it was given.
private final class JSONBox {
    private enum Content {
        case value(JSON)
        case object([(key: String, box: JSONBox)])
        case array([JSONBox])
    }

    private var content = Content.value(.null)

    var json: JSON {
        switch content {
        case .value(let json): json
        case .object(let members):
            .object(members.map { JSON.Member(key: $0.key, value: $0.box.json) })
        case .array(let items): .array(items.map(\.json))
        }
    }

    var count: Int { if case .array(let items) = content { items.count } else { 0 } }

    func set(_ json: JSON) { content = .value(json) }
    func makeObject() { if case .object = content {} else { content = .object([]) } }
    func makeArray() { if case .array = content {} else { content = .array([]) } }

    func member(_ key: String) -> JSONBox {
        guard case .object(var members) = content else { return JSONBox() }
        if let known = members.first(where: { $0.key == key }) { return known.box }
        members.append((key, JSONBox()))
        content = .object(members)
        return members[members.count - 1].box
    }

    func item() -> JSONBox {
        guard case .array(var items) = content else { return JSONBox() }
        items.append(JSONBox())
        content = .array(items)
        return items[items.count - 1]
    }
}

private struct JSONEncoder: Encoder {
    let box: JSONBox
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        box.makeObject()
        return KeyedEncodingContainer(Members(box: box, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        box.makeArray()
        return Items(box: box, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

extension JSONEncoder: SingleValueEncodingContainer {
    func encodeNil() { box.set(.null) }
    func encode(_ value: Bool) { box.set(.bool(value)) }
    func encode(_ value: String) { box.set(.string(value)) }
    func encode(_ value: Double) { box.set(.number(value)) }
    /// 0.1 as a Float is 0.1 in the text, not 0.10000000149.
    func encode(_ value: Float) { box.set(.number(Double("\(value)") ?? Double(value))) }
    func encode(_ value: Int) { box.set(.number(Double(value))) }
    func encode(_ value: Int8) { box.set(.number(Double(value))) }
    func encode(_ value: Int16) { box.set(.number(Double(value))) }
    func encode(_ value: Int32) { box.set(.number(Double(value))) }
    func encode(_ value: Int64) { box.set(.number(Double(value))) }
    func encode(_ value: UInt) { box.set(.number(Double(value))) }
    func encode(_ value: UInt8) { box.set(.number(Double(value))) }
    func encode(_ value: UInt16) { box.set(.number(Double(value))) }
    func encode(_ value: UInt32) { box.set(.number(Double(value))) }
    func encode(_ value: UInt64) { box.set(.number(Double(value))) }
    func encode<T: Encodable>(_ value: T) throws { try value.encode(to: self) }
}

private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let box: JSONBox
    let codingPath: [any CodingKey]

    private func encoder(_ key: any CodingKey) -> JSONEncoder {
        JSONEncoder(box: box.member(key.stringValue), codingPath: codingPath + [key])
    }

    mutating func encodeNil(forKey key: Key) { encoder(key).encodeNil() }
    // Serves every type that the protocol lists.
    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        try value.encode(to: encoder(key))
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
        -> KeyedEncodingContainer<Nested>
    { encoder(key).container(keyedBy: type) }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder(key).unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder {
        JSONEncoder(box: box.member("super"), codingPath: codingPath)
    }
    mutating func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }
}

private struct Items: UnkeyedEncodingContainer {
    let box: JSONBox
    let codingPath: [any CodingKey]
    var count: Int { box.count }

    private var next: JSONEncoder { JSONEncoder(box: box.item(), codingPath: codingPath) }

    mutating func encodeNil() { next.encodeNil() }
    mutating func encode<T: Encodable>(_ value: T) throws { try value.encode(to: next) }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type)
        -> KeyedEncodingContainer<Nested>
    { next.container(keyedBy: type) }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        next.unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { next }
}
