#!/bin/sh
# own_server.sh SERVER SWITCHBOARD PLUGIN: the server of another project serves, with a plugin, and drains.
set -eu
folder=$(mktemp -d)
mkfifo "$folder/output"
"$1" twice --listen "unix:$folder/own" --driver threads --plugin "$3" >"$folder/output" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
read -r line <"$folder/output"
case $line in
'listening on unix:'*'(twice, threads)') ;;
*) echo "printed: $line" >&2; exit 1 ;;
esac
reply=$("$2" exchange "unix:$folder/own" --text ab)
[ "$reply" = abab ] || { echo "replied: $reply" >&2; exit 1; }
kill "$server"
wait "$server"
