import Tensors

/// The libraries that are installed and can multiply these two f32 matrices where they are.
func matmulPeers(_ a: Tensor, _ b: Tensor) -> [Peer] {
    guard a.device == .cpu else { return [] }
    return [Peer(name: "OpenBLAS") { a.matmulByOpenBLAS(b).map { [$0] } }]
}
