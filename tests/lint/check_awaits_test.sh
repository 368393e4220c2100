#!/usr/bin/env bash
# Runs cmake/check-awaits on planted expressions. Those that gcc 12 compiles wrongly are reported, others not.
set -euo pipefail
check=$(cd "$(dirname "$0")/../.." && pwd)/cmake/check-awaits
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() { echo "check_awaits_test: $1" >&2; exit 1; }
# refused TEXT CODE: checks that the code is reported with TEXT.
refused() {
    local said
    printf '%s\n' 'Task<> f(Stream& s) {' "$2" '}' >"$folder/planted.cpp"
    if said=$("$check" "$folder/planted.cpp"); then fail "passed: $2"; fi
    [[ $said == *"planted.cpp:"*"$1"* ]] || fail "said '$said' of: $2"
}
passed() {
    printf '%s\n' 'Task<> f(Stream& s) {' "$1" '}' >"$folder/planted.cpp"
    "$check" "$folder/planted.cpp" || fail "refused: $1"
}

refused 'a lambda' 'co_await call(s, [big] { return big.size(); });'
refused 'a lambda' $'const int x = co_await call(\n    s, [big] { return 1; });'
refused 'a lambda' 'co_await [big](Stream& t) -> Task<> { co_return; }(s);'
refused 'an aggregate' 'const int x = co_await f(s, {.name = big, .n = 1});'
refused 'an aggregate' $'co_await f(s,\n    Options{.name = big});'
refused '?:' 'const auto x = c ? co_await f(s) : std::string();'
refused '?:' 'co_return co_await f(s, c ? a : b);'
refused 'declares no variable' 'if (co_await more(s)) ++k;'
refused 'declares no variable' 'if (!co_await more(s)) co_return;'
refused 'declares no variable' 'while ((co_await s.read_some()).has_value()) ++k;'
refused 'declares no variable' 'do ++k; while (co_await more(s));'
refused 'declares no variable' 'for (; co_await more(s);) ++k;'
refused 'declares no variable' 'switch (co_await kind(s)) { default: break; }'

passed 'while (const auto in = co_await s.read_some()) s.write(*in);'
passed 'for (char c : co_await text_of(s)) use(c);'
passed 'for (int i = 0; i < 3; ++i) co_await s.sleep_for(1s);'
passed 'if (!s.write(block)) co_await s.drain();'
passed 'const bool more = co_await next(s); if (!more) co_return;'
passed 'const auto session = [&](Stream& t) -> Task<> { co_await t.wait(); }; co_await use(s, session);'
passed 'std::string all = table[i] + text_of(co_await s.read_exactly(sizes[1]));'
passed '// if (co_await more(s)) and co_await f([big] {}) in a comment'
passed 'log += "co_await [x] { ?"; co_await when_all(a(s), b(s));'
passed 'const int x = c ? 1 : 2; co_await s.sleep_for(1s * x);'
