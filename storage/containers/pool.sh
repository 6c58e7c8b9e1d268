#!/bin/sh
# PgBouncer in transaction mode in front of the database: many workers on few connections of the server.
# Its files are written into /run/pool (memory) when it starts, from the mounted secrets.
set -eu
umask 077
folder=${POOL_FOLDER:-/run/pool}
password=$(cat "${DB_PASSWORD_FILE:-/run/secrets/db_password}")
mkdir -p "$folder"
# A quotation mark in the password is written twice, as in every userlist.
escaped=$(printf '%s' "$password" | sed 's/"/""/g')
printf '"%s" "%s"\n' "${DB_USER:-ceteris}" "$escaped" > "$folder/userlist.txt"
cat > "$folder/pgbouncer.ini" <<INI
[databases]
${DB_NAME:-ceteris} = host=${DB_HOST:-db} port=${DB_PORT:-5432}
[pgbouncer]
listen_addr = ${POOL_LISTEN:-0.0.0.0}
listen_port = ${POOL_PORT:-6432}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/userlist.txt
pool_mode = transaction
default_pool_size = ${POOL_SIZE:-20}
max_client_conn = ${POOL_CLIENTS:-500}
server_reset_query = DISCARD ALL
ignore_startup_parameters = extra_float_digits
logfile =
pidfile =
INI
exec pgbouncer "$folder/pgbouncer.ini"
