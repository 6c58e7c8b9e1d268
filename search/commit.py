"""Which commit of the code is running, when it runs from a checkout."""

import subprocess
from pathlib import Path

import search

KEY = "code/commit"  # of the measurement that keeps it with a study


def commit_here(root: Path | None = None) -> str | None:
    """The commit of the checkout at `root` (default: this code's), `-dirty` behind it where files differ; else None."""
    root = root or Path(search.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    line = ["git", "-c", "core.fsmonitor=false", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        told = subprocess.run(line, cwd=root, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip() or None if told.returncode == 0 else None
