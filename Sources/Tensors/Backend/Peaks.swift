/// What a device can do at most, measured. Rates are a second: operations (a multiply-add is two) or bytes.
package struct Peaks: Sendable {
    /// A level of the memory, for working sets up to a size.
    package struct Memory: Sendable {
        package let name: String
        /// The largest working set of all threads that it serves.
        package let bytes: Double
        package let read: Double
        /// Reads and writes together, at their best mixture.
        package let copy: Double

        package init(name: String, bytes: Double, read: Double, copy: Double) {
            (self.name, self.bytes, self.read, self.copy) = (name, bytes, read, copy)
        }
    }

    /// For f32, bf16 and i8; bf16 where a product of it is what the device is fastest at.
    package var operations: [DType: Double] = [:]
    /// From the nearest to the main memory.
    package var memories: [Memory] = []
    package var write = 0.0
    package var triad = 0.0
    /// Seconds from asking for an empty piece of work until it is done.
    package var launch = 0.0
    /// Bytes a second from the host to the device and back; nil where the host's memory is the device's.
    package var upload: Double?
    package var download: Double?

    package init() {}

    /// The rate for products of a type: what is not listed is computed as f32.
    package func operations(for dtype: DType) -> Double {
        operations[dtype] ?? operations[dtype == .f16 ? .bf16 : .f32] ?? operations[.f32] ?? 0
    }

    /// The memory that serves a working set: the nearest that holds it.
    package func memory(for workingSet: Double) -> Memory? {
        memories.first { workingSet <= $0.bytes } ?? memories.last
    }
}

extension Device {
    /// Measures the device's peaks, each figure for about so many seconds.
    package func measuredPeaks(seconds: Double) -> Peaks {
        (backend as? any PeakMeasuring)?.measuredPeaks(seconds: seconds) ?? Peaks()
    }
}

/// A backend that can measure its own roofs.
package protocol PeakMeasuring {
    func measuredPeaks(seconds: Double) -> Peaks
}

/// A backend whose device has a clock of its own.
package protocol DeviceClock {
    /// Seconds that the device worked on what the body enqueued; negative if it does not tell.
    func deviceSeconds(_ body: () -> Void) -> Double
}

extension Device {
    /// Seconds that the device worked on what the body enqueued, by its own clock; nil where it has none.
    package func deviceSeconds(_ body: () -> Void) -> Double? {
        guard let seconds = (backend as? any DeviceClock)?.deviceSeconds(body), seconds > 0 else {
            return nil
        }
        return seconds
    }
}
