"""How results are written down: a header that names the machine, and Markdown tables for docs/BENCHMARKS.md."""

import datetime
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from benchmarks.rounds import ROOT

PACKAGES = ("torch", "timm", "optuna", "ray")


def header(device: str, cores: int) -> str:
    """One paragraph: date, commit, processor, cores, device with its driver, versions."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    where = "CPU" if device == "cpu" else _gpu()
    return (
        f"{datetime.datetime.now(datetime.UTC).date().isoformat()}, commit {_commit()}; {_processor()}, {cores} cores "
        f"used of {os.cpu_count()}; device {where}; Python {platform.python_version()}, {versions}."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    try:
        asked = (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        commit, changed = (
            subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for words in asked
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes" if changed else commit


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _gpu() -> str:
    """By torch and the driver, asked only when a GPU is measured."""
    import torch

    from search.machine import look_at_cards

    cards, _ = look_at_cards()
    driver = f", driver {cards[0].driver}" if cards else ""
    return f"{torch.cuda.get_device_name()}{driver}, CUDA {torch.version.cuda}"
