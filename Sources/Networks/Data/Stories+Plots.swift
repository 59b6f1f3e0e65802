/// What happens in a story, moment by moment.
struct StoryPlot: Sendable {
    /// How things were before.
    let settings: [String]
    /// What happens, each moment told in one of several ways.
    let moments: [[String]]
    let endings: [String]

    static let openings = [
        "Once upon a time there was {natured} {A.kind} named {A}. {A.He} lived in {home}.",
        "Once upon a time {natured} {A.kind} named {A} lived in {home}.",
        "Once upon a time, in {home}, there lived {A.a} named {A}. {A.He} was {nature}.",
        "There once was {natured} {A.kind} whose name was {A}. {A.His} home was {home}.",
        "In {home} there lived {natured} {A.kind} named {A}.",
        "Far away, in {home}, lived {natured} {A.kind}. {A.His} name was {A}.",
    ]

    static let all = [
        lost, stuck, storm, afraid, learning, sharing, birthday, quarrel, seed, wayHome, moon,
        visitor,
    ]

    private static let friends = [
        "From that day on {A} and {B} were the best of friends.",
        "And from then on they met every day at {place}.",
        "That night {A} fell asleep with a smile.",
        "{A} was happy, and so was {B}.",
    ]

    static let lost = StoryPlot(
        settings: [
            "{A} loved to play with {A.his} {thing} in {place}.",
            "Every day {A} took {A.his} {thing} to {place}.",
            "{A} had a {thing} and was very proud of it.",
        ],
        moments: [
            [
                "{time} the {thing} was gone, and {A} was sad.",
                "{time} {A} could not find the {thing}. {A.He} began to cry.",
                "But {season} came, {weather}, and {A} lost the {thing} in {place}.",
            ],
            [
                "{A.He} looked under the bed and behind the door, but it was not there.",
                "{A.He} looked here and {A.he} looked there, but {A.he} did not find it.",
                "\"Where is my {thing}?\" {A.he} said. Nobody knew.",
            ],
            [
                "{B} the {B.kind} came by and said, \"Do not cry, I will help you.\"",
                "\"What is wrong?\" asked {B} the {B.kind}. {A} told {B.him} everything.",
                "{B.a} named {B} heard it and wanted to help.",
            ],
            [
                "Together they went to {place} and looked under every tree until they found it.",
                "They searched all day, and at last {B} saw something shine in the grass. It was the {thing}!",
                "{B} looked in {place}, and there it was, hidden under some leaves.",
            ],
        ],
        endings: [
            "{A} was so happy that {A.he} gave {B} a hug.",
            "\"Thank you!\" said {A}. From then on they were friends.",
            "They laughed and shared some {food}.",
            "And {A} learned that a good friend is better than any {thing}.",
        ])

    static let stuck = StoryPlot(
        settings: [
            "{A} liked to go for long walks to {place}.",
            "Every morning {A} ran to {place} to see what was new.",
        ],
        moments: [
            [
                "{time} {A} heard a small voice. \"Help! Help!\" It was {B} the {B.kind}.",
                "{time} {A} saw {B.a} who sat in a deep hole. {B.His} name was {B}.",
                "{time} {B} the {B.kind} was stuck between two stones in {place}.",
            ],
            [
                "\"I cannot get out,\" said {B}. \"I have been here all night.\"",
                "{B} was cold and hungry. \"Please do not go away,\" {B.he} said.",
            ],
            [
                "{A} pulled and pulled, but {A.he} was not strong enough.",
                "First {A} tried it with a stick, but the stick broke.",
            ],
            [
                "Then {A.he} ran to {elder} and came back with a long rope.",
                "So {A.he} called {elder}, and together they pulled as hard as they could.",
                "Then {A.he} had an idea. {A.He} made a rope of grass and tied it to a tree.",
            ],
            [
                "One, two, three, and out came {B}!",
                "At last {B} was free and danced with joy.",
            ],
        ],
        endings: friends + ["\"You are my hero,\" said {B}, and gave {A} {gifted}."])

    static let storm = StoryPlot(
        settings: [
            "{A} had a friend, {B} the {B.kind}. They often sat together and ate {food}.",
            "{A} and {A.his} friend {B} the {B.kind} played in {place} every day.",
        ],
        moments: [
            [
                "{time} dark clouds came, and a storm began to blow.",
                "{time} the sky turned black, and it rained and rained.",
            ],
            [
                "The wind took the roof of {B}'s house and carried it away.",
                "The water came into {B}'s house, and {B} had to climb on the table.",
            ],
            [
                "\"Come to me,\" said {A}. \"There is room for two.\"",
                "{A} did not wait. {A.He} ran through the rain and brought {B} home.",
            ],
            [
                "They sat by the fire, ate {food}, and told each other stories until the sun came out.",
                "All night they listened to the rain and sang songs so that they were not afraid.",
            ],
            [
                "In the morning they built the house again, and it was better than before.",
                "When the storm was over, all the animals came to help, and soon the house was new.",
            ],
        ],
        endings: friends + ["\"What would I do without you?\" said {B}."])

    static let afraid = StoryPlot(
        settings: [
            "{A} was afraid of the dark.",
            "Everyone liked {A}, but {A} had a secret: {A.he} was afraid of the dark.",
        ],
        moments: [
            [
                "When the sun went down, {A.he} always hid under the blanket.",
                "Every evening {A.he} ran home before the first star came out.",
            ],
            [
                "{time} {B} the {B.kind} did not come home from {place}, and it was already night.",
                "{time} {B} the {B.kind} called from {place}, \"I have hurt my foot! Who can help me?\"",
            ],
            [
                "{A} was frightened, but {A.he} took a little lantern and went out.",
                "\"I must go,\" said {A}. {A.His} heart was beating fast, but {A.he} went.",
            ],
            [
                "The trees made strange noises. \"It is only the wind,\" {A.he} told {A.him}self.",
                "Something moved in the grass. It was only {elder}, who said good evening.",
            ],
            [
                "Then {A.he} found {B} and took {B.him} home.",
                "At last {A.he} saw {B}, and {B} was very glad to see {A.him}.",
            ],
        ],
        endings: [
            "\"You are so brave,\" said {B}. And {A} was never afraid of the dark again.",
            "On the way home {A} looked up and saw a thousand stars. The dark was beautiful.",
            "And {A} learned that being brave means to go even when you are afraid.",
        ])

    static let learning = StoryPlot(
        settings: [
            "{A} wanted to {skill} more than anything else.",
            "All the others could {skill}, but {A} could not.",
        ],
        moments: [
            [
                "{A.He} tried it on Monday, and it went wrong. {A.He} tried it on Tuesday, and it went wrong again.",
                "The first time {A.he} fell down. The second time {A.he} fell down too.",
                "\"I will never learn it,\" said {A} and sat down in {place}.",
            ],
            [
                "{B} the {B.kind} saw it. \"I could not do it at first either,\" {B.he} said.",
                "{Elder} came by and said, \"Nobody can do it on the first day. Try again.\" {B} the {B.kind} heard it too.",
            ],
            [
                "So they went to {place} every day, and {B} showed {A} how to do it.",
                "{B} stayed with {A} all week, and they tried it again and again.",
            ],
            [
                "{time} it worked. {A} could {skill}!",
                "And when {season} came, {A} could {skill} better than anyone.",
            ],
        ],
        endings: [
            "\"Look at me!\" called {A}, and everyone clapped.",
            "{A} was so glad that {A.he} gave {B} {gifted}.",
            "And {A} never again said that {A.he} could not learn something.",
        ])
}
