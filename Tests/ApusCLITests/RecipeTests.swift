import Files
import Glibc
import Networks
import Support
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

    /// Files that a recipe learns from.
    private func writeData(for name: String, to folder: String) throws -> String {
        func idx(_ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
            [0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, 0, UInt8($0)] } + bytes
        }
        switch name {
        case "gpt", "storyteller":
            try writeFile("\(folder)/text.txt", [Array(Stories.text(40, seed: 1).utf8)])
            return "\(folder)/text.txt"
        case "realnvp", "gan":
            let lines = (0..<200).map { "\($0 % 7), \(Float($0 % 11) / 10)\n" }
            try writeFile("\(folder)/points.txt", [Array(lines.joined().utf8)])
            return "\(folder)/points.txt"
        default:
            for (part, seed) in [("train", 1), ("t10k", 2)] as [(String, UInt64)] {
                let set = PictureSet.glyphs(80, side: 28, seed: seed, on: .cpu)
                let labels = set.labels.scalars(as: Int32.self).map { UInt8($0) }
                let pictures = idx([80, 28, 28], set.pictures.bytes())
                try writeFile("\(folder)/\(part)-images-idx3-ubyte", [pictures])
                try writeFile("\(folder)/\(part)-labels-idx1-ubyte", [idx([80], labels)])
            }
            return folder
        }
    }

    @Test(arguments: names)
    func aRunIsSampledWhereItsDataAreNot(name: String) throws {
        let recipe = try Recipes.named(name)
        let run = TemporaryFolder()
        let folder = RunFolder("\(run.path)/run")
        do {
            let data = TemporaryFolder()
            var configuration = RunConfiguration(recipe)
            for setting in RecipeTests.small[name] ?? [] { try configuration.set(setting) }
            (configuration.plan.steps, configuration.plan.batch) = (1, 4)
            configuration.data = DataPlace(try writeData(for: name, to: data.path))
            let trainee = try configuration.trainee(recipe, on: .cpu)
            try configuration.write(to: folder, trainee.notes)
            let loop = TrainingLoop(configuration.plan, trainee, in: folder, on: .cpu)
            #expect(try loop.run(resuming: false) == .finished)
        }
        let configuration = try RunConfiguration(reading: folder)
        #expect(access(configuration.data?.path ?? "/", F_OK) != 0)
        let trainee = try configuration.trainee(recipe, of: folder, on: .cpu)
        let newest = try #require(try folder.newestState(warn: { _ in }))
        try trainee.restore(from: newest.state)
        #expect(try !noGrad { try trainee.samples(SampleRequest()) }.isEmpty)
        var state = TrainingState()
        trainee.save(to: &state)
        #expect(Set(state.part("kept.").keys) == Set(newest.state.part("kept.").keys))
        #expect(throws: FileError.self) { _ = try trainee.step(1) }
    }

    @Test(arguments: names)
    func itTrainsInBF16(name: String) throws {
        let trainee = try trainee(Recipes.named(name), precision: .bf16)
        #expect(try trainee.step(0).firstNotFinite == nil)
    }
}
