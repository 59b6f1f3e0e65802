/// The pattern of stretches of one script (Unicode's Script property): Latin, Cyrillic, Han, … . Japanese syllables count
/// as Han; the space and characters of no script join the stretch that they follow.
enum ScriptPattern {
    static let source: String = {
        let free = #"\p{sc:Unknown}"#
        let han = #"\p{sc:Han}\p{sc:Hiragana}\p{sc:Katakana}\x{30fc}"#
        // The long vowel sign is of the common script, but joins the syllables.
        let common = #"[^\P{sc:Common}\x{30fc}]"#
        let others = names.map { #"\p{sc:\#($0)}[\p{sc:\#($0)} \#(free)]*+"# }
        let all = ["[\(han)][\(han) \(free)]*+", "(?! )(?:\(common)++\(free)*+)++"] + others
        return all.joined(separator: "|")
    }()

    private static let names = """
        Latin Cyrillic Greek Arabic Hebrew Hangul Devanagari Thai Inherited
        Adlam Ahom Anatolian_Hieroglyphs Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki
        Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham
        Cherokee Chorasmian Coptic Cuneiform Cypriot Cypro_Minoan Deseret Dives_Akuru Dogra Duployan
        Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Gujarati
        Gunjala_Gondi Gurmukhi Hanifi_Rohingya Hanunoo Hatran Imperial_Aramaic Inscriptional_Pahlavi
        Inscriptional_Parthian Javanese Kaithi Kannada Kayah_Li Kharoshthi Khitan_Small_Script Khmer
        Khojki Khudawadi Lao Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam
        Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive
        Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nandinagari New_Tai_Lue Newa
        Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian
        Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya
        Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan
        Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese
        Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu
        Thaana Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi
        Zanabazar_Square
        """.split { $0 == " " || $0 == "\n" }
}
