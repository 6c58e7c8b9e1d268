"""A picture of the live view for the documents: a real launch on a pseudo-terminal of 80 x 24, after a while.

    python -m benchmarks.live_picture docs/figures/live.svg --runs-ended 40

Not on Windows, which has no pseudo-terminals of this kind.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

WIDTH, HEIGHT = 80, 24
FRAME = "\x1b[H"  # every frame begins at the upper left corner
ROOT = Path(__file__).resolve().parents[1]
COMMAND = ["-m", "search.launch", "--study", "lr_aug", "--set", "patience=3", "--workers", "2"]


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--runs-ended", default=40, help="Take the picture when so many runs have ended.")
def main(target: Path, runs_ended: int) -> None:
    """Launch the study on the digits, wait, and write TARGET (SVG)."""
    with tempfile.TemporaryDirectory() as home:
        frame = frame_of_a_launch(Path(home), runs_ended)
    target.write_text(as_svg(frame, " ".join(["python", *COMMAND])), encoding="utf-8")


def frame_of_a_launch(home: Path, runs_ended: int) -> str:
    """The first frame, with its colours, that counts as many ended runs. Raises RuntimeError when the launch ends."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)}
    launch = subprocess.Popen(
        [sys.executable, *COMMAND], stdin=theirs, stdout=theirs, stderr=theirs, cwd=home, env=environment
    )
    os.close(theirs)
    told = ""
    try:
        while True:
            try:
                told += os.read(ours, 65536).decode("utf-8", "replace")
            except OSError:
                raise RuntimeError("the launch ended before the picture was taken") from None
            *_, whole, _begun = ["", "", *told.split(FRAME)]
            ended = re.search(r"(\d+) of at most", whole)
            if ended and int(ended[1]) >= runs_ended:
                return whole
            told = told[-200_000:]
    finally:
        launch.terminate()
        launch.wait()
        os.close(ours)


def as_svg(frame: str, title: str) -> str:
    """A frame with its colour codes as a picture that asks no server for anything."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, height=HEIGHT, file=nowhere, force_terminal=True)
        for line in frame.replace("\r", "").split("\n")[:HEIGHT]:
            console.print(Text.from_ansi(line), no_wrap=True, crop=True)
        svg = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    main()
