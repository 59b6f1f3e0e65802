import Diffusion
import Files
import Tensors
import Testing

/// A point of mass at c: the data's exact guess at every level, so that every sampler must end there.
private func point(_ c: Float, _ level: NoiseLevel, _ x: Tensor) -> Tensor {
    (x - c * Float(level.signal)) / Float(level.noise)
}

@Suite struct SamplerTests {
    static let schedule = try? NoiseSchedule(.scaledLinear())

    private static func process() throws -> DiffusionProcess {
        DiffusionProcess(try NoiseSchedule(.scaledLinear()))
    }

    /// All samplers that take a model of noise, with 12 steps or so.
    private static func all() throws -> [(String, any Sampler)] {
        let p = try process()
        var third = DPMSolver.Options()
        third.order = 3
        var stochastic = DPMSolver.Options()
        stochastic.isStochastic = true
        var karras = UniPC.Options()
        karras.sigmas = .karras
        return [
            ("DDPM", try DDPM(p, steps: 50)), ("DDIM", try DDIM(p, steps: 12)),
            ("DDIM η = 1", try DDIM(p, steps: 50, eta: 1)),
            ("DPM-Solver++", try DPMSolver(p, steps: 12)),
            ("DPM-Solver++ 3", try DPMSolver(p, steps: 16, third)),
            ("DPM-Solver++ SDE", try DPMSolver(p, steps: 12, stochastic)),
            ("UniPC", try UniPC(p, steps: 12)), ("UniPC Karras", try UniPC(p, steps: 12, karras)),
            ("Euler", try Euler(p, steps: 12)),
            ("Euler β", try Euler(p, steps: 12, sigmas: .beta)),
            ("Euler ancestral", try EulerAncestral(p, steps: 12)),
            ("Heun", try Heun(p, steps: 8, sigmas: .karras)),
        ]
    }

    @Test(arguments: Device.all) func everySamplerFindsAPointOfMass(device: Device) throws {
        for (name, sampler) in try Self.all() {
            var (sampler, key) = (sampler, RandomKey(seed: 7))
            var i = 0
            let places = sampler
            let x = sampler.sample([2, 4, 4, 3], key: &key, on: device) { input, _ in
                defer { i += 1 }
                let level = places.level(at: i)
                // Samplers in σ scale the model's input: back to x.
                let scaled = places.modelInput(Tensor(1, on: device), at: i).item()
                return point(0.6, level, input / scaled)
            }
            let off = abs(x - 0.6).max().item()
            #expect(off < 0.02, "\(name) ends \(off) off")
        }
    }

    @Test func flowMatchingWalksTheStraightLine() throws {
        var sampler = try FlowMatching(steps: 4)
        var key = RandomKey(seed: 1)
        let start = key.normal([3, 5])
        let end = sampler.sample(from: start, key: &key) { _, _ in start - 2 }
        #expect(abs(end - 2).max().item() < 1e-5)
        #expect(sampler.timesteps.first == 1000 && sampler.sigmas.last == 0)
    }

    @Test func aCopyMadeBeforeSamplesTheSame() throws {
        let fresh = try UniPC(Self.process(), steps: 6)
        func run() -> [Float] {
            var (sampler, key) = (fresh, RandomKey(seed: 3))
            return sampler.sample([8], key: &key) { x, t in tanh(x * 0.3 + Float(t) * 0.001) }
                .scalars()
        }
        #expect(run() == run())
    }

    @Test func samplingFromTheMiddleBeginsThere() throws {
        var sampler = try DDIM(Self.process(), steps: 10)
        var key = RandomKey(seed: 5)
        let x0 = Tensor.full([2, 6], 0.25)
        let start = sampler.noised(x0, key.normal([2, 6]), at: 6)
        let level = sampler
        var i = 6
        let x = sampler.sample(from: start, first: 6, key: &key) { x, _ in
            defer { i += 1 }
            return point(0.25, level.level(at: i), x)
        }
        #expect(i == 10)
        #expect(abs(x - x0).max().item() < 1e-3)
    }

    @Test func whatCannotBeSampledSaysSo() throws {
        let p = try Self.process()
        #expect(throws: SamplerError("DDIM: 0 steps, but 1 to 1000 can be sampled")) {
            try DDIM(p, steps: 0)
        }
        #expect(throws: SamplerError.self) { try DDPM(p, steps: 1001) }
        #expect(throws: SamplerError.self) { try DDPM(p, timesteps: [3, 3]) }
        #expect(throws: SamplerError.self) { try PNDM(p, steps: 3) }
        #expect(throws: SamplerError.self) { try LCM(p, steps: 51) }
        #expect(throws: SamplerError.self) { try NoiseSchedule(.linear(end: 1.5)) }
        #expect(throws: SamplerError.self) { try Euler(p, sigmas: [1]) }
        var options = DPMSolver.Options()
        options.order = 4
        #expect(throws: SamplerError.self) { try DPMSolver(p, steps: 9, options) }
    }
}

@Suite struct NoiseScheduleTests {
    @Test func aScheduleEndsInNoiseWhenAsked() throws {
        let plain = try NoiseSchedule(.linear())
        #expect(abs(plain.alphaBars[999] - 4.0358e-5) < 1e-8)
        let rescaled = try NoiseSchedule(.linear(), endsInNoise: true)
        #expect(rescaled.alphaBars[999] == 0)
        #expect(abs(rescaled.alphaBars[0] - plain.alphaBars[0]) < 1e-12)
    }

