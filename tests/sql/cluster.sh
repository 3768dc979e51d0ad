#!/bin/sh
# sh tests/sql/cluster.sh COMMAND…: runs COMMAND with PGHOST, PGUSER (superuser postgres, no password) and PGDATABASE of a throw-away
# cluster on a socket in a temporary folder; the exit status is the command's. 77 where PostgreSQL 15 or later is missing.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -n | tail -1)
[ -n "$bin" ] && [ -x "$bin/initdb" ] || { echo "skipped: PostgreSQL is not installed"; exit 77; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/pinwatch-sql.XXXXXX")
as=
if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || { echo "skipped: no user postgres to run a server as"; exit 77; }
    chown postgres "$folder"
    as="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
chmod 755 "$folder"
stop() {
    $as "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
$as "$bin/initdb" -D "$folder/data" -U postgres --auth=trust -E UTF8 --locale=C.UTF-8 -N >/dev/null
$as "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -o "-k $folder -c listen_addresses='' -c fsync=off" start >/dev/null
export PGHOST="$folder" PGUSER=postgres PGDATABASE=postgres
"$@"
