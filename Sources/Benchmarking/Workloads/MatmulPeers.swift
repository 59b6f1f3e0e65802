import Tensors

/// The libraries that are installed and can multiply these two f32 matrices where they are.
func matmulPeers(_ a: Tensor, _ b: Tensor) -> [Peer] {
    if let backend = a.device.backend as? OpenCLBackend {
        return [Peer(name: "CLBlast") { backend.matmulByCLBlast(a, b).map { [$0] } }]
    }
    return [Peer(name: "OpenBLAS") { a.matmulByOpenBLAS(b).map { [$0] } }]
}
