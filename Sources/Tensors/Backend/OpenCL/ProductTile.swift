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
        let shapes = TuningStore.productClass(rows: rows, columns: columns)
        if let tile = tuning[kernel, shapes].flatMap({ ProductTile($0) }) { return tile }
        if description.isCPU {
            return ProductTile(mwg: 12, nwg: 32, kwg: 64, mdim: 1, ndim: 1, vec: 16)
        }
        let side = rows <= 32 || columns <= 32 ? 32 : 64
        return ProductTile(
            mwg: side, nwg: side, kwg: 16, mdim: side / 4, ndim: side / 4, vec: 4)
    }
}

extension ProductTile {
    /// From what is stored; nil if a size is missing or the sizes do not fit each other.
    fileprivate init?(_ defines: TuningStore.Defines) {
        guard let mwg = defines["MWG"], let nwg = defines["NWG"], let kwg = defines["KWG"],
            let mdim = defines["MDIM"], let ndim = defines["NDIM"], let vec = defines["VEC"],
            min(mwg, nwg, kwg, mdim, ndim, vec) > 0, mwg % mdim == 0, nwg % (ndim * vec) == 0
        else { return nil }
        self.init(mwg: mwg, nwg: nwg, kwg: kwg, mdim: mdim, ndim: ndim, vec: vec)
    }
}
