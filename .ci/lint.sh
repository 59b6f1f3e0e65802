#!/usr/bin/env bash
# What swift-format does not check: line lengths of C and kernels, file lengths, words that have no place here.
set -uo pipefail
status=0
say() { echo "$1" >&2; status=1; }

while IFS= read -r file; do
    awk -v f="$file" 'length($0) > 100 { printf "%s:%d: %d columns\n", f, NR, length($0); bad = 1 } END { exit bad }' \
        "$file" >&2 || status=1
done < <(git ls-files '*.c' '*.h' '*.inc' '*.cl')

while IFS= read -r file; do
    lines=$(wc -l < "$file")
    [ "$lines" -le 600 ] || say "$file: $lines lines, more than 600"
done < <(git ls-files '*.swift' '*.c' '*.h' '*.inc' '*.cl')

grep -nE 'try!|as!|fatalError\(|@unchecked' $(git ls-files 'Sources/*.swift') \
    | grep -vE 'Mistakes.swift|Storage.swift' && say 'Sources: try!, as!, fatalError or @unchecked outside their one place'
grep -nE 'TODO|FIXME|XXX' $(git ls-files Sources Kernels Tests Benchmarks) && say 'work left behind'
exit $status
