"""Two servers on one machine: namespaces for network, host name and mounts, with a cable between them. Linux, root."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
NAMES = "gpu1", "gpu2"
ADDRESSES = "10.231.77.1", "10.231.77.2"
KEYS = Path.home() / ".ssh"  # of root; covered by a folder of our own, within the namespaces only


@dataclass(frozen=True)
class Server:
    """A namespace, a host name, and a clone of this repository in `home`."""

    name: str
    home: Path

    @property
    def netns(self) -> str:
        return f"ceteris-{self.name}"

    @property
    def keys(self) -> Path:
        return self.home.with_name("ssh")

    def line(self, *words: str) -> list[str]:
        inside = f'hostname "$0" && mount --bind "{self.keys}" {KEYS} && exec "$@"'
        apart = ["ip", "netns", "exec", self.netns, "unshare", "--uts", "--mount"]
        return [*apart, "sh", "-c", inside, self.name, *words]

    def environment(self) -> dict[str, str]:
        mine = {key: value for key, value in os.environ.items() if not key.startswith(("CETERIS_", "PG", "PYTHONPATH"))}
        return {**mine, "OMP_NUM_THREADS": "1", "CETERIS_CACHE": str(self.home.with_name("cache"))}

    def start(self, words: list[str], log: Path) -> "subprocess.Popen[bytes]":
        """`python words` in the clone; `log` takes what it says."""
        print(f"{self.name}$ python {' '.join(words)}"[:200], flush=True)
        with log.open("ab") as stream:
            return subprocess.Popen(
                self.line(sys.executable, *words), cwd=self.home, env=self.environment(), stdout=stream, stderr=stream
            )

    def say(self, *words: str) -> str:
        """What `python words` prints; it must succeed."""
        done = subprocess.run(
            self.line(sys.executable, *words),
            cwd=self.home,
            env=self.environment(),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{self.name}$ python {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout


@contextlib.contextmanager
def servers(place: Path) -> Iterator[list[Server]]:
    """Both, reaching each other by name and nobody else; gone afterwards."""
    found = [Server(name, place / name) for name in NAMES]
    made = not KEYS.exists()
    KEYS.mkdir(mode=0o700, exist_ok=True)
    found[0].keys.mkdir(mode=0o700)
    try:
        for server in found:
            subprocess.run(["git", "clone", "--quiet", "--depth", "1", HOME.as_uri(), server.home], check=True)
            _ip("netns", "add", server.netns)
            hosts = Path("/etc/netns", server.netns, "hosts")  # what `ip netns exec` shows as /etc/hosts
            hosts.parent.mkdir(parents=True, exist_ok=True)
            names = "".join(f"{address} {name}\n" for address, name in zip(ADDRESSES, NAMES, strict=True))
            hosts.write_text(f"127.0.0.1 localhost\n{names}", encoding="utf-8")
        _ip("link", "add", "ct0", "netns", found[0].netns, "type", "veth", "peer", "ct0", "netns", found[1].netns)
        for server, address in zip(found, ADDRESSES, strict=True):
            _ip("-n", server.netns, "addr", "add", f"{address}/24", "dev", "ct0")
            for device in ("lo", "ct0"):
                _ip("-n", server.netns, "link", "set", device, "up")
        yield found
    finally:
        for server in found:
            subprocess.run(["ip", "netns", "del", server.netns], capture_output=True, check=False)
            shutil.rmtree(Path("/etc/netns", server.netns), ignore_errors=True)
        if made:
            KEYS.rmdir()


@contextlib.contextmanager
def open_door(server: Server) -> Iterator[None]:
    """An ssh server that lets the other one in by a key, without a question."""
    keys = server.keys
    for name in ("id_ed25519", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / name], check=True)
    shutil.copy(keys / "id_ed25519.pub", keys / "authorized_keys")
    host = (keys / "host.pub").read_text(encoding="utf-8")
    (keys / "known_hosts").write_text(f"{server.name} {host}", encoding="utf-8")
    Path("/run/sshd").mkdir(exist_ok=True)
    settings = {
        "HostKey": f"{KEYS}/host",
        "ListenAddress": ADDRESSES[0],
        "AllowUsers": "root",
        "PasswordAuthentication": "no",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    door = subprocess.Popen(server.line(program, "-D", "-e", "-f", "/dev/null", *options), stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        door.terminate()
        door.wait(20)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
