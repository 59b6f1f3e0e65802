extension StoryPlot {
    static let sharing = StoryPlot(
        settings: [
            "{A} had a big basket of {food}, more than {A.he} could eat.",
            "It was {season}, {weather}, and {A} had a large plate of {food}.",
        ],
        moments: [
            [
                "{time} {B} the {B.kind} came to the door. \"I am so hungry,\" {B.he} said.",
                "{time} {A} met {B} the {B.kind}, who had nothing to eat.",
            ],
            [
                "{A} did not want to share. \"It is all mine,\" {A.he} said.",
                "\"No,\" said {A}. \"If I give you some, there will be less for me.\"",
            ],
            [
                "{B} went away without a word. But now the {food} did not taste good any more.",
                "So {A} ate alone, and it was very quiet in the house.",
            ],
            [
                "Then {A} felt sorry. {A.He} ran after {B} and said, \"Please come and eat with me.\"",
                "\"What is wrong with me?\" thought {A}. {A.He} took the basket and went to look for {B}.",
            ],
            [
                "They sat down in {place} and ate together until nothing was left.",
                "They shared everything, and {B} told funny stories.",
            ],
        ],
        endings: [
            "And {A} found that everything tastes better with a friend.",
            "The next day {B} brought {A} {gifted}, and they laughed a lot.",
            "From that day on {A} always kept a plate for guests.",
        ])

    static let birthday = StoryPlot(
        settings: [
            "Soon it would be the birthday of {B} the {B.kind}, who was {A}'s best friend.",
            "{A}'s friend {B} the {B.kind} had a birthday in {season}.",
        ],
        moments: [
            [
                "{A} wanted to give {B} something special, but {A.he} had no money.",
                "\"What can I give {B.him}?\" thought {A}. {A.He} had only {gifted}.",
            ],
            [
                "{A.He} asked {elder}, who said, \"The best gifts are those you make.\"",
                "So {A.he} went to {elder}. \"Give something that comes from the heart,\" {A.he} heard.",
            ],
            [
                "{A} worked all night and made a {thing} with {color} ribbons.",
                "So {A} baked a cake with {food} and put a {color} candle on it.",
            ],
            [
                "When the day came, all the animals met in {place} and sang.",
                "On the great day everyone came to {place} with something to eat.",
            ],
            [
                "{B} opened {A}'s gift last of all, and {B.his} eyes began to shine.",
                "{B} looked at {A}'s gift for a long time without a word.",
            ],
        ],
        endings: [
            "\"This is the best gift of all,\" said {B} and hugged {A}.",
            "\"You made it for me?\" asked {B}. It was the best birthday ever.",
            "They danced until the moon came up.",
        ])

    static let quarrel = StoryPlot(
        settings: [
            "{A} and {B} the {B.kind} were good friends, but they both liked the same {thing}.",
            "{A} had a friend named {B}, {B.a}. They shared a {thing}.",
        ],
        moments: [
            [
                "{time} both wanted to have it. \"It is my turn!\" said {A}. \"No, it is mine!\" said {B}.",
                "{time} they pulled at it from both sides, and it broke.",
            ],
            [
                "They were so angry that they did not speak for three days.",
                "{B} went home, and {A} sat alone in {place}.",
            ],
            [
                "{A} missed {B}. Playing alone was no fun at all.",
                "\"I would rather have my friend than the {thing},\" thought {A}.",
            ],
            [
                "So {A.he} went to {B}'s house with {gifted}. \"I am sorry,\" {A.he} said.",
                "{A.He} went to say sorry, and halfway {A.he} met {B}, who had the same idea.",
            ],
            [
                "\"I am sorry too,\" said {B}. Together they mended the {thing}.",
                "They laughed about it, and then they played with the {thing} together.",
            ],
        ],
        endings: [
            "After that they took turns, and there was no more trouble.",
            "And they never quarrelled about the {thing} again.",
            "Then they went to {place} and ate {food}.",
        ])

    static let seed = StoryPlot(
        settings: [
            "{time} {A} found a tiny seed in {place}.",
            "{Elder} gave {A} a tiny seed. \"Be patient,\" said {elder}.",
        ],
        moments: [
            [
                "{A} put it into the earth and gave it some water.",
                "{A} planted it behind the house, where the sun was warm.",
            ],
            [
                "The next day nothing had happened. \"How long does it take?\" asked {A}.",
                "Every morning {A.he} ran out to look, but there was nothing to see.",
            ],
            [
                "\"It will never grow,\" laughed {B} the {B.kind}. But {A} did not give up.",
                "{B} the {B.kind} came to help, and they carried water from the river every day.",
            ],
            [
                "After many days a small green leaf came out of the earth.",
                "Then, when {season} came, there was a small green leaf.",
            ],
            [
                "It grew and grew until it was taller than {A}, and it had a {color} flower.",
                "It became a tree, and the tree was full of {color} flowers.",
            ],
        ],
        endings: [
            "\"Good things take time,\" said {A}, and {B} nodded.",
            "Everyone came to see it, and {A} was very proud.",
            "And in its shade {A} and {B} often sat and ate {food}.",
        ])

    static let wayHome = StoryPlot(
        settings: [
            "{A} had never been farther than {place}.",
            "{A} wanted to see what was behind the hills.",
        ],
        moments: [
            [
                "{time} {A.he} followed a {color} butterfly, farther and farther from home.",
                "{time} {A.he} packed some {food} and went off without telling anyone.",
            ],
            [
                "When {A.he} looked around, {A.he} did not know where {A.he} was.",
                "Soon it got dark, and {A} had lost the way.",
            ],
            [
                "There {A.he} met {B} the {B.kind}. \"Are you lost?\" asked {B}.",
                "{A} began to cry. Then {A.he} heard a voice. It was {B} the {B.kind}.",
            ],
            [
                "\"Follow the river,\" said {B}, \"it leads to {place}. I will come with you.\"",
                "\"I know every path here,\" said {B}. \"Take my hand.\"",
            ],
            [
                "They walked all night, and in the morning they saw the smoke of {A}'s house.",
                "They walked and walked, and at last {A} saw {A.his} own front door.",
            ],
        ],
        endings: [
            "{A} was home again, and everybody was glad. {B} stayed for breakfast.",
            "\"Next time I will take you with me,\" said {A}, and {B} laughed.",
            "\"Home is the best place of all,\" said {A}.",
        ])

    static let moon = StoryPlot(
        settings: [
            "Every night {A} looked at the moon and wished to touch it.",
            "{A} thought that the moon was the most beautiful thing in the world.",
        ],
        moments: [
            [
                "{time} {A.he} climbed the highest hill, but the moon was still too far away.",
                "{A.He} climbed the tallest tree near {place}, but {A.he} could not reach it.",
            ],
            [
                "\"I will build a ladder,\" said {A}. {B} the {B.kind} came to help.",
                "\"What are you doing up there?\" asked {B} the {B.kind}. \"I want to touch the moon,\" said {A}.",
            ],
            [
                "But however long they worked, it was never enough, and {A} was sad.",
                "{B} thought for a long time. \"The moon is very far,\" {B.he} said.",
            ],
            [
                "Then {B} had an idea and led {A} to the lake. There was the moon, in the water!",
                "\"Come with me,\" said {B}, and they went to the lake. The moon was swimming in it.",
            ],
            [
                "{A} put a hand into the water and touched the moon. It was cool and bright.",
                "{A} touched it softly, and it broke into a hundred silver pieces and came together again.",
            ],
        ],
        endings: [
            "\"Now I have touched the moon,\" {A.he} whispered.",
            "They sat there until morning, and the moon smiled at them.",
            "\"Good night, moon,\" said {A} and {B}.",
        ])

    static let visitor = StoryPlot(
        settings: [
            "{A} knew everybody in {place}, and everybody knew {A}.",
            "Nothing new ever happened there.",
        ],
        moments: [
            [
                "{time} a stranger came to {place}. It was {B.a} with a {color} hat.",
                "{time} somebody new sat in {place}: {B.a} with a big {color} bag.",
            ],
            [
                "The others were afraid of {B.him}. \"We do not know you,\" they said.",
                "Nobody spoke to the stranger, who sat there all alone.",
            ],
            [
                "But {A} went up and said, \"Hello, I am {A}. Who are you?\"",
                "{A} felt sorry for {B.him}. {A.He} took some {food} and went over.",
            ],
            [
                "\"My name is {B},\" said the {B.kind}. \"I come from far away, and I can {skill}.\"",
                "\"I am {B},\" said the {B.kind} softly. \"Nobody has been so kind to me.\"",
            ],
            [
                "{B} told them about the sea and the mountains, and they all came closer to listen.",
                "Then {B} took a {thing} out of the bag and showed it to everyone.",
            ],
        ],
        endings: [
            "In the evening {B} was no stranger any more.",
            "\"Stay with us,\" said everyone, and {B} did.",
            "And {A} learned that a stranger is a friend you do not know yet.",
        ])
}
