#!/usr/bin/env bash
# fuzz.sh TARGET MINUTES FIXTURES: runs one target on examples from the golden files, inputs of up to LONGEST bytes (4096);
# ends with 1 if something was found.
set -euo pipefail
target=$1 minutes=$2 fixtures=$3
examples=.build/fuzz/examples/$target found=.build/fuzz/found/$target
mkdir -p "$examples" "$found"
case $target in
    gguf|model)    find "$fixtures" -name '*.gguf' -size -8 ;;
    safetensors)   find "$fixtures" -name '*.safetensors' -size -20k ;;
    tokenizer)     find "$fixtures" -path '*tokenizer*' -name '*.json' -size -8 ;;
    template)      find "$fixtures" -path '*chat/templates/*' -type f ;;
    sentencepiece) find "$fixtures" -name '*.model' -size -8 ;;
    json)          find "$fixtures" -name '*.json' -size -20k ;;
    imatrix)       find "$fixtures" -name '*.gguf' -size -20k ;;
esac | sort | while IFS= read -r file; do
    cp "$file" "$examples/$(echo "$file" | sha1sum | cut -c1-16)"
done
# Longer ones are cut to small whole ones.
python3 .ci/fuzz_seeds.py "$fixtures" .build/fuzz/cut
[ ! -d ".build/fuzz/cut/$target" ] || cp ".build/fuzz/cut/$target"/* "$examples"
# Executions and coverage are logged; a file is left with the bytes of each finding.
.build/fuzz/release/fuzz "$target" -max_total_time=$((minutes * 60)) -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$found/finding-" -verbosity=0 -max_len=${LONGEST:-4096} \
    "$found" "$examples" 2>&1 | tee ".build/fuzz/$target.log" | grep -E 'stat::|ERROR|SUMMARY|Fatal' || true
! ls "$found"/finding-* > /dev/null 2>&1
