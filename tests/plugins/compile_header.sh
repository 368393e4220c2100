#!/usr/bin/env bash
# compile_header.sh FOLDER: plugin.h of that include folder compiles as C99 and as C++20, with gcc and clang.
set -euo pipefail
include=$1
tried=0
for compiler in gcc clang; do
    [[ $(command -v "$compiler") ]] || continue
    for language in "c -std=c99" "c++ -std=c++20"; do
        # shellcheck disable=SC2086 # the language and the standard are two words
        printf '#include <switchboard/plugin.h>\nsb_host host;\nsb_protocol protocol;\n' |
            "$compiler" -x $language -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$include" -
        tried=$((tried + 1))
    done
done
[[ $tried -eq 4 ]] || { echo "gcc or clang is missing: not all was checked"; exit 77; }
