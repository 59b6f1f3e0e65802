import Diffusion
import Files
import Tensors

/// Runs a case of the folder `schedulers`: a noise schedule, noised data, or a whole sampling with an analytic model.
func runScheduler(_ test: ConformanceCase, on device: Device) throws -> Verdict {
    let run = SchedulerRun(test, try test.tensors(), device)
    let outputs =
        switch test.op {
        case "betas": try run.betas()
        case "add_noise": try run.noised()
        case "sample": try run.sampled()
        default: throw FileError(test.name, "unknown op \(test.op)")
        }
    let problem = try compareOutputs(test, try test.tensors(), outputs, device)
    return problem.map { .failed($0) } ?? .passed
}

private struct SchedulerRun {
    let file: SafetensorsFile
    let device: Device
    let params: JSON
    let configuration: SchedulerConfiguration

    init(_ test: ConformanceCase, _ file: SafetensorsFile, _ device: Device) {
        (self.file, self.device, params) = (file, device, test.params)
        configuration = SchedulerConfiguration(
            params["config"] ?? .null, name: params["class"]?.string, path: test.name)
    }

    private func tensor(_ name: String) throws -> Tensor { try file.tensor(name, on: device) }

    private func vector(_ values: [Double]) -> Tensor {
        Tensor(values.map { Float($0) }, on: device)
    }

    func betas() throws -> [String: Tensor] {
        let schedule = try configuration.schedule()
        return ["betas": vector(schedule.betas), "alphas_cumprod": vector(schedule.alphaBars)]
    }

    // MARK: adding noise

    func noised() throws -> [String: Tensor] {
        let (x0, noise, t) = (try tensor("in.x0"), try tensor("in.noise"), try tensor("in.t"))
        let goesByTimestep = ["DDPM", "DDIM", "PNDM", "LCM"].contains {
            configuration.name == "\($0)Scheduler"
        }
        if goesByTimestep {
            let table = NoiseTable(try configuration.schedule(), on: device)
            let t = t.cast(to: .i32)
            return [
                "x": table.noised(x0, noise, at: t), "velocity": table.velocity(x0, noise, at: t),
            ]
        }
        let times = t.scalars().map { Double($0) }
        let sampler = try configuration.sampler(request(times))
        let places = times.map { place(of: $0, in: sampler.timesteps) }
        let levels = places.map { sampler.level(at: $0) }
        var outputs = ["x": Diffusion.noised(x0, noise, at: levels)]
        if file.contains("out.velocity") {
            // The reference's Euler takes a_t by the number of the step, not of the timestep.
            let schedule = try configuration.schedule()
            let table = NoiseTable(schedule, on: device)
            let index = Tensor(places.map { Int32($0) }, on: device)
            outputs["velocity"] = table.velocity(x0, noise, at: index)
        }
        return outputs
    }

    private func place(of t: Double, in timesteps: [Double]) -> Int {
        timesteps.indices.min {
            (timesteps[$0] - t).magnitude < (timesteps[$1] - t).magnitude
        } ?? 0
    }

    // MARK: sampling

    func sampled() throws -> [String: Tensor] {
        var sampler = try configuration.sampler(request(nil))
        let learns = ["learned", "learned_range"].contains(
            params["config"]?["variance_type"]?.string)
        var x = channelsLast(try tensor("in.x"))
        var rows = file.contains("in.noise") ? try unstacked(tensor("in.noise"))[...] : []
        var path: [Tensor] = []
        for (i, t) in sampler.timesteps.enumerated() {
            let y = model(sampler.modelInput(x, at: i), Float(t), learns)
            x = sampler.step(y, at: i, from: x) { rows.popFirst() ?? x * Float.nan }
            path.append(channelsFirst(x))
        }
        var outputs = [
            "trajectory": Tensor.stacked(path), "sample": path[path.count - 1],
            "init_noise_sigma": vector([sampler.initialDeviation]),
            "sigmas": vector(sampler.sigmas), "timesteps": vector(sampler.timesteps),
        ]
        if file.entries.contains(where: { $0.name == "out.timesteps" && $0.type == "I32" }) {
            outputs["timesteps"] = Tensor(sampler.timesteps.map { Int32($0) }, on: device)
        }
        return outputs
    }

    private func unstacked(_ rows: Tensor) -> [Tensor] {
        (0..<rows.shape[0]).map { channelsLast(rows[$0]) }
    }

    /// y = tanh(0.3 x + 0.001 t), and for a learned variance as many channels of ½ tanh(x - 0.001 t).
    private func model(_ x: Tensor, _ t: Float, _ learns: Bool) -> Tensor {
        let y = tanh(x * 0.3 + 0.001 * t)
        return learns ? .concatenated([y, tanh(x - 0.001 * t) * 0.5], axis: -1) : y
    }

    private func request(_ fallback: [Double]?) -> SamplingRequest {
        var request = SamplingRequest(steps: params["steps"]?.int)
        let set = params["set_timesteps"]
        request.timesteps = set?["timesteps"]?.array?.compactMap(\.double)
        request.sigmas = set?["sigmas"]?.array?.compactMap(\.double)
        request.mu = set?["mu"]?.double
        request.strength = set?["strength"]?.double ?? 1
        request.originalSteps = set?["original_inference_steps"]?.int
        if request.steps == nil && request.sigmas == nil && request.timesteps == nil {
            request.timesteps = fallback
        }
        let step = params["step"]
        request.eta = step?["eta"]?.double ?? 0
        request.rederivesNoise = step?["use_clipped_model_output"]?.bool ?? false
        request.churn.amount = step?["s_churn"]?.double ?? 0
        request.churn.minimum = step?["s_tmin"]?.double ?? 0
        request.churn.maximum = step?["s_tmax"]?.double ?? .infinity
        request.churn.scale = step?["s_noise"]?.double ?? 1
        return request
    }
}
