import Files
import Tensors
import Testing

@Suite struct ArrayTests {
    static let folder = TestData.fixtures + "/arrays"

    @Test func numPysArchivesAreRead() throws {
        let plain = try NumPyArchive(path: "\(Self.folder)/plain.npz")
        #expect(plain.names == ["a", "b", "c", "d", "e"])
        let a = try plain.tensor("a")
        #expect(a.shape == [3, 4] && a.scalars() == (0..<12).map { Float($0) / 3 })
        let b = try plain.tensor("b")
        #expect(b.dtype == .bool && b.scalars() == [1, 0, 1])
        let c = try plain.tensor("c")
        #expect(c.shape == [] && c.dtype == .i32 && c.item() == -7)
        // Big-endian, the first axis fastest.
        #expect(try plain.tensor("d").scalars() == [0, 1, 2, 3, 4, 5])
        #expect(try plain.tensor("d").shape == [2, 3])
        #expect(try plain.tensor("e").shape == [0, 5])
        #expect(throws: FileError("\(Self.folder)/plain.npz", "has no array z")) {
            try plain.tensor("z")
        }
        let packed = try NumPyArchive(path: "\(Self.folder)/packed.npz")
        #expect(try packed.tensor("a").scalars() == (0..<1000).map { Float($0) })
        #expect(try packed.tensor("u").bytes() == [1, 255])
        #expect(try packed.tensor("h").dtype == .f16)
        let double = try NumPyFile(path: "\(Self.folder)/double.npy").tensor()
        #expect(double.scalars() == [1.5, -2.25, .infinity, .infinity])
    }

    @Test(arguments: DType.allCases) func whatIsWrittenIsRead(dtype: DType) throws {
        let tensor = Tensor([0, 1, 1, 0, 1, 1] as [Float], shape: [2, 3]).cast(to: dtype)
        for x in [tensor, tensor[0], tensor[0, 1], tensor[0..<0]] {
            let back = try NumPyFile(npy(x), path: "x.npy").tensor()
            #expect(back.shape == x.shape && back.scalars() == x.scalars())
            #expect(back.dtype == (dtype == .bf16 ? .f32 : dtype))
        }
    }

    @Test(arguments: [false, true]) func archivesComeBack(deflated: Bool) throws {
        let files = [("one", [UInt8](repeating: 7, count: 5000)), ("two", [1, 2, 3]), ("", [])]
        let bytes = try ZipArchive.bytes(
            of: files.map { (name: $0.0, contents: $0.1) }, deflated: deflated)
        #expect(deflated == (bytes.count < 1000))
        let archive = try ZipArchive(bytes, path: "x.zip")
        for (entry, file) in zip(archive.entries, files) {
            #expect(entry.name == file.0)
            #expect(try archive.contents(of: entry) == file.1)
        }
    }

    @Test(arguments: [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999, 99), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }",
        "{'descr': '<f4', 'shape': (1,), }", "{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
        "{'descr': '', 'fortran_order': False, 'shape': (1,), }", "", "{", "{'", "{'x': 1}",
    ])
    func hostileHeadersAreRefused(header: String) {
        let length = header.utf8.count
        let bytes =
            Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) })
            + [1, 0, UInt8(length), 0] + Array(header.utf8) + [0, 0, 0, 0]
        #expect(throws: FileError.self) { try NumPyFile(bytes, path: "x.npy") }
    }

    @Test func wideNumbersMustFit() throws {
        let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }"
        let bytes =
            [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0]
            + Array(header.utf8) + [0, 0, 0, 0, 1, 0, 0, 0]
        #expect(throws: FileError.self) { try NumPyFile(bytes, path: "x.npy").tensor() }
    }

    @Test func idxFilesAreRead() throws {
        let pictures = try IDXFile(path: "\(Self.folder)/pictures.idx3-ubyte.gz")
        #expect(pictures.shape == [2, 2, 3])
        #expect(try pictures.tensor().bytes() == Array(0..<12))
        let doubles = try IDXFile(path: "\(Self.folder)/doubles.idx1").tensor()
        #expect(doubles.scalars() == [0.5, -3])
        for bytes: [UInt8] in [
            [], [0, 0, 8], [0, 0, 8, 1, 0, 0, 0, 2, 1], [0, 0, 8, 1, 0, 0, 0, 1, 1, 1],
            [0, 0, 7, 1, 0, 0, 0, 1, 1], [1, 0, 8, 1, 0, 0, 0, 1, 1],
            [0, 0, 0xe, 3] + [UInt8](repeating: 0xff, count: 40),
        ] {
            #expect(throws: FileError.self) { try IDXFile(bytes, path: "x") }
        }
    }

    @Test func gzipComesBackAndHasALimit() throws {
        let bytes = (0..<100_000).map { UInt8($0 % 251) }
        let packed = try Deflated.gzip.deflate(bytes)
        #expect(packed.count < 5000)
        #expect(try Deflated.gzip.inflate(packed, path: "x") == bytes)
        #expect(try Deflated.gzip.inflate(packed + packed, path: "x") == bytes + bytes)
        #expect(throws: FileError.self) {
            try Deflated.gzip.inflate(packed, limit: 99_999, path: "x")
        }
        for length in 0..<packed.count {
            #expect(throws: FileError.self) {
                try Deflated.gzip.inflate(Array(packed[..<length]), path: "x")
            }
        }
    }

    @Test func damageIsNoTrap() throws {
        for name in ["plain.npz", "packed.npz"] {
            TestData.torment(try readFile("\(Self.folder)/\(name)")) { bytes in
                let archive = NumPyArchive(try ZipArchive(bytes, path: name))
                for array in archive.names { _ = try? archive.tensor(array) }
            }
        }
        TestData.torment(try readFile("\(Self.folder)/double.npy")) {
            _ = try NumPyFile($0, path: "x").tensor()
        }
        TestData.torment(try readFile("\(Self.folder)/pictures.idx3-ubyte.gz")) {
            _ = try Deflated.gzip.inflate($0, limit: 1 << 20, path: "x")
        }
        TestData.torment(try readFile("\(Self.folder)/doubles.idx1")) {
            _ = try IDXFile($0, path: "x").tensor()
        }
    }
}
