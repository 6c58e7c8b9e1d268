"""`python -m docs.screens [NAME ...]`: make the pictures of docs/screens/ again, from a study that is run for it.

One function per picture; each is given the runs folder of an answered `lr_aug` on digits, and a fresh Chromium page.
"""

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from PIL import Image

from docs import screens_dashboard
from tests.search.browsers import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENS = Path(__file__).parent / "screens"
COLOURS = 128  # of a picture: pages are drawn in few, and a repository keeps every version


def report(runs: Path, page: "Page") -> bytes:
    """The report on a large screen: answer and first stage."""
    page.set_viewport_size({"width": 1240, "height": 1180})
    page.goto(_report_file(runs).as_uri())
    return page.screenshot()


def report_dark(runs: Path, page: "Page") -> bytes:
    """The test part of the report, on a dark page."""
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 1240, "height": 1000})
    page.goto(_report_file(runs).as_uri())
    return page.locator("#test").screenshot()


def report_narrow(runs: Path, page: "Page") -> bytes:
    """The same report on a telephone."""
    page.set_viewport_size({"width": 400, "height": 1400})
    page.goto(_report_file(runs).as_uri())
    return page.screenshot()


PICTURES: dict[str, Callable[[Path, "Page"], bytes]] = {
    "report": report,
    "report-dark": report_dark,
    "report-narrow": report_narrow,
    **screens_dashboard.PICTURES,
}


@click.command("screens")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--runs", type=click.Path(path_type=Path, exists=True), help="Of a study that is answered already.")
def main(names: tuple[str, ...], runs: Path | None) -> None:
    """Draw the pictures NAME (default: all of them)."""
    if unknown := [name for name in names if name not in PICTURES]:
        raise click.UsageError(f"no picture is called {unknown[0]}; there is: {', '.join(PICTURES)}")
    SCREENS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as fresh:
        folder = runs or _study(Path(fresh))
        for name in names or PICTURES:
            with chromium() as (page, complaints):
                picture = Image.open(io.BytesIO(PICTURES[name](folder, page))).convert("RGB")
            if complaints:
                raise click.ClickException(f"{name}: {complaints[0]}")
            file = SCREENS / f"{name}.png"
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
            click.echo(f"{file.relative_to(SCREENS.parent)}  {file.stat().st_size // 1024} KiB")
    if not names:
        live = SCREENS.parent / "figures" / "live.svg"
        subprocess.run([sys.executable, "-m", "benchmarks.live_picture", str(live)], check=True)
        click.echo(f"{live.relative_to(SCREENS.parent)}  {live.stat().st_size // 1024} KiB")


def _study(folder: Path) -> Path:
    runs = folder / "runs"
    line = [sys.executable, "-m", "search.launch", "--study", "lr_aug", "--runs", str(runs)]
    subprocess.run(line, check=True)
    return runs


def _report_file(runs: Path) -> Path:
    return runs.resolve() / (runs / "latest").read_text(encoding="utf-8").strip() / "report.html"


if __name__ == "__main__":
    main()
