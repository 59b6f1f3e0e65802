// swift-tools-version: 6.2
import PackageDescription

// CApus ← Tensors ← { Networks, Files, Text } ← model families ← Serving ← ApusCLI

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "Apus",
    products: [
        .library(name: "Tensors", targets: ["Tensors"]),
    ],
    targets: [
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CLAPACKE", pkgConfig: "lapacke", providers: [.apt(["liblapacke-dev"])]),
        .systemLibrary(name: "COpenCL", providers: [.apt(["opencl-headers"])]),

        .target(
            name: "CApus",
            dependencies: ["COpenBLAS", "CLAPACKE", "COpenCL"],
            exclude: [
                "cpu/attention.inc",
                "cpu/attention_backward.inc",
                "cpu/attention_bf16.inc",
                "cpu/attention_decode.inc",
                "cpu/attention_softmax.inc",
                "cpu/attention_tile.inc",
                "cpu/gemm_tile.inc",
                "cpu/group_norm.inc",
                "cpu/lanes.inc",
                "cpu/matmul.inc",
                "cpu/normalize.inc",
                "cpu/normalize_gradient.inc",
                "cpu/pool2d.inc",
                "cpu/reduce.inc",
                "cpu/resample.inc",
                "cpu/rope.inc",
                "cpu/row_copy.inc",
                "cpu/softmax.inc",
                "cpu/typed.inc",
                "cpu/vector.inc",
                "cpu/vector_math.inc",
            ],
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("dl"), .linkedLibrary("pthread")]),
        .target(name: "Tensors", dependencies: ["CApus"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu2x
)
