public import Files
public import Tensors

/// Batches from a folder of pictures that need not fit into memory: the pictures of the next steps are read and scaled in
/// the background. The batch of a step is the same in every run.
public final class PictureStream: Sendable {
    public let classes: [String]
    public let count: Int
    private let side: Int
    private let channels: Int
    private let prefetch: Prefetch<Batch>

    /// Pictures (B, side, side, C) and labels, not yet tensors: the background must not touch the device.
    private struct Batch: Sendable {
        var bytes: [UInt8] = []
        var labels: [Int32] = []
    }

    /// - Parameters:
    ///   - entries: the folder's training or test pictures.
    ///   - ahead: how many batches are kept ready.
    public init(
        _ folder: PictureFolder, _ entries: [PictureFolder.Entry], side: Int, channels: Int = 3,
        batch: Int, seed: UInt64, ahead: Int = 2
    ) throws(FileError) {
        guard !entries.isEmpty else { throw FileError(folder.place.path, "holds no pictures") }
        (classes, count) = (folder.classes, entries.count)
        (self.side, self.channels) = (side, channels)
        let order = BatchOrder(count: entries.count, batch: batch, seed: seed)
        let place = folder.place
        prefetch = Prefetch(ahead: ahead) { step in
            var made = Batch()
            var broken = BrokenExamples(place)
            for index in order.indices(step) {
                let (picture, label) = try PictureStream.picture(entries, Int(index), &broken)
                made.bytes += picture.square(side).converted(to: channels).bytes
                made.labels.append(label)
            }
            return made
        }
    }

    /// A picture; if it is broken and may be left out, the next one that is not.
    private static func picture(
        _ entries: [PictureFolder.Entry], _ index: Int, _ broken: inout BrokenExamples
    ) throws(FileError) -> (Picture, Int32) {
        for i in 0..<entries.count {
            let entry = entries[(index + i) % entries.count]
            let picture = try broken.example { () throws(FileError) in try Picture(path: entry.path)
            }
            if let picture { return (picture, entry.label) }
        }
        throw FileError(entries[0].path, "and all other pictures cannot be read")
    }

    /// Pictures (B, side, side, C) in 0 ... 1 and labels (B) of a step. Waits if they are not ready.
    public func batch(_ step: Int, on device: Device) throws -> (pictures: Tensor, labels: Tensor) {
        let batch = try prefetch.value(step)
        let shape = [batch.labels.count, side, side, channels]
        let pictures = Tensor(bytes: batch.bytes, shape: shape, dtype: .u8, on: device)
        return (pictures.cast(to: .f32) * (1 / 255), Tensor(batch.labels, on: device))
    }
}
