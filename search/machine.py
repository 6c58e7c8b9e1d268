"""What this machine is: cores, memory, disk, NVIDIA cards, and the torch that is installed. Looks, and judges nothing.

No network. torch is imported inside `look_at_torch` only, and no CUDA context is made: a card's memory stays free.
"""

import csv
import math
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

SMI_FIELDS = "index,uuid,name,driver_version,memory.total,memory.used,utilization.gpu,compute_cap"
MIB = 2**20


@dataclass(frozen=True)
class Card:
    """One NVIDIA card as its driver reports it; memory in bytes, load in percent, None where it does not say."""

    index: int
    uuid: str
    name: str
    driver: str
    memory: int | None
    used: int | None
    load: int | None
    capability: tuple[int, int] | None

    @property
    def free(self) -> int | None:
        return None if self.memory is None or self.used is None else self.memory - self.used

    @property
    def busy(self) -> bool:
        """Somebody else computes here: a quarter of the memory in use, or a quarter of the time."""
        crowded = self.memory is not None and self.used is not None and 4 * self.used > self.memory
        return crowded or (self.load or 0) > 25


@dataclass(frozen=True)
class Torch:
    """The installed torch: what it is built for (`cuda`, `hip`; None: not), and the architectures it has code for."""

    version: str
    cuda: str | None = None
    hip: str | None = None
    architectures: tuple[str, ...] = ()
    devices: int = 0  # how many cards torch itself can use
    complaint: str = ""  # what torch warned while it looked for cards
    error: str = ""  # why torch or torchvision cannot be imported


def run_smi(arguments: list[str]) -> subprocess.CompletedProcess[str] | None:
    """nvidia-smi's answer, or None where there is none; TimeoutExpired after 5 s (a hung driver)."""
    program = shutil.which("nvidia-smi")
    if program is None:
        wsl = Path("/usr/lib/wsl/lib/nvidia-smi")
        program = str(wsl) if wsl.exists() else None
    if program is None:
        return None
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=5
    )


Smi = Callable[[list[str]], subprocess.CompletedProcess[str] | None]


def look_at_cards(smi: Smi = run_smi) -> tuple[tuple[Card, ...], str]:
    """The NVIDIA cards of this machine, in PCI bus order, and what nvidia-smi complains of ('': nothing)."""
    try:
        answer = smi([f"--query-gpu={SMI_FIELDS}", "--format=csv,noheader,nounits"])
    except subprocess.TimeoutExpired:
        return (), "nvidia-smi does not answer within 5 s"
    except OSError as error:
        return (), f"nvidia-smi cannot be started: {error}"
    if answer is None:
        return (), ""
    if answer.returncode != 0:
        said = " ".join((answer.stdout + " " + answer.stderr).split())
        return (), "" if "No devices were found" in said else said or f"nvidia-smi ends with {answer.returncode}"
    rows = [[cell.strip() for cell in row] for row in csv.reader(answer.stdout.splitlines())]
    return tuple(_card(row) for row in rows if len(row) == len(SMI_FIELDS.split(","))), ""


def _card(row: list[str]) -> Card:
    index, uuid, name, driver, total, used, load, capability = row
    major, _, minor = capability.partition(".")
    return Card(
        int(index),
        uuid,
        name,
        driver,
        memory=int(total) * MIB if total.isdigit() else None,
        used=int(used) * MIB if used.isdigit() else None,
        load=int(load) if load.isdigit() else None,
        capability=(int(major), int(minor)) if major.isdigit() and minor.isdigit() else None,
    )


def visible(cards: tuple[Card, ...], environment: Mapping[str, str]) -> tuple[Card, ...]:
    """The cards that CUDA_VISIBLE_DEVICES leaves, in its order; as in CUDA, the first unknown entry ends the list."""
    asked = environment.get("CUDA_VISIBLE_DEVICES")
    if asked is None:
        return cards
    chosen: list[Card] = []
    for entry in (part.strip() for part in asked.split(",")):
        named = [c for c in cards if (entry == str(c.index)) or (entry.startswith("GPU-") and c.uuid.startswith(entry))]
        if entry.startswith("MIG-"):
            named = list(cards[:1])  # a slice of a card: which one only the driver knows
        if not named:
            break
        chosen.append(named[0])
    return tuple(chosen)


def mps_runs(environment: Mapping[str, str]) -> bool:
    """Whether NVIDIA's Multi-Process Service is started where CUDA looks for it (`nvidia-cuda-mps-control -d`)."""
    return Path(environment.get("CUDA_MPS_PIPE_DIRECTORY") or "/tmp/nvidia-mps", "control").exists()


def look_at_torch() -> Torch:
    """Imports torch and torchvision (about 2.5 s the first time) and asks what they can use."""
    version = installed("torch")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            import torch
            import torchvision  # noqa: F401  a build that does not match torch's fails here

            # Counted, not opened: asking for a name would initialise CUDA in a process that only starts workers.
            count = torch.cuda.device_count() if torch.cuda.is_available() else 0
            complaint = " ".join(" ".join(str(w.message) for w in caught if "CUDA" in str(w.message)).split())
            return Torch(
                str(torch.__version__),
                torch.version.cuda,
                torch.version.hip,
                tuple(torch.cuda.get_arch_list()) if torch.version.cuda else (),
                count,
                complaint,
            )
    except Exception as error:  # noqa: BLE001  a broken build fails in many ways; all of them are to be named
        return Torch(version or "missing", error=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def installed(package: str) -> str | None:
    """The version of an installed package, without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def cores() -> int:
    """CPU cores this process may use: its affinity, and a container's share, whichever is less."""
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota, _, period = _cgroup("cpu.max").partition(" ")
    share = math.ceil(int(quota) / int(period)) if quota.isdigit() and period.isdigit() else allowed
    return max(1, min(allowed, share))


def free_memory() -> int:
    """Bytes of main memory that can be had without swapping, within a container's limit."""
    available = psutil.virtual_memory().available
    limit, used = _cgroup("memory.max"), _cgroup("memory.current")
    if limit.isdigit() and used.isdigit():
        return max(0, min(available, int(limit) - int(used)))
    return available


def free_disk(folder: Path) -> int:
    """Bytes free where `folder` lies, or will lie: its nearest parent that exists is asked."""
    for place in (folder.absolute(), *folder.absolute().parents):
        if place.exists():
            return shutil.disk_usage(place).free
    return 0


def _cgroup(name: str) -> str:
    try:
        return Path("/sys/fs/cgroup", name).read_text(encoding="ascii").strip()
    except OSError:
        return ""
