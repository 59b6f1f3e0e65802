public import Files
public import Tensors

/// Something that `apus train` can train: how a model, its data and its optimiser come together.
public protocol Recipe: Sendable {
    /// Everything that may be chosen; its first values are the defaults.
    associatedtype Settings: Codable & Sendable

    /// What it is called on the command line.
    static var name: String { get }
    static var summary: String { get }
    static var settings: Settings { get }
    static var plan: TrainingPlan { get }

    static func trainee(
        _ settings: Settings, _ plan: TrainingPlan, data: RunData, on device: Device
    ) throws -> any Trainee
}

/// Where a run's examples come from.
public struct DataPlace: Sendable, Codable, Equatable {
    /// A file or a folder.
    public let path: String
    /// Whether a broken example ends the run; else it is named and skipped.
    public let isStrict: Bool

    public init(_ path: String, isStrict: Bool = false) {
        (self.path, self.isStrict) = (path, isStrict)
    }
}

/// A run as its `config.json` has it: enough to build the same trainee again.
public struct RunConfiguration: Sendable, Equatable {
    public var recipe: String
    public var data: DataPlace?
    public var plan: TrainingPlan
    /// The recipe's settings.
    public var settings: JSON

    /// A recipe's defaults.
    public init<R: Recipe>(_ recipe: R.Type) {
        self.recipe = R.name
        plan = R.plan
        settings = JSON(encoding: R.settings)
    }

    /// Of a run that stands in a folder.
    public init(reading folder: RunFolder) throws(FileError) {
        let path = folder.configuration
        let json = try JSON(parsing: try readFile(path), path: path)
        guard let recipe = json["recipe"]?.string, let plan = json["plan"],
            let settings = json["settings"]
        else { throw FileError(path, "is no configuration: recipe, plan or settings is missing") }
        self.recipe = recipe
        self.plan = try plan.decoded(TrainingPlan.self, path: "\(path): plan")
        self.settings = settings
        data = try json["data"]?.decoded(DataPlace?.self, path: "\(path): data")
    }

    /// Adds the settings that a run of an earlier version lacks, at their first values.
    public mutating func complete<R: Recipe>(for recipe: R.Type) {
        settings = JSON(encoding: R.settings).overlaid(by: settings)
    }

    /// Writes it where `init(reading:)` finds it.
    public func write(to folder: RunFolder, _ notes: [RunNote] = []) throws(FileError) {
        try folder.create()
        for note in notes { try write(note.json, "\(folder.path)/\(note.file)") }
        try write(json, folder.configuration)
    }

    private func write(_ json: JSON, _ path: String) throws(FileError) {
        try writeFile(path, [Array((json.indented + "\n").utf8)])
    }

    public var json: JSON {
        .object([
            JSON.Member(key: "recipe", value: .string(recipe)),
            JSON.Member(key: "data", value: data.map { JSON(encoding: $0) } ?? .null),
            JSON.Member(key: "plan", value: JSON(encoding: plan)),
            JSON.Member(key: "settings", value: settings),
        ])
    }

    /// - Parameter folder: of a run that stands, whose notes spare reading the data where they are not needed.
    public func trainee<R: Recipe>(
        _ recipe: R.Type, of folder: RunFolder? = nil, on device: Device
    ) throws -> any Trainee {
        if let problem = plan.problem { throw FileError("plan", problem) }
        var whole = self
        whole.complete(for: recipe)
        let settings = try whole.settings.decoded(R.Settings.self, path: "settings")
        return try R.trainee(settings, plan, data: RunData(data, notedIn: folder), on: device)
    }
}

// MARK: changes from outside

extension RunConfiguration {
    /// Takes "name=value" into the plan or the settings; nested ones as "name.part=value".
    public mutating func set(_ assignment: String) throws(FileError) {
        let parts = assignment.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else {
            throw FileError("--set \(assignment)", "must be of the form name=value")
        }
        try set(parts[0], to: RunConfiguration.value(parts[1]), from: "--set")
    }

    /// Takes an object's members into the plan and the settings; "plan" and "settings" may hold their own.
    public mutating func merge(_ json: JSON, from path: String) throws(FileError) {
        guard let members = json.members else { throw FileError(path, "is no JSON object") }
        for member in members {
            switch member.key {
            case "recipe":
                guard member.value.string == recipe else {
                    throw FileError(path, "is for the recipe \(member.value.text), not \(recipe)")
                }
            case "data":
                data = try member.value.decoded(DataPlace?.self, path: "\(path): data")
            case "plan", "settings": try merge(member.value, from: path)
            default: try set(member.key, to: member.value, from: path)
            }
        }
    }

    /// JSON where the text is JSON, else a string.
    private static func value(_ text: String) -> JSON {
        (try? JSON(parsing: Array(text.utf8), path: "")) ?? .string(text)
    }

    private mutating func set(_ name: String, to value: JSON, from origin: String)
        throws(FileError)
    {
        let keys = name.split(separator: ".").map(String.init)[...]
        let planJSON = JSON(encoding: plan)
        if let changed = planJSON.setting(keys, to: value) {
            plan = try changed.decoded(TrainingPlan.self, path: origin)
        } else if let changed = settings.setting(keys, to: value) {
            settings = changed
        } else {
            let known = (planJSON.members ?? []) + (settings.members ?? [])
            throw FileError(
                origin,
                "unknown setting \(name); there are "
                    + known.map(\.key).sorted().joined(separator: ", "))
        }
    }
}

extension JSON {
    /// An object's members with the values that another one gives them.
    fileprivate func overlaid(by other: JSON) -> JSON {
        guard let members, other.members != nil else { return other }
        return .object(
            members.map { member in
                let value = other[member.key].map { member.value.overlaid(by: $0) }
                return Member(key: member.key, value: value ?? member.value)
            })
    }

    /// The object with the value at a path of known keys replaced; nil if a key is not known.
    fileprivate func setting(_ keys: ArraySlice<String>, to value: JSON) -> JSON? {
        guard let key = keys.first else { return value }
        guard let members, members.contains(where: { $0.key == key }) else { return nil }
        var changed: [Member] = []
        for member in members {
            guard member.key == key else {
                changed.append(member)
                continue
            }
            guard let new = member.value.setting(keys.dropFirst(), to: value) else { return nil }
            changed.append(Member(key: key, value: new))
        }
        return .object(changed)
    }
}
