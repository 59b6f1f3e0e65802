import Tensors
import Testing

@Suite struct RandomTests {
    /// Known answers of Philox4x32-10 (Random123's test vectors): counter and key 0.
    @Test func philoxKnownAnswer() {
        var key = RandomKey(seed: 0)
        let words = key.bits([4]).scalars(as: Int32.self).map { UInt32(bitPattern: $0) }
        #expect(words == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    }

    @Test func moments() {
        var key = RandomKey(seed: 1)
        let x = key.normal([100_000], mean: 2, deviation: 3)
        #expect((x.mean().item() - 2).magnitude < 0.05)
        #expect((x.standardDeviation().item() - 3).magnitude < 0.05)
        let u = key.uniform([100_000], low: -1, high: 3)
        #expect((u.mean().item() - 1).magnitude < 0.05)
        #expect(u.min().item() >= -1 && u.max().item() < 3)
        #expect(
            (key.bernoulli([100_000], probability: 0.3).cast(to: .f32).mean().item() - 0.3)
                .magnitude < 0.01)
    }

    @Test func keysReproduceAndStreamsDiffer() {
        var (a, b) = (RandomKey(seed: 5), RandomKey(seed: 5))
        let first = a.normal([33]).scalars()
        #expect(first == b.normal([33]).scalars())
        #expect(first != a.normal([33]).scalars())
    }

    @Test(.enabled(if: Device.openCLCount > 0))
    func theSameOnEveryDevice() throws {
        let device = try Device.opencl(0)
        var (a, b) = (RandomKey(seed: 9), RandomKey(seed: 9))
        #expect(
            a.bits([1001]).scalars(as: Int32.self)
                == b.bits([1001], on: device).scalars(as: Int32.self))
        #expect(a.uniform([1001]).scalars() == b.uniform([1001], on: device).scalars())
        let (x, y) = (a.normal([1001]).scalars(), b.normal([1001], on: device).scalars())
        #expect(zip(x, y).allSatisfy { ($0 - $1).magnitude <= 1e-6 * max(1, $0.magnitude) })
    }
}
