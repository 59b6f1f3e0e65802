import Files
import Glibc
import Networks
import Tensors
import Testing

@testable import ApusCLI

/// Every recipe, as small as it can be: it learns, is saved, goes on bit for bit, is sampled and kept in few bits.
@Suite struct RecipeTests {
    /// Settings that make a recipe small.
    static let small: [String: [String]] = [
        "gpt": [
            "layers=1", "channels=32", "context=16", "stories=40", "measured=4", "sampleLength=8",
        ],
        "storyteller": [
            "layers=1", "heads=2", "keyHeads=1", "channels=32", "hidden=64", "context=16",
            "vocabulary=300", "stories=40", "measured=4", "sampleLength=8",
        ],
        "autoencoder": ["examples=120"], "vae": ["examples=120"],
        "vqvae": ["examples=60", "hidden=8"], "realnvp": ["couplings=2", "hidden=8"],
        "glow": ["examples=60", "scales=1", "steps=1", "hidden=8"],
        "gan": ["hidden=[16]"],
        "dcgan": ["examples=120", "channels=4", "measured=20"],
        "wgan-gp": ["examples=120", "channels=4", "measured=20", "criticSteps=1"],
        "ddpm": [
            "examples=60", "channels=8", "multipliers=[1, 1]", "attention=[]", "samplerSteps=2",
        ],
        "classifier": ["examples=120"],
    ]

    private func trainee(_ recipe: any Recipe.Type, precision: Precision = .f32) throws
        -> any Trainee
    {
        var configuration = RunConfiguration(recipe)
        for setting in RecipeTests.small[recipe.name] ?? [] { try configuration.set(setting) }
        configuration.plan.steps = 6
        configuration.plan.batch = 4
        configuration.plan.precision = precision
        return try configuration.trainee(recipe, on: .cpu)
    }

    static let names = Recipes.all.map { $0.name }

    @Test(arguments: names)
    func aRunGoesOnBitForBit(name: String) throws {
        let recipe = try Recipes.named(name)
        let whole = try trainee(recipe)
        for step in 0..<2 { _ = try whole.step(step) }
        var state = TrainingState()
        whole.save(to: &state)
        let expected = try (2..<4).map { try whole.step($0) }
        let resumed = try trainee(recipe)
        try resumed.restore(from: state)
        #expect(try (2..<4).map { try resumed.step($0) } == expected)
        #expect(expected.allSatisfy { $0.firstNotFinite == nil && !$0.isEmpty })
    }

    @Test(arguments: names)
    func itIsEvaluatedSampledAndKeptInFewBits(name: String) throws {
        let trainee = try trainee(Recipes.named(name))
        _ = try trainee.step(0)
        let request = SampleRequest(count: 2)
        #expect(try noGrad { try trainee.evaluate() }.firstNotFinite == nil)
        #expect(try !noGrad { try trainee.samples(request) }.isEmpty)
        let before = trainee.networks.reduce(0) { $0 + $1.store.byteCount }
        for network in trainee.networks { network.store.quantize(.int8, least: 32) }
        #expect(trainee.networks.reduce(0) { $0 + $1.store.byteCount } < before)
        #expect(try noGrad { try trainee.evaluate() }.firstNotFinite == nil)
        #expect(try !noGrad { try trainee.samples(request) }.isEmpty)
    }

    @Test(arguments: names)
    func itTrainsInBF16(name: String) throws {
        let trainee = try trainee(Recipes.named(name), precision: .bf16)
        #expect(try trainee.step(0).firstNotFinite == nil)
    }
}
