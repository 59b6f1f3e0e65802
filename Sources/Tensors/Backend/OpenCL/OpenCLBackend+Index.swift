extension OpenCLBackend {
    package func indexSelect(_ x: Tensor, _ index: Tensor, into y: Tensor) {
        let inner = x.shape[2]
        let width = vector(dividing: inner)
        launch(
            "index", "index_select", [("SIZE", x.dtype.size), ("VEC", width)],
            [
                .long(x.shape[1]), .long(index.count), .long(inner), .tensor(x), .tensor(index),
                .tensor(y),
            ],
            global: [inner / width, index.count, x.shape[0]], local: sliceGroup(inner / width))
    }

    package func indexAdd(_ x: Tensor, _ index: Tensor, _ src: Tensor) {
        // Equal indices are brought together, so that one work-item adds all of a row in their order.
        let sorted = Tensor.uninitialized([index.count], .i32, on: self)
        let order = Tensor.uninitialized([index.count], .i32, on: self)
        sort(index, axis: 0, descending: false, values: sorted, indices: order)
        let inner = x.shape[2]
        let width = vector(dividing: inner)
        launch(
            "index", "index_add", [("VEC", width)],
            [
                .long(x.shape[1]), .long(index.count), .long(inner), .tensor(x), .tensor(sorted),
                .tensor(order), .tensor(src),
            ],
            global: [inner / width, index.count, x.shape[0]], local: sliceGroup(inner / width))
    }

    package func gather(_ x: Tensor, _ index: Tensor, axis: Int, into y: Tensor) {
        // x walks along with the index on all axes but one, along which the index says where to go.
        var strides = x.layout.strides
        strides[axis] = 0
        let along = Layout(shape: index.shape, strides: strides, offset: x.layout.offset)
        let axes = MergedAxes([x.view(along), index, y])
        launch(
            "index", "gather", [("SIZE", x.dtype.size), ("RANK", axes.rank)],
            [
                .long(y.count), .long(x.shape[axis]), .axes(axes.shape), .tensor(x),
                .axes(axes.strides[0]), .long(x.layout.strides[axis]), .tensor(index),
                .axes(axes.strides[1]), .tensor(y),
            ],
            global: [y.count], local: [min(64, y.count)])
    }

    package func scatterAdd(_ x: Tensor, _ index: Tensor, _ src: Tensor, axis: Int) {
        let lines = index.count / index.shape[axis]
        func others(_ t: Tensor) -> Tensor {
            let (strides, offset) = (t.layout.strides, t.layout.offset)
            let layout = Layout(shape: index.shape, strides: strides, offset: offset)
            return t.view(layout.removingAxis(axis))
        }
        let axes = MergedAxes([x, index, src].map(others))
        launch(
            "index", "scatter_add", [("RANK", axes.rank)],
            [
                .long(lines), .long(index.shape[axis]), .long(x.shape[axis]), .axes(axes.shape),
                .tensor(x), .axes(axes.strides[0]), .long(x.layout.strides[axis]), .tensor(index),
                .axes(axes.strides[1]), .long(index.layout.strides[axis]), .tensor(src),
                .axes(axes.strides[2]), .long(src.layout.strides[axis]),
            ],
            global: [lines], local: [min(64, lines)])
    }

    /// Not known without waiting for the device. Its kernels keep indices inside the tensor.
    package func indexRange(_ index: Tensor) -> ClosedRange<Int>? { nil }

    private func sliceGroup(_ items: Int) -> [Int] { [min(64, max(1, items)), 1, 1] }
}
