import Networks
import Tensors
import Testing

@Suite struct BatchOrderTests {
    @Test func anEpochHasEveryExampleOnce() {
        let order = BatchOrder(count: 10, batch: 5, seed: 3)
        #expect((order.indices(0) + order.indices(1)).sorted() == (0..<10).map { Int32($0) })
        #expect(order.indices(0) + order.indices(1) != order.indices(2) + order.indices(3))
    }

    @Test func anyStepCanBeAskedFor() {
        let order = BatchOrder(count: 7, batch: 3, seed: 3)
        let steps = (0..<20).map { order.indices($0) }
        #expect(
            (0..<20).reversed().map { BatchOrder(count: 7, batch: 3, seed: 3).indices($0) }
                == steps.reversed())
        #expect(BatchOrder(count: 7, batch: 3, seed: 4).indices(0) != steps[0])
        #expect(BatchOrder(count: 1, batch: 3, seed: 4).indices(5) == [0, 0, 0])
    }
}

@Suite struct MadeDataTests {
    @Test func picturesFollowFromTheSeed() {
        let (a, b) = (PictureSet.glyphs(20, seed: 1), PictureSet.glyphs(20, seed: 1))
        #expect(a.pictures.scalars() == b.pictures.scalars())
        #expect(a.pictures.scalars() != PictureSet.glyphs(20, seed: 2).pictures.scalars())
        #expect(a.labels.scalars(as: Int32.self).prefix(11).last == 0)
    }

    @Test(arguments: [PictureSet.glyphs(30), PictureSet.shapes(30)])
    func everyPictureShowsSomething(set: PictureSet) {
        let batch = set.batch((0..<30).map { Int32($0) })
        #expect(batch.pictures.shape == [30, set.height, set.width, set.channels])
        let ink = batch.pictures.mean(axes: [1, 2, 3]).scalars()
        #expect(ink.allSatisfy { $0 > 0.02 && $0 < 0.6 })
        #expect(batch.pictures.max().item() > 0.9 && batch.pictures.max().item() <= 1)
    }

    @Test(arguments: PlaneDensity.allCases)
    func densitiesStayInThePlane(density: PlaneDensity) {
        let points = density.points(1000, seed: 5)
        #expect(points.count == 2000 && points.allSatisfy { abs($0) < 5 })
        #expect(points == density.points(1000, seed: 5))
    }

    @Test func storiesDiffer() {
        let stories = Set((0..<200).map { Stories.story(seed: 1, number: $0) })
        #expect(stories.count > 195)
        #expect(Stories.text(3).contains("\n\n"))
        // Every gap of every sentence is filled.
        #expect(!Stories.text(1000).contains { "{}".contains($0) })
    }
}

@Suite struct PictureFeedTests {
    /// What a model of framed pictures makes loses the frame again, in the same place.
    @Test func framesGoAsTheyCame() throws {
        let plan = TrainingPlan(steps: 1, batch: 2)
        func feed(_ multiple: Int) throws -> PictureFeed {
            var settings = PictureFeed.Settings()
            settings.side = 27
            return try PictureFeed(
                RunData(nil), plan, settings, sidesMultipleOf: multiple, on: .cpu,
                otherwise: .digits(20))
        }
        let (plain, framed) = (try feed(1), try feed(32))
        let (expected, with) = (try plain.test.values, try framed.test.values)
        #expect(with.shape[1...] == [32, 32, 1])
        #expect(framed.facts.innerHeight == 27 && framed.facts.innerWidth == 27)
        #expect(framed.unframed(with).scalars() == expected.scalars())
        #expect(plain.unframed(expected).scalars() == expected.scalars())
    }
}
