/// Little stories from a small grammar: text that a tiny model learns to write in minutes.
public enum Stories {
    /// `count` stories, one a paragraph.
    public static func text(_ count: Int, seed: UInt64 = 0) -> String {
        (0..<count).map { story(seed: seed, number: $0) }.joined(separator: "\n\n") + "\n"
    }

    /// One story: who, where, what went wrong, who helped, how it ended.
    public static func story(seed: UInt64, number: Int) -> String {
        var dice = Dice(seed: seed, stream: UInt64(number))
        let (name, animal) = dice.choice(heroes)
        let (friend, other) = dice.choice(heroes.filter { $0.0 != name })
        let (thing, place) = (dice.choice(things), dice.choice(places))
        let hero = "a \(dice.choice(natures)) \(animal) named \(name)"
        let opening = dice.choice([
            "Once upon a time there was \(hero).", "There once was \(hero).",
            "In \(place) there lived \(hero).",
        ])
        let wish = dice.choice([
            "\(name) loved to play with a \(thing) in \(place).",
            "Every day \(name) took a \(thing) to \(place).",
            "\(name) had a \(thing) and was very proud of it.",
        ])
        let trouble = dice.choice([
            "One day the \(thing) was gone, and \(name) was sad.",
            "But one day the \(thing) fell into the water.",
            "Then it rained, and the \(thing) got wet.",
            "One morning \(name) could not find the \(thing).",
        ])
        let help = dice.choice([
            "\(friend) the \(other) came by and said, \"Do not cry, I will help you.\"",
            "\"What is wrong?\" asked \(friend) the \(other).",
            "A \(other) named \(friend) saw it and wanted to help.",
        ])
        let turn = dice.choice([
            "Together they looked under every tree until they found it.",
            "They searched all day, and at last they saw it.",
            "\(friend) pulled and pulled, and out it came.",
        ])
        let ending = dice.choice([
            "\(name) was so happy and gave \(friend) a hug.",
            "\"Thank you!\" said \(name). From then on they were friends.",
            "They laughed and shared some \(dice.choice(foods)).",
            "And \(name) learned that friends are better than any \(thing).",
        ])
        return [opening, wish, trouble, help, turn, ending].joined(separator: " ")
    }

    private static let heroes = [
        ("Tom", "cat"), ("Mia", "mouse"), ("Ben", "bear"), ("Lily", "bird"), ("Max", "dog"),
        ("Anna", "fox"), ("Sam", "frog"), ("Ella", "rabbit"), ("Leo", "lion"), ("Nina", "duck"),
    ]
    private static let natures = ["little", "brave", "kind", "happy", "shy", "curious"]
    private static let things = ["ball", "kite", "boat", "drum", "hat", "red balloon", "toy car"]
    private static let places = [
        "the park", "the forest", "the garden", "a small town", "the hills",
    ]
    private static let foods = ["cake", "apples", "bread and honey", "berries"]
}
