import Files
import Glibc
import Networks
import Support
import Tensors
import Testing

@testable import Transformers

@Suite struct AdapterTests {
    /// A small Llama in a folder, and an adapter for it in another.
    private func folders(_ settings: String = "") throws -> (
        model: String, adapter: String, keep: TemporaryFolder
    ) {
        let folder = TemporaryFolder()
        let (model, adapter) = ("\(folder.path)/model", "\(folder.path)/adapter")
        for path in [model, adapter] { mkdir(path, 0o755) }
        let config = """
            {"model_type": "llama", "vocab_size": 40, "hidden_size": 32, "intermediate_size": 48,
             "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
            """
        try writeFile("\(model)/config.json", [Array(config.utf8)])
        let fields = try ConfigFields(folder: model)
        let store = ParameterStore(seed: 7)
        _ = Decoder(store.scope, try DecoderConfiguration(config: fields))
        try store.save(to: "\(model)/model.safetensors")
        try writeFile(
            "\(adapter)/adapter_config.json",
            [Array("{\"peft_type\": \"LORA\", \"lora_alpha\": 6, \"r\": 3\(settings)}".utf8)])
        var key = RandomKey(seed: 9)
        let tensors = (0..<2).flatMap { layer -> [(name: String, tensor: Tensor)] in
            let path = "base_model.model.model.layers.\(layer).self_attn.v_proj"
            return [
                (name: "\(path).lora_A.weight", tensor: key.normal([3, 32])),
                (name: "\(path).lora_B.weight", tensor: key.normal([16, 3])),
            ]
        }
        try writeSafetensors(tensors, to: "\(adapter)/adapter_model.safetensors")
        return (model, adapter, folder)
    }

    private static let ids = Tensor([1, 2, 3, 4, 5] as [Int32], shape: [1, 5])

    private func logits(_ model: LoadedModel) -> Tensor { noGrad { model.model(Self.ids) } }

    private func distance(_ a: LoadedModel, _ b: LoadedModel) -> Float {
        abs(logits(a) - logits(b)).max().item()
    }

    @Test func strengthScalesAndAdaptersAddUp() throws {
        let (path, adapterPath, keep) = try folders()
        let base = try LoadedModel.load(path, .f32)
        func adapted(_ strengths: Float...) throws -> LoadedModel {
            let adapter = try Adapter(folder: adapterPath)
            return try base.adapted(by: strengths.map { (adapter: adapter, strength: $0) })
        }
        let full = try adapted(1)
        #expect(distance(base, full) > 1e-3)
        #expect(distance(base, try adapted(0)) < 1e-6)
        #expect(distance(base, try adapted(0.25, -0.25)) < 1e-5)
        #expect(distance(full, try adapted(0.5, 0.5)) < 1e-5)
        let (named, strength) = try Adapter.load("\(adapterPath):0.5")
        #expect(strength == 0.5)
        let merged = try base.merged(with: [(adapter: named, strength: 1)])
        #expect(distance(full, merged) < 1e-5)
        // The base stands as it was, and shares what it can.
        #expect(full.store["model.norm.weight"] === base.store["model.norm.weight"])
        withExtendedLifetime(keep) {}
    }

    @Test func patternsAndStabilisationScale() throws {
        let (path, adapterPath, keep) = try folders(
            ", \"alpha_pattern\": {\"1.self_attn.v_proj\": 9}, \"use_rslora\": true")
        let adapter = try Adapter(folder: adapterPath)
        let scales = (0..<2).map { adapter.maps["model.layers.\($0).self_attn.v_proj"]?.scale }
        #expect(scales == [6 / Float(3).squareRoot(), 9 / Float(3).squareRoot()])
        _ = (path, keep)
    }

    @Test func alphaPatternsAreExpressions() throws {
        let (path, adapterPath, keep) = try folders(", \"alpha_pattern\": {\".*[1-9].*\": 9}")
        let adapter = try Adapter(folder: adapterPath)
        let scales = (0..<2).map { adapter.maps["model.layers.\($0).self_attn.v_proj"]?.scale }
        #expect(scales == [2, 3])
        _ = (path, keep)
    }

