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
        .library(name: "Files", targets: ["Files"]),
        .library(name: "Networks", targets: ["Networks"]),
        .library(name: "Transformers", targets: ["Transformers"]),
        .library(name: "Autoencoders", targets: ["Autoencoders"]),
        .library(name: "Adversarial", targets: ["Adversarial"]),
        .library(name: "Flows", targets: ["Flows"]),
        .library(name: "Diffusion", targets: ["Diffusion"]),
        .library(name: "Metrics", targets: ["Metrics"]),
        .library(name: "Text", targets: ["Text"]),
        .executable(name: "apus", targets: ["ApusCLI"]),
    ],
    targets: [
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(
            name: "CLAPACKE", pkgConfig: "lapacke", providers: [.apt(["liblapacke-dev"])]),
        .systemLibrary(name: "COpenCL", providers: [.apt(["opencl-headers"])]),
        .systemLibrary(
            name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(
            name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
        // libpng and libjpeg report errors by longjmp, which Swift cannot have.
        .target(name: "CPictures", dependencies: ["CPNG", "CJPEG"]),

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
                "cpu/block_search.inc",
                "cpu/cache.inc",
                "cpu/cache_attend.inc",
                "cpu/conv2d.inc",
                "cpu/conv2d_narrow.inc",
                "cpu/conv2d_tile.inc",
                "cpu/conv2d_weight.inc",
                "cpu/conv2d_weight_few.inc",
                "cpu/cross_entropy.inc",
                "cpu/depthwise.inc",
                "cpu/gemm_direct.inc",
                "cpu/gemm_pack.inc",
                "cpu/gemm_tile.inc",
                "cpu/group_norm.inc",
                "cpu/lanes.inc",
                "cpu/matmul_skinny.inc",
                "cpu/matmul_tiled.inc",
                "cpu/normalize.inc",
                "cpu/normalize_gradient.inc",
                "cpu/optimiser.inc",
                "cpu/peak.inc",
                "cpu/pool2d.inc",
                "cpu/products.inc",
                "cpu/quantized.inc",
                "cpu/quantized_exact.inc",
                "cpu/quantized_plain.inc",
                "cpu/quantized_rows.inc",
                "cpu/quantized_unpack.inc",
                "cpu/reduce.inc",
                "cpu/reduce_arg.inc",
                "cpu/resample.inc",
                "cpu/rope.inc",
                "cpu/rope_row.inc",
                "cpu/row_copy.inc",
                "cpu/softmax.inc",
                "cpu/sort.inc",
                "cpu/typed.inc",
                "cpu/vector.inc",
                "cpu/vector_math.inc",
                "cpu/winograd.inc",
            ],
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("dl"), .linkedLibrary("pthread")]),
        .target(name: "Tensors", dependencies: ["CApus"], swiftSettings: strict),
        .target(
            name: "Files", dependencies: ["Tensors", "CPictures", "CZlib"], swiftSettings: strict),
        .target(name: "Text", dependencies: ["Files", "CPCRE2"], swiftSettings: strict),

        .target(
            name: "Networks", dependencies: ["Tensors", "Files"], swiftSettings: strict),
        .target(
            name: "Metrics", dependencies: ["Networks", "Tensors", "Files"], swiftSettings: strict),
        .target(
            name: "Transformers", dependencies: ["Networks", "Text", "Tensors", "Files"],
            swiftSettings: strict),
        .target(
            name: "Autoencoders", dependencies: ["Networks", "Metrics", "Tensors", "Files"],
            swiftSettings: strict),
        .target(
            name: "Adversarial", dependencies: ["Networks", "Metrics", "Tensors", "Files"],
            swiftSettings: strict),
        .target(
            name: "Diffusion", dependencies: ["Networks", "Metrics", "Tensors", "Files"],
            swiftSettings: strict),
        .target(
            name: "Flows", dependencies: ["Networks", "Tensors", "Files"], swiftSettings: strict),

        .target(name: "Benchmarking", dependencies: ["Tensors", "Files"], swiftSettings: strict),
        // The small model that apus carries: `make story-model` trains it.
        .target(name: "CStory", exclude: ["story.gguf"]),
        .executableTarget(
            name: "ApusCLI",
            dependencies: [
                "CStory", "Tensors", "Files", "Networks", "Transformers", "Autoencoders",
                "Adversarial",
                "Flows", "Diffusion", "Metrics", "Text", "Benchmarking",
            ],
            swiftSettings: strict),

        // The case table, which the tests and the conformance runner share.
        .target(
            name: "Support",
            dependencies: [
                "Tensors", "Files", "Networks", "Transformers", "Autoencoders", "Adversarial",
                "Flows", "Diffusion", "Text",
            ],
            path: "Tests/Support", swiftSettings: strict),
        .executableTarget(
            name: "conformance", dependencies: ["Support", "Tensors", "Files"],
            path: "Tests/Conformance",
            swiftSettings: strict),
        .executableTarget(
            name: "fuzz", dependencies: ["Files", "Text", "Tensors", "Transformers"],
            path: "Tests/Fuzz", swiftSettings: strict),
        .testTarget(
            name: "TensorsTests", dependencies: ["Tensors", "Files", "Support"],
            swiftSettings: strict),
        .testTarget(
            name: "ApusCLITests",
            dependencies: [
                "ApusCLI", "Benchmarking", "Tensors", "Files", "Networks", "Text", "Support",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "NetworksTests", dependencies: ["Networks", "Tensors", "Files", "Support"],
            swiftSettings: strict),
        .testTarget(
            name: "DiffusionTests", dependencies: ["Diffusion", "Tensors", "Files", "Support"],
            swiftSettings: strict),
        .testTarget(
            name: "ModelsTests",
            dependencies: [
                "Transformers", "Autoencoders", "Adversarial", "Diffusion", "Flows", "Networks",
                "Tensors",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "TransformersTests",
            dependencies: ["Transformers", "Networks", "Text", "Files", "Tensors", "Support"],
            swiftSettings: strict),
        .testTarget(
            name: "MetricsTests", dependencies: ["Metrics", "Tensors", "Files"],
            swiftSettings: strict),
        .testTarget(name: "FilesTests", dependencies: ["Files", "Tensors"], swiftSettings: strict),
        .testTarget(
            name: "TextTests", dependencies: ["Text", "Files", "Support"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu2x
)
