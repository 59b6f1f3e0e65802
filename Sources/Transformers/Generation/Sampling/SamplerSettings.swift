import Files

/// How the next token is chosen. The default values are llama.cpp's; `greedy` always takes the likeliest token.
public struct SamplerSettings: Sendable, Hashable, Codable {
    /// 0: always the likeliest.
    public var temperature: Float = 0.8
    /// 0: all.
    public var topK = 40
    public var topP: Float = 0.95
    public var minP: Float = 0.05
    public var typicalP: Float = 1
    /// 1: none.
    public var repeatPenalty: Float = 1
    public var presencePenalty: Float = 0
    public var frequencyPenalty: Float = 0
    /// How many of the last tokens the penalties look at; -1: all, 0: none.
    public var repeatLast = 64
    /// Runs of this length are never repeated; 0: they may be.
    public var noRepeatRun = 0
    /// What is added to the logits of tokens.
    public var bias: [Int: Float] = [:]
    public var mirostat: Mirostat?
    /// The same seed draws the same tokens.
    public var seed: UInt64 = 0

    public init() {}

    /// Always the likeliest token.
    public static var greedy: SamplerSettings {
        var settings = SamplerSettings()
        settings.temperature = 0
        return settings
    }

    /// What is done to the logits, in order.
    var penalties: [LogitPenalty] {
        let last = repeatLast < 0 ? Int.max : repeatLast
        var list: [LogitPenalty] = []
        if !bias.isEmpty { list.append(.bias(bias)) }
        if repeatPenalty != 1 && last > 0 { list.append(.repetition(repeatPenalty, last: last)) }
        if (presencePenalty != 0 || frequencyPenalty != 0) && last > 0 {
            list.append(.presence(presencePenalty, frequency: frequencyPenalty, last: last))
        }
        if noRepeatRun > 0 { list.append(.repeatedRun(noRepeatRun)) }
        return list
    }

    /// How the choice is narrowed, in order.
    var filters: [LogitFilter] {
        if temperature <= 0 { return [.temperature(0)] }
        if mirostat != nil { return [.temperature(temperature)] }
        var list: [LogitFilter] = []
        if topK > 0 { list.append(.topK(topK)) }
        if typicalP < 1 { list.append(.typical(typicalP)) }
        if topP < 1 { list.append(.topP(topP)) }
        if minP > 0 { list.append(.minP(minP)) }
        if temperature != 1 { list.append(.temperature(temperature)) }
        return list
    }
}
