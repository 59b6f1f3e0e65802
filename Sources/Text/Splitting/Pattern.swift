import CPCRE2
package import Files

/// A regular expression of a tokenizer file, run by PCRE2 on UTF-8 bytes. What follows a limit of steps or depth is left
/// unmatched, so that no expression and no text can stall.
package final class Pattern: Sendable {
    package let source: String
    /// Compiled once, never changed: PCRE2 allows many threads to match with it.
    nonisolated(unsafe) private let code: OpaquePointer

    /// Steps of one match, and bytes it may take for backtracking, in kilobytes.
    private static let (mostSteps, mostMemory): (UInt32, UInt32) = (2_000_000, 64 << 10)
    private static let longestSource = 1 << 16

    package init(_ source: String, path: String) throws(FileError) {
        self.source = source
        let text = Pattern.translated(source)
        guard text.utf8.count <= Pattern.longestSource else {
            throw FileError(path, "a pattern of \(text.utf8.count) bytes is too long")
        }
        var (problem, place): (Int32, Int) = (0, 0)
        let options = PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C
        let compiled = Array(text.utf8).withUnsafeBufferPointer {
            pcre2_compile_8($0.baseAddress, $0.count, options, &problem, &place, nil)
        }
        guard let compiled else {
            throw FileError(path, "pattern \(source): \(Pattern.message(problem)) at \(place)")
        }
        code = compiled
    }

    deinit { pcre2_code_free_8(code) }

    private static func message(_ number: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 200)
        let count = pcre2_get_error_message_8(number, &text, text.count)
        return String(decoding: text.prefix(Int(max(0, count))), as: UTF8.self)
    }

    /// The blanks of Unicode as a class: PCRE2's own `\s` also counts U+180E.
    private static let blanks =
        #"\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"#

    /// The expression with `\s` and `\S` spelt out.
    private static func translated(_ source: String) -> String {
        var text = ""
        var (inClass, escaped) = (false, false)
        for character in source.unicodeScalars {
            if escaped {
                escaped = false
                switch (character, inClass) {
                case ("s", true): text += blanks
                case ("s", false): text += "[\(blanks)]"
                case ("S", false): text += "[^\(blanks)]"
                default:
                    text += "\\"
                    text.unicodeScalars.append(character)
                }
            } else if character == "\\" {
                escaped = true
            } else {
                if character == "[" { inClass = true }
                if character == "]" { inClass = false }
                text.unicodeScalars.append(character)
            }
        }
        return escaped ? text + "\\" : text
    }

    /// The matches from left to right that are not empty; none overlaps another. The text is valid UTF-8.
    package func matches(in text: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        guard let data = pcre2_match_data_create_8(1, nil) else { return [] }
        let context = pcre2_match_context_create_8(nil)
        defer {
            pcre2_match_data_free_8(data)
            pcre2_match_context_free_8(context)
        }
        pcre2_set_match_limit_8(context, Pattern.mostSteps)
        pcre2_set_heap_limit_8(context, Pattern.mostMemory)
        text.withUnsafeBufferPointer { buffer in
            var start = 0
            let options = UInt32(PCRE2_NO_UTF_CHECK)
            while start <= buffer.count {
                let count = pcre2_match_8(
                    code, buffer.baseAddress, buffer.count, start, options, data, context)
                guard count > 0, let place = pcre2_get_ovector_pointer_8(data) else { return }
                let (low, high) = (max(place[0], start), min(place[1], buffer.count))
                if low < high {
                    found.append(low..<high)
                    start = high
                } else {
                    // An empty match: on by one character.
                    guard low < buffer.count else { return }
                    start = low + characterLength(buffer[low])
                }
            }
        }
        return found
    }
}
