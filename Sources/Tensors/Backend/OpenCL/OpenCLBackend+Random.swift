import CApus

extension OpenCLBackend {
    func random(_ distribution: Distribution, _ seed: UInt64, _ stream: UInt64, into y: Tensor) {
        let (kind, a, b) = distribution.c
        launch(
            "random", "random", [("DISTRIBUTION", Int(kind.rawValue)), ("Y_TYPE", y.dtype.option)],
            [
                .long(y.count), .long(Int(truncatingIfNeeded: seed)),
                .long(Int(truncatingIfNeeded: stream)), .float(a), .float(b), .tensor(y),
            ],
            global: [roundedUp(y.count, 4)], local: [64])
    }
}
