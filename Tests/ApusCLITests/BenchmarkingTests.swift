import Benchmarking
import Files
import Tensors
import Testing

@Suite struct CaseTests {
    @Test(arguments: Benchmarking.Suite.allCases)
    func theSuiteFileIsTheSuite(suite: Benchmarking.Suite) throws {
        let path = "Benchmarks/\(suite.rawValue).jsonl"
        let lines = String(decoding: try readFile(path), as: UTF8.self)
        #expect(try Case.list(lines: lines, name: path) == suite.cases)
    }

    @Test(arguments: Benchmarking.Suite.allCases)
    func linesCanBeReadBack(suite: Benchmarking.Suite) throws {
        let cases = try suite.cases
        let lines = cases.map { $0.json.text + "\n" }.joined()
        #expect(try Case.list(lines: lines, name: "suite") == cases)
    }

    @Test(arguments: [
        ("{\"op\": \"matmul\", ", "f:2: not JSON"), ("[1]", "f:2: not an object"),
        ("{\"m\": 1}", "f:2: \"op\" is missing"),
        ("{\"op\": \"matmull\"}", "f:2: unknown op \"matmull\""),
        ("{\"op\": \"softmax\", \"rows\": 4}", "\"cols\" is missing"),
        ("{\"op\": \"softmax\", \"rows\": 1.5, \"cols\": 2}", "\"rows\" is 1.5"),
        ("{\"op\": \"softmax\", \"rows\": \"x\", \"cols\": 2}", "whole number"),
        ("{\"op\": \"softmax\", \"rows\": -1, \"cols\": 2}", "rows is -1"),
        ("{\"op\": \"softmax\", \"rows\": 1e300, \"cols\": 2}", "whole number"),
        ("{\"op\": \"softmax\", \"rows\": 1, \"cols\": 2, \"dtype\": \"f8\"}", "unknown dtype"),
        ("{\"op\": \"softmax\", \"rows\": 1, \"cols\": 2, \"pass\": 3}", "\"pass\" is 3"),
        ("{\"op\": \"add\", \"rows\": 1, \"cols\": 2, \"weights\": \"q8_0\"}", "have weights"),
        (
            "{\"op\": \"matmul\", \"m\": 1, \"n\": 2, \"k\": 33, \"weights\": \"q8_0\"}",
            "no multiple of 32"
        ),
        (
            "{\"op\": \"matmul\", \"m\": 1, \"n\": 2, \"k\": 32, \"weights\": \"q9\"}",
            "\"weights\" is \"q9\""
        ),
    ])
    func brokenLinesAreNamed(line: String, part: String) {
        let text = "{\"op\": \"add\", \"rows\": 2, \"cols\": 2}\n\(line)\n"
        #expect { try Case.list(lines: text, name: "f") } throws: { "\($0)".contains(part) }
    }

    @Test func absurdSizesAreCountedWithoutOverflow() throws {
        let large = 1 << 30
        let c = try Case(.matmul, ["batch": large, "m": large, "n": large, "k": large])
        #expect(c.flops > 1e36 && c.footprint > 1e27)
    }
}

@Suite struct StatisticsTests {
    @Test func theMedianAndItsSpread() {
        let s = Statistics([3, 1, 2, 100])
        #expect(s.median == 2.5 && s.min == 1)
        #expect(s.isNoisy)
        #expect(!Statistics([1, 1.001, 0.999]).isNoisy)
        #expect(middle([]).isNaN)
    }

    private func samples(_ centre: Double, spread: Double, count: Int = 40, seed: UInt64)
        -> [Double]
    {
        var noise = Noise(seed: seed)
        return (0..<count).map { _ in
            centre * (1 + spread * (Double(noise.next() % 2001) / 1000 - 1))
        }
    }

    @Test(arguments: [
        (1.0, 0.01, Verdict.same), (0.8, 0.05, .faster), (1.3, 0.05, .slower), (1.03, 0.5, .unsure),
    ])
    func verdictsFollowTheSamples(ratio: Double, spread: Double, verdict: Verdict) {
        let base = samples(1, spread: spread, seed: 1)
        let comparison = Comparison(base: base, new: samples(ratio, spread: spread, seed: 2))
        #expect(comparison.verdict == verdict, "\(comparison)")
    }

