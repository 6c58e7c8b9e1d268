"""The roles of a local PostgreSQL: one that owns the database, and one that only reads."""

from pathlib import Path

import psycopg
from psycopg import sql

from storage.cluster import Cluster
from storage.cluster_settings import ADMIN, DATABASE, LOOPBACK, OWNER, READER
from storage.password_files import first_line, password_of


def settle(cluster: Cluster, port: int, password_file: Path | None) -> None:
    """Make database and roles where they are missing, with the passwords that stand in the files.

    Passwords travel as scram verifiers, so that no log and no statistics view can hold one.
    """
    given = None if password_file is None else first_line(password_file)
    passwords = {
        OWNER: password_of(cluster.password_file(OWNER), OWNER, given),
        READER: password_of(cluster.password_file(READER), READER),
    }
    with connect(cluster, port, "postgres") as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role, password in passwords.items():
            verb = "ALTER" if role in known else "CREATE"
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            words = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}")
            connection.execute(words.format(sql.SQL(verb), sql.Identifier(role), sql.Literal(verifier.decode())))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
            make = "CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0"
            connection.execute(sql.SQL(make).format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
        only = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(DATABASE))
        connection.execute(only)
    with connect(cluster, port, DATABASE) as connection:
        owner, reader = sql.Identifier(OWNER), sql.Identifier(READER)
        for words in (
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(DATABASE), reader),
            sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(reader),
            sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(reader),
            sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA public GRANT SELECT ON TABLES TO {}").format(
                owner, reader
            ),
        ):
            connection.execute(words)


def connect(cluster: Cluster, port: int, database: str) -> psycopg.Connection:
    """A connection of the administrator, from this machine."""
    return psycopg.connect(
        host=LOOPBACK,
        port=port,
        dbname=database,
        user=ADMIN,
        password=password_of(cluster.password_file(ADMIN), ADMIN),
        connect_timeout=30,
        autocommit=True,
    )
