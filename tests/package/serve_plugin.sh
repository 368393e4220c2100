#!/bin/sh
# serve_plugin.sh SWITCHBOARD PROTOCOL PLUGIN: serves a protocol that answers in upper case, until a client has its reply.
set -eu
folder=$(mktemp -d)
mkfifo "$folder/output"
"$1" serve "$2" --plugin "$3" >"$folder/output" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
read -r line <"$folder/output"
endpoint=${line#listening on }
reply=$("$1" exchange "${endpoint%% *}" --end line --text 'hello
')
[ "$reply" = HELLO ] || { echo "replied: $reply" >&2; exit 1; }
kill "$server"
wait "$server"
