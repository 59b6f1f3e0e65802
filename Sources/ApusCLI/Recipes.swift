import Adversarial
import Autoencoders
import Benchmarking
import Diffusion
import Flows
import Metrics
import Networks
import Transformers

/// Everything that `apus train` can train.
enum Recipes {
    static let all: [any Recipe.Type] = [
        GPTRecipe.self, AutoencoderRecipe.self, VAERecipe.self, VQVAERecipe.self,
        RealNVPRecipe.self,
        GlowRecipe.self, GANRecipe.self, DCGANRecipe.self,
        WassersteinRecipe.self, DDPMRecipe.self, ClassifierRecipe.self, StorytellerRecipe.self,
    ]

    static func named(_ name: String) throws(BenchmarkError) -> any Recipe.Type {
        guard let found = all.first(where: { $0.name == name }) else {
            throw .usage(Arguments.unknown(name, among: all.map { $0.name }, "train"))
        }
        return found
    }
}
