import Files
public import Networks
public import Tensors

/// Measures generated pictures against real ones in the features of a classifier, which it trains on the very same
/// data when it is first asked, and keeps with the run.
public final class PictureJudge {
    private let feed: PictureFeed
    private let store: ParameterStore
    private let classifier: Classifier
    private let count: Int
    private var isTrained = false
    /// Features of real pictures (count, F).
    private var real: Tensor?

    /// Eight times through the pictures, or 400 steps of 64 where there are many.
    private var steps: Int { get throws { min(400, 10 + (try feed.trainingCount) / 8) } }

    /// - Parameter count: of the real pictures that generated ones are compared with.
    public init(_ feed: PictureFeed, count: Int, on device: Device) {
        (self.feed, self.count) = (feed, count)
        store = ParameterStore(seed: 7, on: device)
        classifier = Classifier(
            store.scope, Classifier.Configuration().fitted(to: feed.facts))
    }

    /// Sees with the classifier that a run of `apus train classifier` left, instead of one of its own.
    public func takeClassifier(from folder: RunFolder) throws {
        let run = try RunConfiguration(reading: folder)
        guard run.recipe == ClassifierRecipe.name else {
            throw FileError(
                folder.path, "is a run of \(run.recipe), not of \(ClassifierRecipe.name)")
        }
        guard let newest = try folder.newestState(warn: { _ in }) else {
            throw FileError(folder.path, "has no checkpoint yet")
        }
        try newest.state.restore(store, "model")
        (isTrained, real) = (true, nil)
    }

    /// Distances of pictures (N, H, W, C) in 0 ... 1 from the test set. The first is Fréchet's.
    public func figures(_ pictures: Tensor) throws -> Figures {
        let real = try realFeatures()
        let made = features(feed.unframed(pictures))
        let kernel = FeatureDistance.kernel(real, made)
        let quality = FeatureDistance.precisionAndRecall(real: real, generated: made)
        return [
            "fid": try FeatureDistance.frechet(real, made), "kid": kernel.mean,
            "inception": FeatureDistance.inceptionScore(classifier.logits(made)),
            "precision": quality.precision, "recall": quality.recall,
            "pictures": Double(pictures.shape[0]), "real": Double(real.shape[0]),
        ]
    }

    private func realFeatures() throws -> Tensor {
        if let real { return real }
        if !isTrained { try train() }
        let found = features(feed.unframed(try feed.test(count).values))
        real = found
        return found
    }

    private func features(_ pictures: Tensor) -> Tensor {
        noGrad {
            let parts = stride(from: 0, to: pictures.shape[0], by: 250).map { start in
                classifier.features(
                    pictures.narrowed(
                        0, start: start, count: min(250, pictures.shape[0] - start)))
            }
            return Tensor.concatenated(parts)
        }
    }

    private func train() throws {
        var plan = TrainingPlan(steps: try steps, batch: 64)
        plan.seed = 7
        let settings = Learner.Settings(weightDecay: 1e-4, warmup: 20)
        var learner = Learner("judge", store, settings, plan)
        let order = try feed.order(batch: 64, seed: 7)
        for step in 0..<plan.steps {
            let batch = try order.batch(step, on: store.device)
            _ = learner.step(step, over: [batch]) { context, batch in
                classifier(feed.unframed(batch.pictures), context).crossEntropy(batch.labels)
            }
        }
        isTrained = true
    }

    // MARK: saving

    public func save(to state: inout TrainingState) {
        if isTrained { state.add(store, "judge") }
    }

    public func restore(from state: TrainingState) throws {
        isTrained = !state.part("judge.").isEmpty
        if isTrained { try state.restore(store, "judge") }
        real = nil
    }
}
