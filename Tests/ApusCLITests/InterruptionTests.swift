import Files
import Glibc
import Networks
import Support
import Tensors
import Testing

/// Runs that are ended from outside, at any moment, and go on: they do what they would have done.
@Suite(.serialized) struct InterruptionTests {
    private let place = TemporaryFolder()

    /// A command line that trains something small and saves it after every step.
    private func words(_ recipe: String, _ out: String, steps: Int, resuming: Bool) -> [String] {
        let settings =
            RecipeTests.small[recipe, default: []]
            + ["saveEvery=1", "evaluateEvery=5", "sampleEvery=0"]
        return ["train", recipe, "--out", out, "--steps", "\(steps)", "--batch", "4"]
            + ["--threads", "1", "--set", settings.joined(separator: ",")]
            + (resuming ? ["--resume"] : [])
    }

    private func start(
        _ recipe: String, _ out: String, steps: Int = 12, largestFile: Int? = nil
    ) -> ChildProcess {
        ChildProcess(
            words(recipe, out, steps: steps, resuming: exists("\(out)/config.json")),
            output: out + ".txt", largestFile: largestFile)
    }

    private func output(_ out: String) throws -> [String] {
        String(decoding: try readFile(out + ".txt"), as: UTF8.self).split(separator: "\n")
            .map(String.init)
    }

    /// The figures of a run without its times.
    private func figures(_ out: String) throws -> [String] {
        try readFile("\(out)/metrics.jsonl").split(separator: 10).map { line in
            let members = try JSON(parsing: Array(line), path: out).members ?? []
            return JSON.object(members.filter { !["seconds", "per_second"].contains($0.key) }).text
        }
    }

    private func checkpoint(_ out: String, _ step: Int) -> String {
        let digits = "\(step)"
        let name = String(repeating: "0", count: 8 - digits.count) + digits
        return "\(out)/checkpoints/step-\(name).safetensors"
    }

    private func expectEqual(_ a: String, _ b: String, steps: Int = 12) throws {
        #expect(try figures(a) == figures(b))
        let files = try [a, b].map { try SafetensorsFile(path: checkpoint($0, steps)) }
        #expect(files[0].entries.map(\.name) == files[1].entries.map(\.name))
        for entry in files[0].entries {
            let (x, y) = try (
                files[0].tensor(entry.name, on: .cpu), files[1].tensor(entry.name, on: .cpu)
            )
            #expect(x.cast(to: .f32).scalars() == y.cast(to: .f32).scalars(), "\(entry.name)")
        }
    }

    @Test(arguments: ["gpt", "ddpm", "dcgan"])
    func aRunThatIsKilledAtAnyMomentGoesOnBitForBit(recipe: String) throws {
        let (whole, killed) = ("\(place.path)/\(recipe)", "\(place.path)/\(recipe)-killed")
        // A step of gpt takes a millisecond.
        let steps = recipe == "gpt" ? 200 : 60
        #expect(start(recipe, whole, steps: steps).wait() == 0)
        var dice = Dice(seed: 5)
        var kills = 0
        for attempt in 0..<6 {
            let before = (try? figures(killed).count) ?? 0
            let run = start(recipe, killed, steps: steps)
            // What is waited for is a sign of the run, not a time, so that it is never over too early;
            // every third is killed while it starts.
            while attempt % 3 < 2, run.isRunning, (try? figures(killed).count) ?? 0 == before {
                usleep(500)
            }
            usleep(UInt32(dice.between(0, 10_000)))
            run.send(SIGKILL)
            kills += run.wait() == nil ? 1 : 0
        }
        #expect(kills > 0)
        #expect(start(recipe, killed, steps: steps).wait() == 0)
        try expectEqual(whole, killed, steps: steps)
    }

    @Test func controlCSavesAndTheRunGoesOn() throws {
        let (whole, other) = ("\(place.path)/whole", "\(place.path)/other")
        #expect(start("gpt", whole, steps: 300).wait() == 0)
        let run = start("gpt", other, steps: 300)
        while run.isRunning, (try? figures(other).count) ?? 0 < 3 { usleep(1000) }
        run.send(SIGINT)
        #expect(run.wait() == 0)
        #expect(try output(other).last?.contains("--resume goes on") == true)
        #expect(start("gpt", other, steps: 300).wait() == 0)
        try expectEqual(whole, other, steps: 300)
    }

    /// A limit on the size of files stands for a full disk: writing fails in the middle of a checkpoint.
    @Test func aFullDiskIsSaidInOneLineAndTheLastCheckpointStays() throws {
        let out = "\(place.path)/full"
        #expect(start("gpt", out, steps: 2).wait() == 0)
        let bytes = try readFile(checkpoint(out, 2))
        #expect(start("gpt", out, steps: 4, largestFile: bytes.count / 2048).wait() == 1)
        let said = try output(out).filter { $0.hasPrefix("apus: ") }
        #expect(said.count == 1 && said[0].contains("cannot be written: File too large"))
        #expect(try readFile(checkpoint(out, 2)) == bytes)
        #expect(try filesBelow("\(out)/checkpoints").allSatisfy { !$0.contains(".part-") })
        #expect(start("gpt", out, steps: 4).wait() == 0)
    }

    @Test func aLossThatIsNotFiniteIsNamed() throws {
        let out = "\(place.path)/broken"
        #expect(start("gpt", out, steps: 2).wait() == 0)
        let bytes = try readFile(checkpoint(out, 2))
        var line = words("gpt", out, steps: 9, resuming: true)
        line += [
            "--set", "learner.lr=1e38,learner.clip=0,learner.schedule=constant,learner.warmup=0",
        ]
        #expect(ChildProcess(line, output: out + ".txt").wait() == 1)
        let said = try output(out).filter { $0.hasPrefix("apus: ") }
        #expect(said.count == 1 && said[0].contains("is not finite") && said[0].contains("model."))
        #expect(said[0].contains("try a lower learning rate"))
        #expect(try readFile(checkpoint(out, 2)) == bytes)
    }
}
