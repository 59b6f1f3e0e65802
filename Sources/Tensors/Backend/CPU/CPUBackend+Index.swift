import CApus

extension CPUBackend {
    package func indexSelect(_ x: Tensor, _ index: Tensor, into y: Tensor) {
        apus_index_select(
            x.dtype.c, Int64(x.shape[0]), Int64(x.shape[1]), Int64(index.count), Int64(x.shape[2]),
            x.address, index.pointer(), y.address)
    }

    package func indexAdd(_ x: Tensor, _ index: Tensor, _ src: Tensor) {
        apus_index_add(
            Int64(x.shape[0]), Int64(x.shape[1]), Int64(index.count), Int64(x.shape[2]),
            x.pointer(), index.pointer(), src.pointer())
    }

    package func gather(_ x: Tensor, _ index: Tensor, axis: Int, into y: Tensor) {
        withArrays(x, index, y) { apus_gather($0, $0 + 1, Int32(axis), $0 + 2) }
    }

    package func scatterAdd(_ x: Tensor, _ index: Tensor, _ src: Tensor, axis: Int) {
        withArrays(x, index, src) { apus_scatter_add($0, $0 + 1, $0 + 2, Int32(axis)) }
    }

    package func indexRange(_ index: Tensor) -> ClosedRange<Int>? {
        var (smallest, largest) = (Int32.max, Int32.min)
        withArrays(index) { apus_index_range($0, &smallest, &largest) }
        return Int(smallest)...max(Int(smallest), Int(largest))
    }
}
