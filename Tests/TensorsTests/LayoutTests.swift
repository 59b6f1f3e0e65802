import Tensors
import Testing

@Suite struct LayoutTests {
    @Test func rowMajorStrides() {
        #expect(Layout([2, 3, 4]).strides == [12, 4, 1])
        #expect(Layout([]).count == 1)
        #expect(Layout([2, 0, 3]).isContiguous)
    }

    @Test func lengthOneAxesDoNotMatterForContiguity() {
        #expect(Layout(shape: [3, 1, 4], strides: [4, 99, 1]).isContiguous)
        #expect(!Layout(shape: [3, 4], strides: [1, 3]).isContiguous)
    }

    /// Every reshape that succeeds must name the same elements in the same order.
    @Test(arguments: [
        ([2, 3, 4], [0, 1, 2], [6, 4]), ([2, 3, 4], [0, 1, 2], [4, 3, 2]),
        ([2, 3, 4], [2, 0, 1], [4, 6]),
        ([2, 3, 4], [1, 0, 2], [3, 2, 2, 2]), ([2, 1, 4], [2, 1, 0], [4, 1, 2]),
        ([4, 6], [1, 0], [3, 2, 4]),
        ([4, 6], [1, 0], [24]), ([1, 1], [1, 0], [1]), ([2, 3, 4], [2, 1, 0], [4, 3, 1, 2]),
    ])
    func reshapeKeepsOrder(shape: [Int], axes: [Int], target: [Int]) {
        let view = Layout(shape).permuted(axes)
        guard let reshaped = view.reshaped(to: target) else { return }
        #expect(reshaped.shape == target)
        #expect(places(of: reshaped) == places(of: view))
    }

    @Test func reshapeRefusesWhatStridesCannotSay() {
        #expect(Layout([2, 3]).permuted([1, 0]).reshaped(to: [6]) == nil)
    }

    @Test func expansion() {
        #expect(Layout([3, 1]).expanded(to: [2, 3, 4])?.strides == [0, 1, 0])
        #expect(Layout([3]).expanded(to: [4]) == nil)
        #expect(Layout([2, 3]).expanded(to: [3]) == nil)
    }

    /// The storage index of each element in row-major order.
    private func places(of layout: Layout) -> [Int] {
        var places = [layout.offset]
        for axis in 0..<layout.rank {
            places = places.flatMap { base in
                (0..<layout.shape[axis]).map { base + $0 * layout.strides[axis] }
            }
        }
        return places
    }
}
