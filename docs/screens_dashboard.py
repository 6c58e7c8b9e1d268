"""The pictures of the dashboard for docs/screens.py: a real server, looked at in a real Chromium."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

DRAWN_MS = 2500  # for which Optuna's pages move after they are loaded


def studies(runs: Path, page: "Page") -> bytes:
    """All studies of the database."""
    page.set_viewport_size({"width": 1100, "height": 340})
    with served(runs) as address:
        page.goto(f"{address}/ceteris/")
        return _picture(page)


def stage(runs: Path, page: "Page") -> bytes:
    """The note of a stage."""
    page.set_viewport_size({"width": 1240, "height": 820})
    with served(runs) as address:
        _open(page, f"{address}/dashboard")
        page.click("text=lr_aug/2-loss")
        page.wait_for_url("**/dashboard/studies/*")
        page.goto(re.sub(r"(studies/\d+).*", r"\1/note", page.url))
        page.get_by_text("which loss?").wait_for()
        page.wait_for_timeout(DRAWN_MS)
        return _picture(page)


def trial(runs: Path, page: "Page") -> bytes:
    """A trial with its note, its attributes and its pictures."""
    page.set_viewport_size({"width": 1240, "height": 1240})
    with served(runs) as address:
        _open(page, f"{address}/dashboard/studies/2/trials?numbers=0")
        page.get_by_text("after the decay").first.wait_for()
        page.wait_for_function("[...document.images].filter(i => i.naturalWidth > 100).length >= 3")
        page.wait_for_timeout(DRAWN_MS)
        return _picture(page)


def mistakes(runs: Path, page: "Page") -> bytes:
    """The contact sheet of that trial."""
    with served(runs) as address:
        sheet = page.request.get(f"{address}/artifacts/2/5/1-5-3")
        assert sheet.ok, sheet.status
        return sheet.body()


def login(runs: Path, page: "Page") -> bytes:
    """What others see first."""
    page.set_viewport_size({"width": 760, "height": 460})
    with tempfile.TemporaryDirectory() as folder:
        password = Path(folder) / "password"
        password.write_text("correct horse battery", encoding="utf-8")
        with served(runs, "--password-file", str(password)) as address:
            page.goto(f"{address}/")
            page.fill("#password", "a guess")
            return _picture(page)


PICTURES: dict[str, Callable[[Path, "Page"], bytes]] = {
    "dashboard-studies": studies,
    "dashboard-stage": stage,
    "dashboard-trial": trial,
    "dashboard-mistakes": mistakes,
    "dashboard-login": login,
}


def _open(page: "Page", address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")


def _picture(page: "Page") -> bytes:
    """The page as it is; then it is left, for it would complain when its server ends."""
    picture = page.screenshot()
    page.goto("about:blank")
    return picture


@contextmanager
def served(runs: Path, *arguments: str) -> Iterator[str]:
    """The address of a dashboard that runs meanwhile."""
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8", suffix=".log") as log:
        command = [sys.executable, "-m", "search.dashboard", "--runs", str(runs), "--port", "0", *arguments]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            while True:
                found = re.search(r"http://[^/]+:\d+(?=/)", Path(log.name).read_text(encoding="utf-8"))
                if found:
                    break
                if process.poll() is not None:
                    raise RuntimeError(Path(log.name).read_text(encoding="utf-8"))
                time.sleep(0.2)
            yield found[0]
        finally:
            process.terminate()
            process.wait(60)
