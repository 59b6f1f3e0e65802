import Benchmarking
import Files
import Transformers

/// What `apus perplexity` prints.
struct PerplexityReport {
    let perplexity: Perplexity
    let windows: TextWindows

    var text: String {
        let (mean, error) = perplexity.value
        let line =
            "Final estimate: PPL = \(rounded(mean, 4)) +/- \(rounded(error, 5)), "
            + "\(windows.ranges.count) windows of \(windows.size) tokens, "
            + "\(perplexity.losses.count) tokens scored"
        return ([line] + figures.map { $0.name.padded(24) + rounded($0.value, $0.digits) })
            .joined(separator: "\n")
    }

    var json: JSON {
        let (mean, error) = perplexity.value
        return .object(
            [
                .init(key: "perplexity", value: JSON(encoding: mean)),
                .init(key: "error", value: JSON(encoding: error)),
                .init(key: "windows", value: JSON(encoding: windows.ranges.count)),
                .init(key: "ctx_size", value: JSON(encoding: windows.size)),
                .init(key: "scored_tokens", value: JSON(encoding: perplexity.losses.count)),
            ] + figures.map { .init(key: $0.key, value: JSON(encoding: $0.value)) })
    }

    /// How far the model is from the other, if there is one.
    private var figures: [(name: String, key: String, value: Double, digits: Int)] {
        guard let c = perplexity.comparison else { return [] }
        let ratio = c.ratio(perplexity.losses)
        return [
            ("PPL of the base", "base_perplexity", c.basePerplexity, 4),
            ("PPL / PPL of the base", "perplexity_ratio", ratio.mean, 6),
            ("  ±", "perplexity_ratio_error", ratio.error, 6),
            ("mean KLD", "kld_mean", c.divergence.mean, 6),
            ("  ±", "kld_error", c.divergence.error, 6),
            ("median KLD", "kld_median", c.quantile(0.5), 6),
            ("99 % KLD", "kld_99", c.quantile(0.99), 6),
            ("largest KLD", "kld_max", c.quantile(1), 6),
            ("RMS Δp, %", "delta_p_rms", c.shift * 100, 3),
            ("same top token, %", "same_top", c.agreement * 100, 2),
        ]
    }
}
