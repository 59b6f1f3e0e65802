#!/bin/sh
# Compiles every CPU kernel for aarch64 (NEON) with the toolchain's own clang, against the C library's headers of Debian's
# cross package libc6-dev-arm64-cross (on aarch64 itself, the native ones).
set -eu
headers=/usr/aarch64-linux-gnu/include
[ "$(uname -m)" != aarch64 ] || headers=/usr/include/aarch64-linux-gnu
[ -d "$headers" ] || { echo "aarch64: not checked, libc6-dev-arm64-cross is not installed"; exit 0; }
ls Sources/CApus/*.c Sources/CApus/cpu/*.c | xargs -P "$(nproc)" -n 4 \
    clang --target=aarch64-linux-gnu -std=gnu2x -O1 -Wall -Wextra -Werror -isystem "$headers" \
    -ISources/CApus/include -ISources/CApus/cpu -fsyntax-only
echo "aarch64: every kernel compiles"
