public import Files
import Tensors

// What a model has made of a prompt, kept in a file: the next run goes on from there.

extension Engine {
    /// Writes the keys and values of the slot that holds most of a text, with its tokens, whole or not at all.
    ///
    /// - Parameter identity: tells the model from others; a file is only taken back by the same.
    public func saveCache(of tokens: [Int], to path: String, identity: String) throws(FileError) {
        let slots = running.indices.map { ($0, sharedLength(cached[$0], tokens)) }
        guard let (slot, count) = slots.max(by: { $0.1 < $1.1 }), count > 0 else {
            throw FileError(path, "not written: nothing of the prompt is in the cache")
        }
        forget(slot, from: count)
        let ids = Tensor(cached[slot].map { Int32($0) }, shape: [count], on: .cpu)
        let metadata = [
            "format": Engine.cacheFormat, "model": identity, "cache": cache.format.rawValue,
        ]
        try writeSafetensors(
            [("prompt", ids)] + cache.tensors(slot), metadata: metadata, to: path)
    }

    /// Takes a file's keys and values into a free slot, for requests that begin with the same tokens.
    ///
    /// - Returns: the tokens.
    @discardableResult
    public func loadCache(_ path: String, identity: String) throws(FileError) -> [Int] {
        let file = try SafetensorsFile(path: path)
        guard file.metadata["format"] == Engine.cacheFormat else {
            throw FileError(path, "is no prompt cache")
        }
        guard file.metadata["model"] == identity else {
            throw FileError(path, "was made with another model")
        }
        let format = file.metadata["cache"] ?? "nothing"
        guard format == cache.format.rawValue else {
            throw FileError(path, "has \(format) keys, the cache is \(cache.format.rawValue)")
        }
        let ids = try file.tensor("prompt", on: .cpu)
        guard ids.rank == 1, ids.dtype == .i32, ids.count <= context else {
            throw FileError(path, "its \(ids.count) tokens do not fit into a context of \(context)")
        }
        guard let slot = running.indices.last(where: { running[$0] == nil }) else {
            throw FileError(path, "not loaded: every slot is in use")
        }
        try cache.restore(slot, count: ids.count, from: file)
        cached[slot] = ids.scalars(as: Int32.self).map { Int($0) }
        return cached[slot]
    }

    private static var cacheFormat: String { "apus prompt cache 1" }
}
