/// Little stories from a grammar: text that a tiny model learns to write in minutes.
///
/// A plot is a list of moments, a moment a list of ways to tell it. Who, where and what is drawn once for a story, so
/// that it hangs together from its first sentence to its last.
public enum Stories {
    /// `count` stories, one a paragraph.
    public static func text(_ count: Int, seed: UInt64 = 0) -> String {
        (0..<count).map { story(seed: seed, number: $0) }.joined(separator: "\n\n") + "\n"
    }

    /// One story: who, where, what went wrong, who helped, how it ended.
    public static func story(seed: UInt64, number: Int) -> String {
        var dice = Dice(seed: seed, stream: UInt64(number))
        let words = StoryWords(&dice)
        let plot = dice.choice(StoryPlot.all)
        let opening = [StoryPlot.openings, plot.settings]
        let moments = opening + plot.moments + [plot.endings]
        return moments.map { words.filled(dice.choice($0)).capitalizedFirst }
            .joined(separator: " ")
    }
}

/// What a story's sentences have in their gaps.
struct StoryWords {
    private let words: [String: String]

    init(_ dice: inout Dice) {
        let hero = dice.choice(Self.creatures)
        let friend = dice.choice(
            Self.creatures.filter { $0.name != hero.name && $0.kind != hero.kind })
        let old = dice.choice(Self.elders)
        let season = dice.choice(Self.seasons)
        var words = [
            "nature": dice.choice(Self.natures), "thing": dice.choice(Self.things),
            "place": dice.choice(Self.places), "home": dice.choice(Self.homes),
            "food": dice.choice(Self.foods), "gift": dice.choice(Self.gifts),
            "color": dice.choice(Self.colors), "season": season.name, "weather": season.weather,
            "elder": old, "Elder": old.capitalizedFirst, "skill": dice.choice(Self.skills),
            "time": dice.choice(Self.times),
        ]
        for (key, creature) in [("A", hero), ("B", friend)] {
            words[key] = creature.name
            words["\(key).kind"] = creature.kind
            words["\(key).a"] = creature.kind.withArticle
            words["\(key).he"] = creature.isFemale ? "she" : "he"
            words["\(key).He"] = creature.isFemale ? "She" : "He"
            words["\(key).him"] = creature.isFemale ? "her" : "him"
            words["\(key).his"] = creature.isFemale ? "her" : "his"
            words["\(key).His"] = creature.isFemale ? "Her" : "His"
        }
        words["natured"] = words["nature"]?.withArticle
        words["gifted"] = words["gift"]?.withArticle
        self.words = words
    }

    /// A sentence with its gaps filled: "{A} had a {thing}."
    func filled(_ sentence: String) -> String {
        var parts = sentence.split(separator: "{", omittingEmptySubsequences: false)[...]
        var text = String(parts.removeFirst())
        for part in parts {
            let pair = part.split(separator: "}", maxSplits: 1, omittingEmptySubsequences: false)
            text += words[String(pair[0])] ?? "{\(pair[0])}"
            text += pair.count > 1 ? String(pair[1]) : ""
        }
        return text
    }
}

extension String {
    /// "an owl", "a fox"
    fileprivate var withArticle: String {
        (first.map { "aeiou".contains($0) } == true ? "an " : "a ") + self
    }

    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
