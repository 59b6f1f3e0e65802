import Benchmarking

/// A flag of a command: a switch, or one that takes a value.
struct Flag: Sendable {
    let name: String
    /// One letter that does the same, behind one dash.
    let short: String?
    /// What stands for the value in the help; nil for a switch.
    let value: String?
    let help: String

    init(_ name: String, _ value: String? = nil, _ help: String, short: String? = nil) {
        (self.name, self.short, self.value, self.help) = (name, short, value, help)
    }
}

/// The words of a command line, sorted into flags and the rest.
struct Arguments: Sendable {
    private(set) var words: [String] = []
    private var values: [String: String] = [:]
    /// The values of a flag that was given several times.
    private var lists: [String: [String]] = [:]

    /// Takes `--name value`, `--name=value`, `-n value` and `--switch`; everything else is a word. After `--` all are words.
    init(_ list: [String], flags: [Flag], command: String) throws(BenchmarkError) {
        var rest = list[...]
        while let word = rest.popFirst() {
            if word == "--" {
                words += rest
                return
            }
            guard word.hasPrefix("-"), word.count > 1 else {
                words.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0].drop { $0 == "-" })
            let isLong = word.hasPrefix("--")
            guard let flag = flags.first(where: { (isLong ? $0.name : $0.short) == name }) else {
                throw .usage(
                    Arguments.unknown(
                        String(parts[0]), among: flags.map { "--\($0.name)" }, command))
            }
            try set(flag, parts.count > 1 ? String(parts[1]) : nil, &rest)
        }
    }

    private mutating func set(
        _ flag: Flag, _ value: String?, _ rest: inout ArraySlice<String>
    ) throws(BenchmarkError) {
        if flag.value == nil {
            guard value == nil else { throw .usage("--\(flag.name) takes no value") }
            values[flag.name] = ""
        } else {
            guard let text = value ?? rest.popFirst() else {
                throw .usage("--\(flag.name) needs a value: --\(flag.name) \(flag.value ?? "")")
            }
            values[flag.name] = text
            lists[flag.name, default: []].append(text)
        }
    }

    /// One line that names the nearest known word, if one is near.
    static func unknown(_ word: String, among known: [String], _ command: String) -> String {
        let place = command.isEmpty ? "" : "\(command): "
        let near = known.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
        let kind = word.hasPrefix("-") ? "flag" : "command"
        guard let near, near.1 <= max(2, word.count / 3) else {
            return
                "\(place)unknown \(kind) \(word); see apus help\(command.isEmpty ? "" : " \(command)")"
        }
        return "\(place)unknown \(kind) \(word); did you mean \(near.0)?"
    }

    func has(_ name: String) -> Bool { values[name] != nil }
    func text(_ name: String) -> String? { values[name] }
    /// The values of a flag that may stand there several times.
    func texts(_ name: String) -> [String] { lists[name] ?? [] }

    /// A whole number in a range.
    func int(_ name: String, in range: ClosedRange<Int>) throws(BenchmarkError) -> Int? {
        guard let text = values[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .usage(
                "--\(name) is \(text), but must be a whole number in "
                    + "\(range.lowerBound) ... \(range.upperBound)")
        }
        return number
    }

    /// A number above 0.
    func positive(_ name: String, most: Double) throws(BenchmarkError) -> Double? {
        guard let text = values[name] else { return nil }
        guard let number = Double(text), number > 0, number <= most else {
            throw .usage(
                "--\(name) is \(text), but must be a number above 0 and at most \(short(most))")
        }
        return number
    }

    /// Assignments "name=value" between commas; those within brackets belong to a value: "sizes=[1,2],steps=3".
    func assignments(_ name: String) throws(BenchmarkError) -> [String] {
        guard has(name) else { return [] }
        let text = texts(name).joined(separator: ",")
        var (items, depth) = ([""], 0)
        for letter in text {
            depth += "[{".contains(letter) ? 1 : "]}".contains(letter) ? -1 : 0
            if letter == "," && depth == 0 {
                items.append("")
            } else {
                items[items.count - 1].append(letter)
            }
        }
        guard !items.contains("") else { throw .usage("--\(name): an empty entry in \"\(text)\"") }
        return items
    }

    /// A number in a range.
    func number(_ name: String, in range: ClosedRange<Double>) throws(BenchmarkError) -> Double? {
        guard let text = values[name] else { return nil }
        guard let number = Double(text), range.contains(number) else {
            throw .usage(
                "--\(name) is \(text), but must be a number in "
                    + "\(short(range.lowerBound)) ... \(short(range.upperBound))")
        }
        return number
    }

    /// Words between commas.
    func list(_ name: String) throws(BenchmarkError) -> [String]? {
        guard let text = values[name] else { return nil }
        let items = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard !items.contains("") else { throw .usage("--\(name): an empty entry in \"\(text)\"") }
        return items
    }

    /// Whole numbers: "a,b" and "first:last:step", mixed.
    func ints(_ name: String) throws(BenchmarkError) -> [Int]? {
        guard let items = try list(name) else { return nil }
        return try integers(items, of: "--\(name)")
    }
}

/// The numbers of "4", "1:3" (1, 2, 3) and "1024:4096:1024", in their order.
func integers(_ items: [String], of name: String) throws(BenchmarkError) -> [Int] {
    var numbers: [Int] = []
    for item in items {
        let parts = item.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        let bounds = parts.compactMap { $0 }
        guard bounds.count == parts.count, (1...3).contains(bounds.count) else {
            throw .usage("\(name): \"\(item)\" is neither a whole number nor first:last:step")
        }
        let (first, last) = (bounds[0], bounds.count > 1 ? bounds[1] : bounds[0])
        let step = bounds.count > 2 ? bounds[2] : 1
        guard step > 0, first <= last else {
            throw .usage("\(name): \"\(item)\" is empty: it needs first <= last and a step above 0")
        }
        let (width, overflow) = last.subtractingReportingOverflow(first)
        guard !overflow, width / step + numbers.count < 10000 else {
            throw .usage("\(name): \"\(item)\" stands for more than 10000 numbers")
        }
        numbers += Array(stride(from: first, through: last, by: step))
    }
    return numbers
}

/// How many letters must be inserted, removed or replaced to make one word of the other.
func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for i in a.indices {
        var diagonal = row[0]
        row[0] = i + 1
        for j in b.indices {
            let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
        }
    }
    return row[b.count]
}
