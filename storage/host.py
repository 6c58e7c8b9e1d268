"""Which host this is: SQLite's files may be written from one running kernel only."""

import platform
from pathlib import Path


def host_name() -> str:
    """The host's name, as people know it."""
    return platform.node() or "localhost"


def host_identity() -> str:
    """Name and, on Linux, the identity of the running kernel, which the containers of one host share."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{host_name()} {boot}".strip()


def same_host(one: str, other: str) -> bool:
    """Whether two identities are one host: the same name (rebooted), or the same kernel (another container)."""
    name, _, boot = one.partition(" ")
    other_name, _, other_boot = other.partition(" ")
    return name == other_name or (boot != "" and boot == other_boot)
