"""Where the database of a database job is, in a file of a folder that every node sees."""

import json
import socket
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

FILE, DUMP = "address.json", "ceteris.dump"


@dataclass(frozen=True)
class Address:
    """One run of the database. `open`: workers may use it. `folder` holds the data, on that host's own disk; `dumped`:
    the dump beside this file holds all of it. `life` tells one run from the next."""

    host: str
    port: int
    folder: str
    life: str
    job: str
    open: bool = True
    dumped: bool = False

    @classmethod
    def read(cls, shared: Path) -> "Address | None":
        try:
            return cls(**json.loads((shared / FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def publish(self, shared: Path) -> None:
        """Write it whole or not at all."""
        part = shared / f".{FILE}-{uuid.uuid4().hex}.part"
        part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        part.replace(shared / FILE)

    @property
    def here(self) -> bool:
        return self.host == socket.gethostname()

    def password_file(self, shared: Path) -> Path:
        """Of this run alone: whoever worked on an earlier one, whose last minutes may be lost, cannot write here."""
        return shared / f"{self.life}.pgpass"

    def url(self, shared: Path) -> str:
        """It names the password's file, which only its owner can read."""
        file = quote(self.password_file(shared).as_posix())
        return f"postgresql://ceteris@{self.host}:{self.port}/ceteris?passfile={file}"
