#!/bin/sh
# Run once by the database's own first start: the role of the dashboard, which can read and nothing else.
set -eu
password=$(cat "${READER_PASSWORD_FILE:-/run/secrets/reader_password}")
psql --set=ON_ERROR_STOP=1 --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set=password="$password" \
    --set=owner="$POSTGRES_USER" --set=database="$POSTGRES_DB" <<'SQL'
SET password_encryption = 'scram-sha-256';
CREATE ROLE ceteris_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO ceteris_reader;
GRANT USAGE ON SCHEMA public TO ceteris_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO ceteris_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT ON TABLES TO ceteris_reader;
ALTER ROLE ceteris_reader SET default_transaction_read_only = on;
SQL
