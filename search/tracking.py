"""wandb as a launch sees it: a process of its own that follows the database, or nothing at all.

Training never meets wandb: no worker imports it, none waits for it. The tracking process reads what the workers have
written down anyway; when it is slow, dies, or cannot reach its server, the study does not notice (docs/wandb.md).
"""

import contextlib
import netrc
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from search.fleet import found_anywhere
from search.folder import RunFolder
from search.study import Study

CLOSE_SECONDS = 30.0
OFFERED = ".wandb-offered"
# What would make every run of ours into one and the same, or send it elsewhere than was asked for.
NOT_PASSED_ON = ("MODE", "DISABLED", "RUN_ID", "RESUME", "NAME", "RUN_GROUP", "TAGS", "JOB_TYPE", "DIR", "SWEEP_ID")


@dataclass(frozen=True)
class Wanted:
    """What a launch was asked for; `mode` None: nothing was said, so nothing is tracked."""

    mode: Literal["off", "offline", "online"] | None
    layout: Literal["pair", "single"]
    project: str
    share_images: bool


class Tracking(Protocol):
    def start(self) -> None: ...

    def news(self) -> list[str]:
        """What there is to say since last asked, a line each."""
        ...

    def close(self) -> list[str]:
        """Let it finish, for a bounded time; what there is to say."""
        ...

    def kept(self) -> str | None:
        """Where runs lie that have not been sent, and the command that sends them."""
        ...


class NoTracking:
    def start(self) -> None:
        pass

    def news(self) -> list[str]:
        return []

    def close(self) -> list[str]:
        return []

    def kept(self) -> str | None:
        return None


class WandbTracking:
    """`data`: the command-line words that open the data, for --share-images."""

    def __init__(self, wanted: Wanted, study: Study, url: str, folder: RunFolder, data: Sequence[str]) -> None:
        self._wanted, self._study, self._url, self._folder, self._data = wanted, study, url, folder, data
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader: threading.Thread | None = None
        self._cut_short = False

    def start(self) -> None:
        """Start the process; when that fails it is told, and nothing else happens."""
        wanted = self._wanted
        words = ["--name", self._study.name, "--folder", str(self._folder.path), "--mode", str(wanted.mode)]
        words += ["--layout", wanted.layout, "--project", wanted.project, *self._data]
        words += ["--share-images"] if wanted.share_images else []
        passed = {name: value for name, value in os.environ.items() if name.removeprefix("WANDB_") not in NOT_PASSED_ON}
        environment = {**passed, **found_anywhere(), "CETERIS_STORAGE": self._url, "WANDB_SILENT": "true"}
        alone = 0x200 if os.name == "nt" else 0  # CREATE_NEW_PROCESS_GROUP: Ctrl-C is the launch's
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "search.track", *words],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    creationflags=alone,
                    start_new_session=os.name != "nt",
                )
        except OSError as error:
            self._lines.put(f"wandb: its process cannot be started ({error.strerror}); the study goes on untracked")
            return
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="wandb-lines", daemon=True)
        self._reader.start()

    @property
    def log(self) -> Path:
        return self._folder.logs / f"wandb-{os.getpid()}.log"

    def news(self) -> list[str]:
        lines = []
        while not self._lines.empty():
            lines.append(self._lines.get())
        return lines

    def close(self) -> list[str]:
        process, self._process = self._process, None
        if process is None:
            return self.news()
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._cut_short = True
            self._lines.put(f"wandb: not all was sent within {CLOSE_SECONDS:.0f} s, the rest is kept here")
            process.kill()
            process.wait()
        if self._reader:
            self._reader.join(1.0)
        return self.news()

    def kept(self) -> str | None:
        place = self._folder.path / "wandb"
        kinds = ["offline-run-*", "run-*"] if self._cut_short else ["offline-run-*"]
        paths = " ".join(_quoted(place / kind) for kind in kinds if any(place.glob(kind)))
        return f"wandb runs are kept in {place}; this sends them:\n  python -m wandb sync {paths}" if paths else None

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stdout or ():
            self._lines.put(line.decode("utf-8", "replace").strip())
        if (code := process.wait()) and not self._cut_short:
            self._lines.put(f"wandb: its process ended with exit code {code} (see {self.log}); the study goes on")


def tracking(wanted: Wanted, study: Study, url: str, folder: RunFolder, data: Sequence[str]) -> Tracking:
    if wanted.mode in (None, "off"):
        return NoTracking()
    return WandbTracking(wanted, study, url, folder, data)


def offer(wanted: Wanted, runs: Path) -> str | None:
    """One line for a terminal, once per runs folder: a login of wandb is there and not used. Else None."""
    mark = runs / OFFERED
    if wanted.mode is not None or not sys.stdout.isatty() or mark.exists() or not has_login():
        return None
    with contextlib.suppress(OSError):
        mark.touch()
    return "wandb: you are logged in on this machine; --wandb online tracks the study there (said once)"


def has_login() -> bool:
    """Whether wandb would find an API key here; nothing of it is imported, asked or told."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    site = urlsplit(os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai").netloc
    with contextlib.suppress(OSError, RuntimeError, netrc.NetrcParseError):
        files = [os.environ.get("NETRC"), Path.home() / ".netrc", Path.home() / "_netrc"]
        for file in files:
            if file and Path(file).is_file():
                return netrc.netrc(str(file)).authenticators(site) is not None
    return False


def in_short(error: BaseException) -> str:
    """An error in one line of bounded length, without the key of the account."""
    text = " ".join(str(error).split()) or type(error).__name__
    if key := os.environ.get("WANDB_API_KEY"):
        text = text.replace(key, "***")
    return text if len(text) <= 160 else f"{text[:157]}..."


def _quoted(path: Path) -> str:
    """For a shell that expands the star."""
    text = str(path)
    return text if " " not in text else f'"{path.parent}"{os.sep}{path.name}'
