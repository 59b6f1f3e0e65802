import Files
import Testing

@testable import Text

@Suite struct TemplateTests {
    private func render(_ source: String, _ variables: String = "{}") throws -> String {
        let json = try JSON(parsing: Array(variables.utf8), path: "variables")
        return try ChatTemplate(source).render(json.members ?? [], now: 1_700_000_000)
    }

    @Test(arguments: [
        ("{{ 1.0 }} {{ x }} {{ y }}", #"{"x": 2, "y": 2.0}"#, "1.0 2 2.0"),
        ("{{ x | tojson }}", #"{"x": {"a": 1.0, "b": 10}}"#, #"{"a": 1.0, "b": 10}"#),
        ("{% macro m(a) %}{{ a }}{{ varargs }}{% endmacro %}{{ m(1, 2) }}", "{}", "1(2,)"),
        ("{{ strftime_now('%Y-%m-%d') }}", "{}", "2023-11-14"),
        ("{% for x in [1, 2] recursive %}{{ loop.depth }}{% endfor %}", "{}", "11"),
        ("{{ 'a' in d }} {{ d.items() | list }}", #"{"d": {"a": 1}}"#, "True [('a', 1)]"),
        ("{{ 2.675 | round(2) }} {{ 7 // -2 }} {{ -7 % 3 }}", "{}", "2.67 -4 2"),
    ])
    func programs(source: String, variables: String, expected: String) throws {
        #expect(try render(source, variables) == expected)
    }

    /// Each would take for ever, fill the memory or go through the stack.
    @Test(arguments: [
        "{% for i in range(100000) %}{% for j in range(100000) %}{{ j }}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set n = namespace(s='ab') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{{ 'a' * 1000000000000 }}", "{{ [0] * 9223372036854775807 }}", "{{ 'a'.ljust(10 ** 15) }}",
        "{{ '%99999999d' % 1 }}", "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
        "{% macro f(x) %}{{ f([x]) }}{% endmacro %}{{ f(1) }}",
        "{% set n = namespace(x=1) %}{% for i in range(99999) %}{% set n.x = [n.x] %}{% endfor %}",
        "{% set n = namespace(x=1) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
        "{% set s = 'a' * 1000000 %}{{ [s] * 100000 }}",
        "{% set s = 'a' * 1000000 %}{{ ([s] * 100000) | join }}",
        "{% set s = 'a' * 1000000 %}{{ ([s] * 100000) | sort | length }}",
        "{% for x in [[1]] recursive %}{{ loop([[x]]) }}{% endfor %}",
        "{{ 2 ** 200 }}", "{{ -9223372036854775807 - 2 }}", "{{ 9223372036854775808 }}",
        "{{ range(0, 9223372036854775807, 9223372036854775807 - 1) | sum ** 9 }}",
        "{{ 1 | round(99999999999) }}", "{{ [1] | batch(10 ** 12) }}", "{{ 5 % 0 }}",
        "{{ 5.0 // 0 }}",
    ])
    func limits(source: String) {
        #expect(throws: TemplateError.self) { try render(source) }
    }

    @Test(arguments: [
        "{{ ''.__class__ }}", "{{ x.__init__ is defined }}", "{{ x['__class__'] }}",
        "{{ self }}", "{{ d.__getitem__ }}",
    ])
    func nothingOfTheHostIsInReach(source: String) throws {
        let text = try render(source, #"{"d": {}, "x": "text"}"#)
        #expect(text.isEmpty || text == "False")
    }

    @Test func nestedBracketsAreRefusedEarly() {
        for (open, close) in [
            ("(", ")"), ("[", "]"), ("{% if 1 %}", "{% endif %}"), ("not ", ""), ("-", ""),
        ] {
            let isTag = open.hasPrefix("{%")
            let body =
                String(repeating: open, count: 50_000) + (isTag ? "" : "1")
                + String(repeating: close, count: 50_000)
            #expect(throws: TemplateError.self) { try render(isTag ? body : "{{ \(body) }}") }
        }
        let sum = "{{ " + String(repeating: "1 + ", count: 5000) + "1 }}"
        #expect(throws: TemplateError.self) { try render(sum) }
    }

    @Test func errorsNameTheLine() {
        #expect(throws: TemplateError("x is undefined: it has no y", line: 3)) {
            try render("a\nb\n{{ x.y }}")
        }
        #expect(throws: TemplateError("an unknown tag nope", line: 2)) {
            try render("\n{% nope %}")
        }
    }

    /// Every cut of a real template is read or refused.
    @Test func cutTemplatesNeverTrap() {
        let source =
            "{%- for m in ms if m.x -%}{{ m['x'][1:] | join(\"-\", attribute='a') }}{# c #}"
            + "{% raw %}{{ {% endraw %}{% endfor %}{% macro f(a, b=1) %}{% endmacro %}{% set x.y = 1 %}"
        let scalars = Array(source.unicodeScalars)
        for count in scalars.indices {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars[..<count])
            _ = try? render(String(text), #"{"ms": [{"x": [1, 2]}]}"#)
        }
    }

    @Test func thePromptOfAConversation() throws {
        let template = try ChatTemplate(
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
                + "{% if add_generation_prompt %}<assistant>{% endif %}{{ tools | length if tools }}"
        )
        let message = JSON.object([
            .init(key: "role", value: .string("user")), .init(key: "content", value: .string("hi")),
        ])
        #expect(try template.prompt([message]) == "<user>hi<assistant>")
        #expect(
            try template.prompt([message], tools: [.null], addsGenerationPrompt: false)
                == "<user>hi1")
    }
}
