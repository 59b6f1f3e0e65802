public import Files
import Glibc

/// A chat template: Jinja as models' repositories use it, which makes the prompt of a conversation. It can reach nothing
/// but its variables, and stops at limits of steps, depth and output.
public struct ChatTemplate: Sendable {
    /// The template's text.
    public let source: String
    private let body: [Statement]

    public init(_ source: String) throws(TemplateError) {
        self.source = source
        var parser = try TemplateParser(source)
        body = try parser.template()
    }

    /// The text for some variables, such as `messages`, `tools`, `add_generation_prompt`, `bos_token`. `now` is the time that
    /// the template may ask for, in seconds since 1970.
    public func render(_ variables: [JSON.Member], now: Int? = nil) throws(TemplateError) -> String
    {
        let values = variables.map { ($0.key, TemplateValue($0.value)) }
        let run = TemplateRun(values, limits: TemplateRun.Limits(), now: now ?? Int(time(nil)))
        do {
            return try run.run(body)
        } catch let error as TemplateError {
            throw error
        } catch {
            throw TemplateError("\(error)")
        }
    }

    /// The prompt of a conversation: messages are objects with `role` and `content`, and whatever else the template knows.
    public func prompt(
        _ messages: [JSON], tools: [JSON] = [], addsGenerationPrompt: Bool = true,
        variables: [JSON.Member] = []
    ) throws(TemplateError) -> String {
        var members =
            variables + [
                JSON.Member(key: "messages", value: .array(messages)),
                JSON.Member(key: "add_generation_prompt", value: .bool(addsGenerationPrompt)),
            ]
        if !tools.isEmpty { members.append(JSON.Member(key: "tools", value: .array(tools))) }
        return try render(members)
    }
}
