#!/usr/bin/env bash
# Writes bundle/ and apus-bundle.tar.gz: apus, its conformance runner with the fixtures, and every shared library that they
# need, save the C library and the GPU driver. It runs on another x86-64 Linux host; bundle/check says whether it does.
set -euo pipefail

# Libraries are looked for beside the program first; the old tag, because it also holds for libraries of libraries.
flags=(-c release --static-swift-stdlib -Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker '$ORIGIN/lib'
    --scratch-path .build/bundle)
swift build "${flags[@]}" --product apus
swift build "${flags[@]}" --product conformance
built=$(swift build "${flags[@]}" --show-bin-path)

rm -rf bundle && mkdir -p bundle/lib
cp "$built/apus" "$built/conformance" bundle/
cp -r Tests/Fixtures bundle/fixtures
strip bundle/apus bundle/conformance

# What belongs to the host: the C library and its parts, and the loader.
host='^(libc|libm|libdl|librt|libpthread|libresolv|ld-linux-x86-64)\.so'
ldd bundle/apus bundle/conformance | awk '$2 == "=>" && $3 ~ "^/" {print $3}' | sort -u | while read -r library; do
    [[ $(basename "$library") =~ $host ]] || cp -L "$library" bundle/lib/
done

cat > bundle/check <<'EOF'
#!/usr/bin/env bash
# Checks this host: the golden cases and a short benchmark on every device, as JSON lines in results/.
# APUS_OPENCL_LIBRARY=/path/to/libOpenCL.so names a driver in an unusual place.
set -uo pipefail
cd "$(dirname "$0")" && mkdir -p results
failed=0
./apus devices || { echo "apus does not start here: it needs glibc as new as on the host that built it, and /proc"; exit 1; }
for device in cpu opencl:0; do
    name=${device%%:*}
    ./apus devices --json - | grep -q "\"$device\"" || { echo "no $device here, nothing checked on it"; continue; }
    ./conformance fixtures --device "$device" --json "results/conformance-$name.jsonl" || failed=1
    ./apus bench --device "$device" --json "results/bench-$name.jsonl" --html "results/bench-$name.html" || failed=1
done
exit $failed
EOF
chmod +x bundle/check
tar czf apus-bundle.tar.gz bundle
size=$(du -m apus-bundle.tar.gz | cut -f1)
echo "bundle/ and apus-bundle.tar.gz ($size MB)"
[ "$size" -lt 60 ] || { echo "bundle: $size MB is more than 60" >&2; exit 1; }
