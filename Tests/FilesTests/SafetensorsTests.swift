import Files
import Glibc
import Tensors
import Testing

@Suite struct SafetensorsTests {
    private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
            + Array(header.utf8) + data
    }

    @Test func readsWhatItWrites() throws {
        let path = "/tmp/apus-test-\(getpid()).safetensors"
        defer { unlink(path) }
        let x = Tensor.arange(6).reshaped([2, 3]).transposed()
        try writeSafetensors([("x", x), ("h", x.cast(to: .bf16))], metadata: ["k": "v"], to: path)
        let read = try SafetensorsFile(path: path)
        #expect(read.metadata == ["k": "v"])
        #expect(try read.tensor("x").scalars() == x.scalars())
        #expect(try read.tensor("h").dtype == .bf16)
        #expect(throws: FileError.self) { try read.tensor("y") }
    }

    @Test(arguments: [
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[1]}}"#,
        #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
        #"[]"#, #"{"#,
    ])
    func hostileHeadersAreRefused(header: String) {
        #expect(throws: FileError.self) {
            try SafetensorsFile(file(header, [0, 0, 0, 0]), path: "test")
        }
    }

    @Test func shortAndLyingFilesAreRefused() {
        #expect(throws: FileError.self) { try SafetensorsFile([1, 2], path: "test") }
        let lie: [UInt8] = [255, 255, 255, 255, 255, 255, 255, 127]
        #expect(throws: FileError.self) { try SafetensorsFile(lie, path: "test") }
        #expect(throws: FileError.self) { try SafetensorsFile(path: "/nonexistent/file") }
        #expect(throws: FileError.self) { try SafetensorsFile(path: "/tmp") }
    }
}
