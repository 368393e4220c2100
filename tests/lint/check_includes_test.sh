#!/usr/bin/env bash
# Runs cmake/check-includes on a small tree. An include that goes down passes; one that goes up is reported.
set -euo pipefail
check=$(cd "$(dirname "$0")/../.." && pwd)/cmake/check-includes
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$tree"
git init -q .
mkdir -p cmake part/src/low part/src/high
printf '%s\n' 'part/src/low' 'part/src/high part/src/low' 'limit part/src 2' > cmake/includes.txt
echo '#pragma once' > part/src/low/low.hpp
echo '#include "low/low.hpp"' > part/src/high/high.hpp

fail() { echo "check_includes_test: $1" >&2; exit 1; }
# refused TEXT: checks that check-includes fails, and that its output contains TEXT.
refused() {
    local said
    if said=$("$check" "$tree"); then fail "passed, but should say: $1"; fi
    [[ $said == *"$1"* ]] || fail "said '$said' instead of: $1"
}

"$check" "$tree" || fail 'an include that goes down was refused'
echo '#include "high/high.hpp"' > part/src/low/planted.cpp
refused 'part/src/low/planted.cpp:1: part/src/low may not include part/src/high (high/high.hpp)'
echo > part/src/low/planted.cpp
echo > part/src/low/third.cpp
refused 'part/src/low: 3 files, and at most 2 are allowed'
rm part/src/low/third.cpp
printf '%s\n' 'part/src/low part/src/high' 'part/src/high' > cmake/includes.txt
refused 'part/src/low may not include part/src/high: it is not listed above'
