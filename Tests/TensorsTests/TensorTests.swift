import Tensors
import Testing

@Suite struct TensorTests {
    @Test func creation() {
        #expect(Tensor([[1, 2], [3, 4]]).scalars() == [1, 2, 3, 4])
        #expect(Tensor.arange(4, start: 1, step: 0.5).scalars() == [1, 1.5, 2, 2.5])
        #expect(Tensor.eye(2).scalars() == [1, 0, 0, 1])
        #expect(Tensor.full([2], 3, dtype: .i32).scalars(as: Int32.self) == [3, 3])
        #expect(Tensor([true, false]).scalars(as: Bool.self) == [true, false])
        #expect(Tensor(2.5).item() == 2.5)
        #expect(Tensor.zeros([0, 3]).scalars().isEmpty)
    }

    @Test func indexing() {
        let x = Tensor.arange(24).reshaped([2, 3, 4])
        #expect(x[1, 2, 3].item() == 23)
        #expect(x[-1, -1].scalars() == [20, 21, 22, 23])
        #expect(x[.all, 1..<3, 0].scalars() == [4, 8, 16, 20])
        #expect(x[.rest, .by(-2)].shape == [2, 3, 2])
        #expect(x[0, 0, .by(-1)].scalars() == [3, 2, 1, 0])
        #expect(x[.new, .rest].shape == [1, 2, 3, 4])
        #expect(x[0, ...1, 2...].scalars() == [2, 3, 6, 7])
    }

    @Test func viewsShareAndCopiesDoNot() {
        let x = Tensor.arange(6).reshaped([2, 3])
        #expect(x.transposed().scalars() == [0, 3, 1, 4, 2, 5])
        #expect(x.transposed().reshaped([6]).scalars() == [0, 3, 1, 4, 2, 5])
        #expect(x.flipped([1]).scalars() == [2, 1, 0, 5, 4, 3])
        #expect(x.expanded(to: [2, 2, 3]).sum().item() == 30)
    }

    @Test func updatesInPlaceLeaveOtherOwnersAlone() {
        var p = Tensor([1, 2, 3] as [Float])
        let before = p
        var state = AdamState(for: p)
        adamStep(&p, gradient: Tensor.ones([3]), state: &state, lr: 0.1)
        #expect(before.scalars() == [1, 2, 3])
        #expect(zip(p.scalars(), [0.9, 1.9, 2.9]).allSatisfy { ($0 - $1).magnitude < 1e-5 })
    }

    @Test func printing() {
        #expect("\(Tensor([1, 2] as [Float]))" == "[1.0, 2.0]  [2] f32")
        #expect("\(Tensor.arange(20, dtype: .i32))" == "[0, 1, 2, …, 17, 18, 19]  [20] i32")
    }

    /// In a process of its own: other tests allocate too.
    @Test func steadyStateAsksTheSystemForNothing() async {
        await #expect(processExitsWith: .success) {
            let x = Tensor.ones([512, 512])
            for _ in 0..<3 { _ = (x + x) * x }
            let before = Device.cpu.memory.systemRequests
            for _ in 0..<100 { _ = (x + x) * x }
            require(Device.cpu.memory.systemRequests == before, "a steady state asked for memory")
        }
    }

    @Test func narrowFloats() {
        let x = Tensor([1.0, 1.00390625, 3.3895314e38, -0.1] as [Float])
        #expect(x.cast(to: .bf16).cast(to: .f32).scalars()[1] == 1.0)
        #expect(x.cast(to: .f16).scalars()[2] == .infinity)
        let a = Tensor.ones([3, 5]).cast(to: .bf16)
        #expect(a.matmul(a.transposed()).dtype == .bf16)
        #expect(a.matmul(a.transposed()).scalars() == [Float](repeating: 5, count: 9))
    }
}

@Suite struct MistakesTrap {
    @Test func shapes() async {
        await #expect(processExitsWith: .failure) { _ = Tensor.ones([2, 3]) + Tensor.ones([4]) }
        await #expect(processExitsWith: .failure) {
            _ = Tensor.ones([2, 3]).matmul(Tensor.ones([2, 3]))
        }
        await #expect(processExitsWith: .failure) { _ = Tensor.ones([2, 3]).sum(axes: [2]) }
        await #expect(processExitsWith: .failure) { _ = Tensor.ones([2, 3])[2] }
    }

    @Test func types() async {
        await #expect(processExitsWith: .failure) {
            _ = Tensor.ones([2]) + Tensor.ones([2], dtype: .i32)
        }
        await #expect(processExitsWith: .failure) {
            _ = Tensor.ones([2]).selecting(Tensor([5] as [Int32]))
        }
    }
}
