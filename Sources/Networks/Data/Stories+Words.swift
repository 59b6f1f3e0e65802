// Who and what stories are about.

extension StoryWords {
    typealias Creature = (name: String, kind: String, isFemale: Bool)

    static let creatures: [Creature] = [
        ("Tom", "cat", false), ("Mia", "mouse", true), ("Ben", "bear", false),
        ("Lily", "bird", true), ("Max", "dog", false), ("Anna", "fox", true),
        ("Sam", "frog", false), ("Ella", "rabbit", true), ("Leo", "lion", false),
        ("Nina", "duck", true), ("Otto", "owl", false), ("Rosa", "squirrel", true),
        ("Finn", "hedgehog", false), ("Clara", "goat", true), ("Hugo", "beaver", false),
        ("Ida", "otter", true), ("Paul", "pig", false), ("Zoe", "deer", true),
        ("Emil", "turtle", false), ("Greta", "goose", true), ("Oscar", "badger", false),
        ("Lucy", "lamb", true), ("Theo", "mole", false), ("Wanda", "hen", true),
    ]

    static let elders = [
        "the old owl", "the wise old turtle", "the grey goose",
        "the old badger", "the miller", "the gardener", "the baker",
    ]

    static let natures = [
        "little", "brave", "kind", "cheerful", "shy", "curious", "clever", "quiet", "merry",
        "gentle", "proud", "dreamy",
    ]
    static let things = [
        "ball", "kite", "boat", "drum", "hat", "red balloon", "toy car", "silver bell",
        "blue scarf", "little lantern", "wooden horse", "paper crown", "yellow umbrella",
        "music box", "shiny button", "flute",
    ]
    static let places = [
        "the park", "the forest", "the garden", "the hills", "the meadow", "the valley",
        "the old orchard", "the village square", "the deep wood", "the heath",
    ]
    static let homes = [
        "a small house by the river", "a hollow tree", "a cosy den under the roots of an oak",
        "a little cottage", "a round house on a hill", "a small town", "an old mill",
        "a nest of moss and leaves",
    ]
    static let foods = [
        "cake", "apples", "bread and honey", "berries", "warm soup", "pancakes", "nuts",
        "cherry pie", "cheese", "pears",
    ]
    static let gifts = [
        "flower", "smooth stone", "feather", "cookie", "red leaf", "ribbon", "golden acorn",
        "shell", "drawing",
    ]
    static let colors = ["red", "blue", "green", "yellow", "purple", "white", "golden"]
    static let seasons: [(name: String, weather: String)] = [
        ("spring", "the flowers opened and the bees were humming"),
        ("summer", "the sun was high and the grass was warm"),
        ("autumn", "the leaves were red and the wind was blowing"),
        ("winter", "the snow lay deep and the air was cold"),
    ]
    static let skills = [
        "swim", "sing", "whistle", "skate", "dance", "climb", "read", "bake bread", "paint",
        "ride a bicycle", "fly a kite",
    ]
    static let times = [
        "One day", "One morning", "One afternoon", "One evening", "One rainy day",
        "One sunny morning", "Early one morning", "On a windy day",
    ]
}
