import Files
import Glibc
import Tensors
import Testing

@Suite struct TuningStoreTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = "/tmp/apus-tuning-\(getpid())-\(UInt32.random(in: 0 ..< .max))"
        #expect(mkdir(folder, 0o755) == 0)
        defer {
            for path in (try? filesBelow(folder)) ?? [] { unlink(path) }
            rmdir(folder)
        }
        try body(folder)
    }

    private let tile = ["MWG": 64, "NWG": 32, "VEC": 4]

    @Test func winnersAreFoundAgainForTheSameDeviceAndDriver() throws {
        try inFolder { folder in
            let store = TuningStore(device: "A \"GPU\"", driver: "1.2", folder: folder)
            #expect(store.count == 0)
            store["matmul", "32 x more"] = tile
            store["conv2d", "256 x 256"] = ["MWG": 16]
            #expect(store.save())
            let again = TuningStore(device: "A \"GPU\"", driver: "1.2", folder: folder)
            #expect(again.count == 2 && again["matmul", "32 x more"] == tile)
            #expect(TuningStore(device: "A \"GPU\"", driver: "1.3", folder: folder).count == 0)
            let text = try readFile(store.path ?? "")
            #expect(try JSON(parsing: text, path: "store")["entries"]?.array?.count == 2)
        }
    }

    @Test(arguments: ["", "{", "broken\n", "line for line\n\n]}\n"])
    func aBrokenFileIsBegunAnew(text: String) throws {
        try inFolder { folder in
            let store = TuningStore(device: "A", driver: "1", folder: folder)
            try writeFile(store.path ?? "", [Array(text.utf8)])
            #expect(TuningStore(device: "A", driver: "1", folder: folder).count == 0)
            let rebuilt = try readFile(store.path ?? "")
            #expect(try JSON(parsing: rebuilt, path: "store")["entries"]?.array?.isEmpty == true)
        }
    }

    @Test func aChangedNumberIsNoticed() throws {
        try inFolder { folder in
            let store = TuningStore(device: "A", driver: "1", folder: folder)
            store["matmul", "32 x 32"] = tile
            #expect(store.save())
            let text = String(decoding: try readFile(store.path ?? ""), as: UTF8.self)
            let changed = text.split(separator: "64", omittingEmptySubsequences: false).joined(
                separator: "65")
            try writeFile(store.path ?? "", [Array(changed.utf8)])
            #expect(TuningStore(device: "A", driver: "1", folder: folder).count == 0)
        }
    }

    @Test func withoutAFolderNothingIsStored() {
        let store = TuningStore(device: "A", driver: "1", folder: nil)
        store["matmul", "32 x 32"] = tile
        #expect(store["matmul", "32 x 32"] == tile && !store.save())
    }
}
