public import Tensors

/// A model in training, with its data and optimisers: what the loop asks of it.
///
/// Whatever a step draws (batches, noise, dropout) must follow from the seed and the step's number alone, so that a
/// resumed run does exactly what the interrupted one would have done.
public protocol Trainee: AnyObject {
    /// Its networks by name, for counting and quantising.
    var networks: [(name: String, store: ParameterStore)] { get }
    /// What one step works through: 32 "pictures", 16384 "tokens".
    var work: (amount: Int, unit: String) { get }

    /// What its data are like, kept in the run's folder.
    var notes: [RunNote] { get }

    /// One optimiser step; the loss comes first.
    func step(_ step: Int) throws -> Figures
    /// Figures on data that it does not train on; empty if there are none. The first one decides which checkpoint is
    /// the best: the lowest.
    func evaluate() throws -> Figures
    /// Something to look at.
    func samples(_ request: SampleRequest) throws -> [Sample]

    /// Puts everything that a resumed run needs into the state.
    func save(to state: inout TrainingState)
    func restore(from state: TrainingState) throws
}

extension Trainee {
    public var notes: [RunNote] { [] }
}

/// How many samples are wanted, and from which seed.
public struct SampleRequest: Sendable {
    /// Nil: as many as the recipe finds right.
    public var count: Int?
    public var seed: UInt64
    /// What a text begins with, if it is one.
    public var prompt: String?
    /// Whether the run's data may be read for it. Otherwise what the run keeps of them must do.
    public var readsData: Bool

    public init(
        count: Int? = nil, seed: UInt64 = 0, prompt: String? = nil, readsData: Bool = false
    ) {
        (self.count, self.seed, self.prompt) = (count, seed, prompt)
        self.readsData = readsData
    }
}

/// Something that a model made.
public enum Sample: Sendable {
    case text(String)
    /// Pictures side by side (N, H, W, C), C 1 or 3, values 0 ... 1; the title says what they are.
    case pictures(Tensor, title: String, columns: Int)
}

/// A trainee whose model other programs can read.
public protocol ExportableTrainee: Trainee {
    /// Writes the model's files into a folder that is there.
    func export(to folder: String) throws
}

/// A trainee of one network, "model", by one learner.
public protocol SingleTrainee: Trainee {
    var learner: Learner { get set }
}

extension SingleTrainee {
    public var networks: [(name: String, store: ParameterStore)] { [("model", learner.store)] }
    public func save(to state: inout TrainingState) { learner.save(to: &state) }
    public func restore(from state: TrainingState) throws { try learner.restore(from: state) }
}
