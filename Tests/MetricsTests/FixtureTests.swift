import Files
import Metrics
import Tensors
import Testing

/// Figures against those of SciPy, NumPy and scikit-image; `Fixtures/metrics/make.py` has the formulas.
@Suite struct FixtureTests {
    private let file: SafetensorsFile
    private let expected: JSON

    init() throws {
        let folder =
            #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
            .joined(separator: "/") + "/Fixtures/metrics"
        file = try SafetensorsFile(path: "\(folder)/metrics.safetensors")
        let path = "\(folder)/expected.json"
        expected = try JSON(parsing: readFile(path), path: path)
    }

    private func tensor(_ name: String) throws -> Tensor { try file.tensor(name, on: .cpu) }

    private func number(_ name: String) throws -> Double {
        try #require(expected[name]?.double)
    }

    private func numbers(_ name: String) throws -> [Double] {
        try #require(expected[name]?.array).compactMap(\.double)
    }

    private func isNear(_ a: Double, _ b: Double, _ tolerance: Double = 1e-4) -> Bool {
        abs(a - b) <= tolerance * max(1, abs(b))
    }

    @Test func frechetDistance() throws {
        let found = try FeatureDistance.frechet(tensor("real"), tensor("made"))
        #expect(try isNear(found, number("frechet")))
    }

    @Test func kernelDistance() throws {
        let found = try FeatureDistance.kernel(tensor("real"), tensor("made"), block: 50)
        #expect(try isNear(found.mean, number("kernel")))
        #expect(try isNear(found.error, number("kernelError")))
    }

    @Test func precisionAndRecall() throws {
        let found = try FeatureDistance.precisionAndRecall(
            real: tensor("real"), generated: tensor("made"))
        #expect(try isNear(found.precision, number("precision"), 1e-6))
        #expect(try isNear(found.recall, number("recall"), 1e-6))
    }

    @Test func inceptionScore() throws {
        let found = try FeatureDistance.inceptionScore(tensor("logits"))
        #expect(try isNear(found, number("inception")))
    }

    @Test func pictureQuality() throws {
        let (x, y) = try (tensor("x"), tensor("y"))
        let psnr = PictureQuality.psnr(x, y).scalars()
        let ssim = PictureQuality.ssim(x, y).scalars()
        #expect(try zip(psnr, numbers("psnr")).allSatisfy { isNear(Double($0), $1) })
        #expect(try zip(ssim, numbers("ssim")).allSatisfy { isNear(Double($0), $1) })
        #expect(psnr.count == 4 && ssim.count == 4)
    }

    /// Sets that are the same are no distance apart.
    @Test func nothingLiesBetweenASetAndItself() throws {
        let real = try tensor("real")
        #expect(try abs(FeatureDistance.frechet(real, real)) < 1e-3)
        let both = FeatureDistance.precisionAndRecall(real: real, generated: real)
        #expect(both.precision == 1 && both.recall == 1)
        let x = try tensor("x")
        #expect(PictureQuality.ssim(x, x).scalars().allSatisfy { abs($0 - 1) < 1e-5 })
    }
}