    @Test func rowsGetTheLengthsOfAMagnitude() throws {
        let (path, adapterPath, keep) = try folders(", \"use_dora\": true")
        #expect(throws: FileError.self) { _ = try Adapter(folder: adapterPath) }
        let file = try SafetensorsFile(path: "\(adapterPath)/adapter_model.safetensors")
        var tensors = try file.entries.map { (name: $0.name, tensor: try file.tensor($0.name)) }
        let wanted = (1...16).map { Float($0) / 8 }
        let map = "model.layers.1.self_attn.v_proj"
        for layer in 0..<2 {
            let name = "base_model.model.model.layers.\(layer).self_attn.v_proj"
            tensors.append((name: "\(name).lora_magnitude_vector", tensor: Tensor(wanted)))
        }
        try writeSafetensors(tensors, to: file.path)
        let base = try LoadedModel.load(path, .f32)
        let adapter = (adapter: try Adapter(folder: adapterPath), strength: Float(1))
        let (beside, merged) = (try base.adapted(by: [adapter]), try base.merged(with: [adapter]))
        #expect(distance(beside, merged) < 1e-5 && distance(base, merged) > 1e-3)
        let lengths = try #require(merged.store["\(map).weight"]).value.rowLengths.scalars()
        #expect(zip(lengths, wanted).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(throws: FileError.self) { _ = try base.adapted(by: [adapter, adapter]) }
        withExtendedLifetime(keep) {}
    }

    @Test func aMapsOwnWeightIsReplacedAndStaysAsItIs() throws {
        let (path, adapterPath, keep) = try folders()
        let file = try SafetensorsFile(path: "\(adapterPath)/adapter_model.safetensors")
        var tensors = try file.entries.map { (name: $0.name, tensor: try file.tensor($0.name)) }
        let name = "model.layers.0.self_attn.o_proj"
        tensors.append(
            (name: "base_model.model.\(name).base_layer.weight", tensor: Tensor.ones([32, 32])))
        try writeSafetensors(tensors, to: file.path)
        let base = try LoadedModel.load(path, .f32)
        let adapted = try base.adapted(by: [(adapter: Adapter(folder: adapterPath), strength: 1)])
        let weight = try #require(adapted.store["\(name).weight"])
        #expect(weight.value.scalars().allSatisfy { $0 == 1 } && !weight.isTrainable)
        #expect(adapted.store["model.layers.0.self_attn.v_proj.lora_b"]?.isTrainable == true)
        withExtendedLifetime(keep) {}
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let (path, adapterPath, keep) = try folders()
        let base = try LoadedModel.load(path, .f32)
        let empty = Tensor.zeros([3, 32])
        let wrong: [[(name: String, tensor: Tensor)]] = [
            [(name: "model.layers.0.self_attn.v_proj.lora_A.weight", tensor: empty)],
            [(name: "model.layers.0.self_attn.v_proj.lora_embedding_A", tensor: empty)],
        ]
        for tensors in wrong {
            try writeSafetensors(tensors, to: "\(adapterPath)/adapter_model.safetensors")
            #expect(throws: FileError.self) { _ = try Adapter(folder: adapterPath) }
        }
        for (map, shape) in [("layers.0.self_attn.v_proj", [15, 3]), ("layers.7.x", [16, 3])] {
            try writeSafetensors(
                [
                    (name: "model.\(map).lora_A.weight", tensor: Tensor.zeros([3, 32])),
                    (name: "model.\(map).lora_B.weight", tensor: Tensor.zeros(shape)),
                ], to: "\(adapterPath)/adapter_model.safetensors")
            let adapter = (adapter: try Adapter(folder: adapterPath), strength: Float(1))
            #expect(throws: (any Error).self, "\(map)") { _ = try base.adapted(by: [adapter]) }
            #expect(throws: (any Error).self, "\(map)") { _ = try base.merged(with: [adapter]) }
        }
        let config = "\(adapterPath)/adapter_config.json"
        for text in ["{\"peft_type\": \"IA3\"}", "{\"peft_type\": \"LORA\"}", "[]"] {
            try writeFile(config, [Array(text.utf8)])
            #expect(throws: FileError.self, "\(text)") { _ = try Adapter(folder: adapterPath) }
        }
        withExtendedLifetime(keep) {}
    }
}
