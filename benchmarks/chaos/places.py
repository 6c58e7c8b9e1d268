"""Small file systems that can be filled, and a network of its own that can be cut off, where this account may."""

import ctypes
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


@dataclass(frozen=True)
class Disk:
    """A file system in memory."""

    folder: Path

    @classmethod
    def mount(cls, folder: Path, megabytes: int) -> "Disk | None":
        """None where this account may not mount."""
        folder.mkdir(parents=True, exist_ok=True)
        size = f"size={megabytes}m,mode=0755"
        return cls(folder) if _done("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)) else None

    def fill(self) -> None:
        with suppress(OSError), self._ballast.open("wb") as stream:
            while True:
                stream.write(bytes(65536))

    def clear(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        _done("umount", "-l", str(self.folder))

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@dataclass(frozen=True)
class Network:
    """A network namespace with one link to this host, which is seen from there as `host`."""

    name: str
    host: str

    @classmethod
    def make(cls) -> "Network | None":
        """None where this account may not make one."""
        row, place = divmod(os.getpid() % 2**14, 64)  # of the addresses that are set apart for benchmarks
        near, far = (f"198.18.{row}.{4 * place + end}" for end in (1, 2))
        name = f"chaos{os.getpid()}"
        made = cls(name, near)
        here, there = made._ends
        lines = (
            ("netns", "add", name),
            ("link", "add", here, "type", "veth", "peer", "name", there),
            ("link", "set", there, "netns", name),
            ("addr", "add", f"{near}/30", "dev", here),
            ("link", "set", here, "up"),
            ("-n", name, "addr", "add", f"{far}/30", "dev", there),
            ("-n", name, "link", "set", there, "up"),
            ("-n", name, "link", "set", "lo", "up"),
        )
        if all(_done("ip", *line) for line in lines):
            return made
        made.close()
        return None

    def cut(self) -> None:
        """Pull the cable: to either end the other has vanished, and nothing says so."""
        _done("ip", "link", "set", self._ends[0], "down")

    def mend(self) -> None:
        _done("ip", "link", "set", self._ends[0], "up")

    def close(self) -> None:
        _done("ip", "netns", "delete", self.name)

    @property
    def _ends(self) -> tuple[str, str]:
        return f"{self.name}a", f"{self.name}b"


def enter(network: str) -> None:
    """Put this process, as long as it has one thread, into the network of that name."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/run/netns/{network}").open("rb") as stream:
        if libc.setns(stream.fileno(), _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), f"cannot enter the network {network}")


def _done(*line: str) -> bool:
    with suppress(OSError):
        return subprocess.run(line, check=False, capture_output=True).returncode == 0
    return False
