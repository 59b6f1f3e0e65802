public import Tensors

/// A few test pictures that a run keeps with its checkpoints, so that it can show what it does with them where its data
/// are not.
public struct KeptPictures: Sendable {
    private let feed: PictureFeed
    private let count: Int
    private var kept: PictureSet?

    /// - Parameter count: of the pictures, at most.
    public init(_ feed: PictureFeed, count: Int = 16) { (self.feed, self.count) = (feed, count) }

    /// Those kept; the first ones of the data, if a run keeps none yet.
    public var set: PictureSet { get throws { try kept ?? feed.test(count) } }

    /// (N, H, W, C) in 0 ... 1.
    public var values: Tensor { get throws { try set.values } }

    /// Adds them to what a run goes on from.
    public func save(to state: inout TrainingState) {
        // Without data there is nothing new to keep, and the state is as good without.
        guard let set = try? set else { return }
        state.add("kept.pictures", set.pictures)
        state.add("kept.labels", set.labels)
    }

    public mutating func restore(from state: TrainingState) {
        guard let pictures = state["kept.pictures"], let labels = state["kept.labels"],
            pictures.rank == 4, pictures.dtype == .u8, labels.shape == [pictures.shape[0]],
            Array(pictures.shape.dropFirst()) == feed.facts.shape
        else { return }
        kept = PictureSet(
            pictures.to(feed.device), labels: labels.to(feed.device), classes: feed.facts.classes)
    }
}
