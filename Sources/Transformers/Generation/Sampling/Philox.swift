/// Philox4x32-10 (Salmon et al. 2011) on the host: the n-th number of a seed, whichever were asked for before.
struct Philox: Sendable {
    let seed: UInt64

    /// 0 ..< 1, of 53 bits.
    func unit(_ n: UInt64) -> Double {
        let block = block(counter: n)
        let bits = UInt64(block[0]) << 32 | UInt64(block[1])
        return Double(bits >> 11) * 0x1p-53
    }

    /// Four words of a counter.
    func block(counter: UInt64, stream: UInt64 = 0) -> SIMD4<UInt32> {
        var x = SIMD4(
            UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
            UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
        var key = SIMD2(
            UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        for _ in 0..<10 {
            let a = UInt64(x[0]) * 0xd251_1f53
            let b = UInt64(x[2]) * 0xcd9e_8d57
            x = SIMD4(
                UInt32(truncatingIfNeeded: b >> 32) ^ x[1] ^ key[0],
                UInt32(truncatingIfNeeded: b),
                UInt32(truncatingIfNeeded: a >> 32) ^ x[3] ^ key[1],
                UInt32(truncatingIfNeeded: a))
            key = SIMD2(key[0] &+ 0x9e37_79b9, key[1] &+ 0xbb67_ae85)
        }
        return x
    }
}
