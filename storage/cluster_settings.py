"""The two files that tell a local PostgreSQL how to run and whom to let in, written anew at every start."""

import ipaddress
from pathlib import Path

DATABASE, OWNER, READER, ADMIN = "ceteris", "ceteris", "ceteris_reader", "postgres"
EVERYBODY = ("0.0.0.0", "::", "*")
LOOPBACK = "127.0.0.1"
OWN_SETTINGS = "local.conf"

_SETTINGS = """\
# Written by `python -m storage.serve` at every start; settings of your own belong into {own}, which is read last.
listen_addresses = '{listen}'
port = {port}
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 200             # 120 workers with one each, launches, dashboards, some that are being replaced
superuser_reserved_connections = 5
shared_buffers = 128MB
max_wal_size = 512MB
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
tcp_keepalives_idle = 30          # a client that is gone gives its connection back within a minute
tcp_keepalives_interval = 10
tcp_keepalives_count = 3
include_if_exists = '{own}'
"""

_ACCESS = """\
# Written by `python -m storage.serve` at every start. Nobody comes in without a password, from this machine neither.
host all {admin} 127.0.0.1/32 scram-sha-256
host {database} {owner},{reader} {where} scram-sha-256
"""


def is_loopback(listen: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    if listen == "localhost":
        return True
    try:
        return ipaddress.ip_address(listen).is_loopback
    except ValueError:
        return False


def write(data: Path, listen: str, port: int) -> None:
    """Write both files. The server listens on loopback in any case, so that this machine can look after it."""
    places = listen if listen in (*EVERYBODY, LOOPBACK) else f"{LOOPBACK},{listen}"
    settings = _SETTINGS.format(listen="*" if listen in EVERYBODY else places, port=port, own=OWN_SETTINGS)
    where = "samehost" if is_loopback(listen) else "all"
    access = _ACCESS.format(admin=ADMIN, database=DATABASE, owner=OWNER, reader=READER, where=where)
    for name, text in (("postgresql.conf", settings), ("pg_hba.conf", access)):
        (data / name).write_text(text, encoding="utf-8")
