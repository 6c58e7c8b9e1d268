"""The lines to type when the installed torch does not fit this machine."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

SELECTOR = "pytorch.org/get-started/locally"
ON_CPU = "to go on without the GPU, on purpose: --device cpu, or CETERIS_DEVICE=cpu in the environment"


def ways_to_cuda(system: str) -> tuple[str, ...]:
    """How to get a torch with CUDA: pip's own one on Linux, the one of the selector page on Windows."""
    if system == "Linux":
        return (f"type: {reinstall()}", ON_CPU)
    swap = f"torch=={pin('torch')} and torchvision=={pin('torchvision')} for torch and torchvision"
    return (
        f"open {SELECTOR}, choose {system}, Pip and CUDA; in the line shown write {swap}",
        f"run it with this Python, reinstalling: {python_command()} -m pip install --force-reinstall ...",
        ON_CPU,
    )


def reinstall() -> str:
    """pip's own torch and torchvision, the tested ones: on Linux the CUDA build."""
    pins = f"torch=={pin('torch')} torchvision=={pin('torchvision')}"
    return f"{python_command()} -m pip install --force-reinstall -c constraints.txt {pins}"


def python_command() -> str:
    """This Python as one types it: relative to the folder where possible, quoted where it must be."""
    program = Path(sys.executable)
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return subprocess.list2cmdline([str(program)]) if os.name == "nt" else shlex.quote(str(program))


def pin(package: str) -> str:
    """The tested version of a package, from the constraints file beside the code."""
    constraints = Path(__file__).resolve().parent.parent / "constraints.txt"
    text = constraints.read_text(encoding="utf-8") if constraints.exists() else ""
    found = re.search(rf"^{package}==(\S+)$", text, re.MULTILINE)
    return found[1] if found else "the version in constraints.txt"


def install() -> str:
    """Everything a search needs."""
    return f"{python_command()} -m pip install -r requirements.txt -c constraints.txt"
