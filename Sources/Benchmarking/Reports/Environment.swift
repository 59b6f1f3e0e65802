package import Files
package import Tensors

/// Where and how a report's rows were measured.
package struct Environment: Sendable {
    package struct Place: Sendable {
        package let name: String
        package let title: String
        package let facts: [(name: String, value: String)]
        package let peaks: Peaks

        package init(
            name: String, title: String, facts: [(name: String, value: String)], peaks: Peaks
        ) {
            (self.name, self.title, self.facts, self.peaks) = (name, title, facts, peaks)
        }
    }

    package var version: String
    package var command: String
    package var date: String
    package var threads: Int
    package var load: Double
    package var places: [Place]

    package init(version: String, command: String, date: String, places: [Place]) {
        (self.version, self.command, self.date, self.places) = (version, command, date, places)
        (threads, load) = (Threads.count, CPUDescription.load)
    }

    /// What may have disturbed the measurements, in words.
    package var warnings: [String] {
        let cpu = CPUDescription.current
        var list: [String] = []
        if let governor = cpu.governor, governor != "performance" {
            list.append("the CPU's frequency governor is \(governor), not performance")
        }
        if load > Double(cpu.processors) * 0.5 + 0.5 {
            list.append("other programs were running: the load was \(fixed(load, 1))")
        }
        return list
    }

    /// The first line of JSON output.
    package var json: JSON {
        let devices = places.map { place in
            JSON([
                "device": .string(place.name), "model": .string(place.title),
                "facts": .object(
                    place.facts.map { JSON.Member(key: $0.name, value: .string($0.value)) }),
                "peaks": place.peaks.json,
            ])
        }
        return JSON([
            "schema": JSON(1), "program": .string("apus"), "version": .string(version),
            "command": .string(command), "date": .string(date), "threads": JSON(threads),
            "load": .number(load), "warnings": .array(warnings.map { .string($0) }),
            "devices": .array(devices),
        ])
    }
}

extension Peaks {
    /// Operations and bytes a second, seconds.
    package var json: JSON {
        let rates = [DType.f32, .bf16, .i8].compactMap { type in
            operations[type].map { JSON.Member(key: type.description, value: .number($0)) }
        }
        let levels = memories.map { level in
            JSON([
                "name": .string(level.name), "bytes": .number(level.bytes),
                "read": .number(level.read),
                "copy": .number(level.copy),
            ])
        }
        return JSON([
            "operations": .object(rates), "memories": .array(levels), "write": .number(write),
            "triad": .number(triad), "launch": .number(launch),
            "upload": upload.map { .number($0) },
            "download": download.map { .number($0) },
        ])
    }
}
