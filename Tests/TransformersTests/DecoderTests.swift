import Files
import Glibc
import Networks
import Tensors
import Testing

@testable import Transformers

/// A decoder with weights drawn at random.
func randomDecoder(
    layers: Int = 2, weights: String? = nil, on device: Device = .cpu,
    _ change: (inout DecoderConfiguration) -> Void = { _ in }
) -> Decoder {
    var c = DecoderConfiguration(
        vocabulary: 320, context: 64, channels: 256, layers: layers, heads: 4, keyHeads: 2,
        headSize: 64, hidden: 512)
    c.rotary = RotaryPositions(base: 10000, dims: 64)
    change(&c)
    let store = ParameterStore(seed: 3, on: device)
    let model = Decoder(store.scope, c)
    if let format = weights.flatMap({ WeightFormat($0) }) { store.quantize(format) }
    return model
}

@Suite struct DecoderTests {
    static let prompts = [
        [5, 9, 2, 11, 7, 300], [1], [8, 8, 3], [4, 17, 250, 6, 1, 2, 3, 9, 40],
    ]

    /// Logits of prompts, then of three more tokens each, as the runs of one batch.
    func served(_ prompts: [[Int]], with model: Decoder, _ format: CacheFormat = .f32) -> [[Float]]
    {
        let cache = model.makeCache(slots: prompts.count, capacity: 24, format: format)
        var found = prompts.map { _ in [Float]() }
        var next = prompts
        for _ in 0..<4 {
            let runs = next.enumerated().map { TokenBatch.Run($1, slot: $0) }
            let logits = model.logits(TokenBatch(runs), cache)
            for i in prompts.indices { found[i] += logits[i].contiguous().scalars() }
            next = logits.argmax(axis: 1).scalars(as: Int32.self).map { [Int($0)] }
        }
        return found
    }

    @Test(arguments: [
        "q4_0", "q8_0", "q4_K", "q6_K", "q4_1", "q5_K", "iq4_XS", "int8",
        "f32", "f16", "bf16",
    ])
    func aSequenceAloneHasTheBitsThatItHasAmongOthers(weights: String) {
        let model = randomDecoder(weights: weights)
        let together = served(Self.prompts, with: model)
        for (i, prompt) in Self.prompts.enumerated() {
            let alone = served([prompt], with: model)[0]
            #expect(together[i].map(\.bitPattern) == alone.map(\.bitPattern), "\(weights) \(i)")
        }
    }

    @Test(arguments: CacheFormat.allCases)
    func aCacheOfFewBitsChangesLittle(format: CacheFormat) {
        let model = randomDecoder()
        let exact = served(Self.prompts, with: model)[0]
        let found = served(Self.prompts, with: model, format)[0]
        let worst = zip(exact, found).map { abs($0 - $1) }.max() ?? 0
        let largest = exact.map { abs($0) }.max() ?? 0
        #expect(worst <= largest * (format == .f32 ? 0 : format == .f16 ? 2e-3 : 2e-2))
        let cache = model.makeCache(slots: 2, capacity: 64, format: format)
        let bits = cache.byteCount * 8 / (2 * 64 * 2 * 2 * 2 * 64)
        #expect(bits == (format == .f32 ? 32 : format == .f16 ? 16 : 8))
    }

    @Test func piecesOfAPromptAddUp() {
        let model = randomDecoder()
        let prompt = Self.prompts[3]
        let cache = model.makeCache(slots: 2, capacity: 16, format: .f32)
        let whole = model.logits(TokenBatch(prompt), cache).scalars()
        _ = model.logits(TokenBatch(Array(prompt[..<4]), slot: 1, wanted: .none), cache)
        let rest = model.logits(TokenBatch(Array(prompt[4...]), slot: 1), cache).scalars()
        #expect(zip(whole, rest).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test func aCopiedOrRestoredSlotGoesOnAsItsSource() throws {
        let model = randomDecoder()
        let cache = model.makeCache(slots: 3, capacity: 16, format: .q8_0)
        _ = model.logits(TokenBatch(Self.prompts[0]), cache)
        cache.copy(0, to: 2)
        let file = try stored(cache.tensors(0))
        try cache.restore(1, count: 6, from: file)
        #expect((0..<3).map { cache.length($0) } == [6, 6, 6])
        let rows = model.logits(TokenBatch((0..<3).map { .init([7], slot: $0) }), cache)
        #expect(rows[0].contiguous().bytes() == rows[1].contiguous().bytes())
        #expect(rows[0].contiguous().bytes() == rows[2].contiguous().bytes())
        let other = model.makeCache(slots: 1, capacity: 16, format: .f32)
        #expect(throws: FileError.self) {
            try other.restore(0, count: 7, from: file)
        }
    }

    private func stored(_ tensors: [(name: String, tensor: Tensor)]) throws -> SafetensorsFile {
        let path = "/tmp/apus-test-cache-\(getpid()).safetensors"
        defer { unlink(path) }
        try writeSafetensors(tensors, to: path)
        return try SafetensorsFile(readFile(path), path: path)
    }

    /// With one layer, keys and values know nothing of the tokens before them.
    @Test func aShiftedSlotIsAsIfTheTokensHadNeverBeen() {
        let model = randomDecoder(layers: 1)
        let prompt = Self.prompts[3]
        let cache = model.makeCache(slots: 2, capacity: 16, format: .f32)
        _ = model.logits(TokenBatch(prompt), cache)
        cache.shift(0, keeping: 2, dropping: 3)
        #expect(cache.length(0) == 6)
        let short = Array(prompt[..<2] + prompt[5...])
        _ = model.logits(TokenBatch(short, slot: 1), cache)
        let rows = model.logits(TokenBatch([.init([7], slot: 0), .init([7], slot: 1)]), cache)
        let (a, b) = (rows[0].contiguous().scalars(), rows[1].contiguous().scalars())
        #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test func expertsThatWereNotChosenDoNotCount() {
        let model = randomDecoder { $0.experts = .init(count: 4, active: 2) }
        let logits = served(Self.prompts, with: model)[0]
        #expect(logits.allSatisfy { $0.isFinite })
    }
}