    @Test(arguments: [
        BetaSchedule.linear(), .scaledLinear(), .cosine, .exponential, .laplace, .sigmoid(),
    ])
    func signalFalls(kind: BetaSchedule) throws {
        let schedule = try NoiseSchedule(kind, timesteps: 100)
        let falls = zip(schedule.alphaBars, schedule.alphaBars.dropFirst()).allSatisfy { $0 > $1 }
        #expect(falls && schedule.alphaBars.allSatisfy { $0 > 0 && $0 < 1 })
    }

    @Test(arguments: Device.all) func velocityAndNoiseDescribeTheSameData(device: Device) throws {
        let table = NoiseTable(try NoiseSchedule(.cosine, timesteps: 50), on: device)
        var key = RandomKey(seed: 2)
        let (x0, epsilon) = (
            key.normal([4, 3, 3, 2], on: device), key.normal([4, 3, 3, 2], on: device)
        )
        let t = Tensor([0, 17, 30, 49] as [Int32], on: device)
        let (x, v) = (table.noised(x0, epsilon, at: t), table.velocity(x0, epsilon, at: t))
        let shape = [4, 1, 1, 1]
        let (a, s) = (
            table.signal.selecting(t).reshaped(shape), table.noise.selecting(t).reshaped(shape)
        )
        #expect(abs(a * x - s * v - x0).max().item() < 1e-5)
        #expect(abs(s * x + a * v - epsilon).max().item() < 1e-5)
        #expect(table.target(.data, x0, epsilon, at: t).scalars() == x0.scalars())
    }

    @Test func dynamicThresholdingKeepsTheQuantile() {
        let x = Tensor((0..<11).map { Float($0) / 2 }, shape: [1, 11])
        let y = Clipping.dynamic(quantile: 0.8, maximum: 100)(x).scalars()
        #expect(y[8...].allSatisfy { $0 == 1 } && y[4] == 0.5)
        let small = Clipping.dynamic()(x * 0.1).scalars()
        #expect(small == (x * 0.1).scalars())
    }
}

@Suite struct SchedulerConfigurationTests {
    private func sampler(_ text: String, _ request: SamplingRequest) throws -> any Sampler {
        let json = try JSON(parsing: Array(text.utf8), path: "scheduler_config.json")
        return try SchedulerConfiguration(json, path: "scheduler_config.json").sampler(request)
    }

    @Test func aPipelinesFileNamesItsSampler() throws {
        let text = #"""
            {"_class_name": "DPMSolverMultistepScheduler", "beta_schedule": "scaled_linear",
             "beta_start": 0.00085, "beta_end": 0.012, "use_karras_sigmas": true,
             "lambda_min_clipped": -Infinity}
            """#
        let found = try sampler(text, SamplingRequest(steps: 20))
        #expect(found is DPMSolver)
        #expect(found.timesteps.count == 20 && found.timesteps[0] == 999 && found.sigmas.last == 0)
    }

    @Test(arguments: [
        #"{"_class_name": "MagicScheduler"}"#,
        #"{"_class_name": "DDIMScheduler", "num_train_timesteps": 1e18}"#,
        #"{"_class_name": "DDIMScheduler", "num_train_timesteps": -1}"#,
        #"{"_class_name": "DDIMScheduler", "beta_schedule": "wavy"}"#,
        #"{"_class_name": "DDIMScheduler", "beta_end": 7}"#,
        #"{"_class_name": "DDIMScheduler", "trained_betas": []}"#,
        #"{"_class_name": "DDIMScheduler", "prediction_type": "magic"}"#,
        #"{"_class_name": "DDIMScheduler", "steps_offset": 1e15}"#,
        #"{"_class_name": "DDPMScheduler", "variance_type": "fixed_huge"}"#,
        #"{"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "wide"}"#,
        #"{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "sigma_min": -1}"#,
        #"{"_class_name": "DPMSolverMultistepScheduler", "final_sigmas_type": "x"}"#,
        #"{"_class_name": "DPMSolverMultistepScheduler", "solver_order": 99}"#,
        #"{"_class_name": "DPMSolverMultistepScheduler", "use_flow_sigmas": true, "flow_shift": 0}"#,
        #"{"_class_name": "UniPCMultistepScheduler", "solver_order": 0}"#,
        #"{"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": true, "shift_terminal": 1}"#,
        #"{"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": true}"#,
        #"{"_class_name": "CMStochasticIterativeScheduler", "rho": 0}"#,
    ])
    func aBrokenFileIsRefused(text: String) {
        #expect(throws: (any Error).self) { try sampler(text, SamplingRequest(steps: 10)) }
    }

    @Test func numbersOfOnesOwnAreChecked() throws {
        var request = SamplingRequest()
        request.timesteps = [1e300, -4]
        for name in ["DDPM", "DPMSolverMultistep", "LCM", "CMStochasticIterative"] {
            #expect(throws: (any Error).self) {
                try sampler(#"{"_class_name": "\#(name)Scheduler"}"#, request)
            }
        }
        #expect(throws: FileError.self) {
            try sampler(#"{"_class_name": "DDIMScheduler"}"#, SamplingRequest())
        }
    }
}
