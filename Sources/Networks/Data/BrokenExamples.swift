public import Files
import Glibc

/// What becomes of examples that cannot be read: the first ends all where a run is strict; else each is named and left out.
public struct BrokenExamples {
    private let isStrict: Bool
    private let note: (String) -> Void
    public private(set) var count = 0
    /// More than these are counted, not named.
    private static let mostNamed = 20

    /// - Parameter note: shows a line; the standard error, if none is given.
    public init(_ place: DataPlace, note: ((String) -> Void)? = nil) {
        isStrict = place.isStrict
        self.note =
            note ?? { text in
                let line = Array("apus: \(text)\n".utf8)
                _ = write(STDERR_FILENO, line, line.count)
            }
    }

    /// An example, or nil if it is broken and left out.
    public mutating func example<T>(_ read: () throws(FileError) -> T) throws(FileError) -> T? {
        do throws(FileError) {
            return try read()
        } catch {
            if isStrict { throw error }
            count += 1
            if count <= BrokenExamples.mostNamed { note("\(error); left out") }
            return nil
        }
    }

    /// Says how many were left out without being named.
    public func close() {
        let more = count - BrokenExamples.mostNamed
        if more > 0 { note("\(more) more broken examples left out") }
    }
}