    @Test func fewSamplesGiveNoVerdict() {
        #expect(Comparison(base: [1], new: [2]).verdict == .unsure)
    }

    @Test func numbersAreShort() {
        #expect(fixed(1.005, 1) == "1.0" && fixed(-0.04, 1) == "0.0" && fixed(12.345, 2) == "12.35")
        #expect(duration(1.5e-3) == "1.50 ms" && duration(2) == "2.00 s")
        #expect(size(49152) == "48 KB" && size(0x1p30) == "1 GB")
        #expect(fixed(.nan, 2) == "–")
    }
}

/// Every op of the suite in sizes that take no time, on every device: the oracle and the ops agree.
@Suite struct WorkloadTests {
    static let cases: [Case] = {
        let sizes: [(Operation, [String: Int])] = [
            (.matmul, ["batch": 2, "m": 5, "n": 7, "k": 9, "transA": 1]),
            (.matmul, ["m": 33, "n": 17, "k": 40, "transB": 1]),
            (
                .conv2d,
                [
                    "n": 2, "cin": 6, "h": 9, "w": 8, "cout": 4, "k": 3, "stride": 2, "pad": 1,
                    "groups": 2,
                ]
            ),
            (
                .convTranspose2d,
                ["n": 2, "cin": 3, "h": 4, "w": 5, "cout": 2, "k": 4, "stride": 2, "pad": 1]
            ),
            (.attention, ["b": 2, "h": 4, "hkv": 2, "tq": 9, "d": 8, "causal": 1]),
            (.attention, ["b": 1, "h": 2, "tq": 3, "tk": 11, "d": 8]),
            (.softmax, ["rows": 3, "cols": 33]),
            (.layerNorm, ["rows": 5, "cols": 19]), (.rmsNorm, ["rows": 5, "cols": 19]),
            (.gelu, ["rows": 3, "cols": 17]),
            (.siluMul, ["rows": 3, "cols": 17]), (.add, ["rows": 3, "cols": 17]),
            (.addRow, ["rows": 3, "cols": 17]),
            (.sumRows, ["rows": 9, "cols": 17]), (.transpose, ["rows": 9, "cols": 17]),
            (.crossEntropy, ["rows": 5, "cols": 19]),
            (.embedding, ["rows": 5, "cols": 7, "vocab": 11]),
            (.adamw, ["rows": 3, "cols": 17]),
            (.groupNormSilu, ["n": 2, "c": 8, "h": 3, "w": 3, "groups": 2]),
            (.rope, ["b": 1, "h": 2, "t": 5, "d": 8]),
        ]
        return sizes.flatMap { operation, sizes in
            operation.dtypes.filter { $0 != .f16 }.flatMap { dtype in
                (operation.hasBackward && dtype == .f32 ? [false, true] : [false]).compactMap {
                    try? Case(operation, sizes, dtype: dtype, backward: $0)
                }
            }
        }
    }()

    static let quantized: [Case] = {
        let products = ["int8", "q4_0", "q4_K", "q6_K", "q8_0"].flatMap { name in
            [1, 3, 8, 40].compactMap { m in
                try? Case(
                    .matmul, ["m": m, "n": 33, "k": 256], weights: WeightFormat(name))
            }
        }
        let sizes = ["n": 2, "cin": 8, "h": 9, "w": 7, "cout": 5, "k": 3, "pad": 1]
        return products + [try? Case(.conv2d, sizes, weights: .int8)].compactMap { $0 }
    }()

    @Test(arguments: cases + quantized)
    func resultsAgreeWithTheOracle(c: Case) throws {
        var measurement = Measurement()
        (measurement.seconds, measurement.samples) = (0.001, 1...2)
        let runner = Runner(device: .cpu, peaks: Peaks(), available: 1e9, measurement: measurement)
        let rows = runner.rows(c)
        #expect(rows.count == 1 && rows[0].failure == nil, "\(rows[0].failure ?? "")")
        #expect((rows[0].check?.compared ?? 0) > 0 && (rows[0].seconds ?? 0) > 0)
    }

