/// The tile sizes of a product's kernel: a work-group of `mdim` × `ndim` items computes a tile of mwg × nwg.
struct ProductTile {
    var mwg, nwg, kwg, mdim, ndim, vec: Int

    var options: KernelOptions {
        [("MWG", mwg), ("NWG", nwg), ("KWG", kwg), ("MDIM", mdim), ("NDIM", ndim), ("VEC", vec)]
    }

    var local: [Int] { [ndim, mdim, 1] }

    func global(rows: Int, columns: Int, batch: Int) -> [Int] {
        [ndim * roundedUp(columns, nwg), mdim * roundedUp(rows, mwg), batch]
    }
}

extension OpenCLBackend {
    /// The tile for a product of this size: what `apus tune` found on this device, else a default for its kind.
    func productTile(_ kernel: String, _ rows: Int, _ columns: Int) -> ProductTile {
        if description.isCPU {
            return ProductTile(mwg: 12, nwg: 32, kwg: 64, mdim: 1, ndim: 1, vec: 16)
        }
        let side = rows <= 32 || columns <= 32 ? 32 : 64
        return ProductTile(
            mwg: side, nwg: side, kwg: 16, mdim: side / 4, ndim: side / 4, vec: 4)
    }
}
