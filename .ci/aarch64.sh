#!/bin/sh
# Compiles every CPU kernel for aarch64 (NEON) with the toolchain's own clang. The C library's headers come from
# Debian's cross package where it is installed; otherwise the native ones serve, which is enough for these sources.
set -eu
clang=$(command -v clang || true)
[ -n "$clang" ] || { echo "aarch64: no clang here, not checked"; exit 0; }
sysroot=/usr/aarch64-linux-gnu/include
[ -d "$sysroot" ] || sysroot=/usr/include/$(uname -m)-linux-gnu
for source in Sources/CApus/*.c Sources/CApus/cpu/*.c; do
    "$clang" --target=aarch64-linux-gnu -std=gnu2x -O1 -Wall -Wextra -Werror -isystem "$sysroot" -isystem /usr/include \
        -ISources/CApus/include -ISources/CApus/cpu -fsyntax-only "$source"
done
echo "aarch64: every kernel compiles"
