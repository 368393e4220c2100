#!/bin/sh
# own_server.sh SERVER SWITCHBOARD PLUGIN FOLDER: the server of another project serves, with a plugin, and drains.
set -eu
"$1" twice --listen "unix:$4/own" --driver threads --plugin "$3" >"$4/own.out" &
pid=$!
until grep -q '^listening on unix:.*(twice, threads)$' "$4/own.out"; do kill -0 $pid; done
test "$("$2" exchange "unix:$4/own" --text ab)" = abab
kill $pid
wait $pid