    @Test func wrongResultsAreFound() throws {
        let c = try Case(.matmul, ["m": 4, "n": 4, "k": 4])
        let workload = c.workload()
        var results = [workload.bind(workload.inputs.map { $0.tensor(on: .cpu) })()[0].scalars()]
        #expect(workload.check(results).passed)
        results[0][0] += 0.01
        #expect(!workload.check(results).passed)
        results[0][0] = .nan
        #expect(workload.check(results).problem?.contains("NaN") == true)
    }

    @Test func whatDoesNotFitIntoMemoryIsNotAllocated() throws {
        let c = try Case(.add, ["rows": 1 << 30, "cols": 1 << 30])
        let rows = Runner(device: .cpu, peaks: Peaks(), available: 1e9, measurement: Measurement())
            .rows(c)
        #expect(rows[0].failure?.contains("but there are") == true)
    }
}

@Suite struct ReportTests {
    private func rows() throws -> ([Row], Environment) {
        var peaks = Peaks()
        peaks.operations = [.f32: 100e9, .bf16: 200e9]
        peaks.memories = [Peaks.Memory(name: "memory", bytes: .infinity, read: 10e9, copy: 12e9)]
        peaks.launch = 1e-6
        let c = try Case(id: 3, .matmul, ["m": 64, "n": 64, "k": 64], note: "a \"quoted\", <note>")
        var row = Row(c, device: "cpu", threads: 2)
        (row.kernel, row.times) = ("tile", Statistics([1e-5, 1.1e-5, 0.9e-5]))
        row.roofline = Row.Roofline(c, peaks: peaks, isCold: false, writtenShare: 0.5)
        let place = Environment.Place(
            name: "cpu", title: "A <CPU>", facts: [("cores", "2")], peaks: peaks)
        return (
            [row], Environment(version: "1", command: "apus bench", date: "today", places: [place])
        )
    }

    @Test func aRowHasTheKeysThatOthersRead() throws {
        let (rows, environment) = try rows()
        let json = rows[0].json
        for key in [
            "id", "op", "dtype", "device", "seconds", "min", "gflops", "gbs", "samples", "kernel",
            "command",
        ] {
            #expect(json[key] != nil, "\(key)")
        }
        #expect(json["id"]?.int == 3 && json["seconds"]?.double == 1e-5)
        #expect(environment.json["id"] == nil && environment.json["devices"]?.array?.count == 1)
        let again = try JSON(parsing: Array(json.text.utf8), path: "row")
        #expect(again["samples"]?.array?.count == 3)
    }

    @Test func theRooflineSaysWhatBounds() throws {
        let (rows, _) = try rows()
        #expect(rows[0].roofline?.bound == .compute)
        #expect(abs((rows[0].percentOfPeak ?? 0) - 52.4288) < 0.001)
    }

    @Test func aBaselineFindsItsRow() throws {
        let (rows, environment) = try rows()
        let lines = environment.json.text + "\n" + rows[0].json.text + "\n"
        let baseline = try Baseline(lines: lines, name: "base")
        #expect(baseline.count == 1)
        #expect(
            baseline.comparison(with: rows[0])?.verdict == .unsure
                || baseline.comparison(with: rows[0])?.ratio == 1)
        #expect { try Baseline(lines: "{}\n{", name: "base") } throws: {
            "\($0)".hasPrefix("base:2")
        }
    }

    @Test func everyFormHoldsTheRow() throws {
        let (rows, environment) = try rows()
        let table = Table(
            cases: rows.map(\.benchmark), devices: ["cpu"], hasDeviceTime: false, compares: true)
        #expect(
            table.markdown(rows, environment).contains(
                "`apus bench matmul m=64 n=64 k=64 f32 --device cpu"))
        let lines = commaSeparated(rows).split(separator: "\n")
        #expect(lines.count == 2 && lines[1].hasPrefix("3,matmul,matmul m=64"))
    }

    @Test func thePageNeedsNothingElseAndEscapes() throws {
        let (rows, environment) = try rows()
        let page = HTMLReport(environment, rows: rows).text
        #expect(
            page.contains("A &lt;CPU&gt;") && page.contains("a &quot;quoted&quot;, &lt;note&gt;"))
        #expect(page.contains("<svg") && page.contains("class=\"roof") && page.contains("<circle"))
        #expect(!page.contains("http://") && !page.contains("https://") && !page.contains("nan"))
        #expect(page.contains("prefers-color-scheme: dark"))
    }
}
