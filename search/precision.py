"""The number format of a new study: the fastest that all devices which will work on it compute natively."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from search.edge import UserError
from search.loading import collector_paused
from trainer.custom import Files
from trainer.data import Dataset
from trainer.execution import one_thread
from trainer.recipe import Recipe

Precision = Literal["fp32", "bf16", "fp16"]

SECONDS = 2.0  # of measuring
WORTH = 1.1  # times as fast as fp32, or 16 bits are not worth their roundings
BF16_SINCE = (8, 0)  # compute capability: older cards emulate it
FP16_SINCE = (7, 0)  # older cards gain nothing, or lose
# What people call the cards of contest and laboratory servers that are older than that; others are asked back.
OLDER = {"P100": (6, 0), "1080": (6, 1), "V100": (7, 0), "TITANV": (7, 0), "T4": (7, 5), "2080": (7, 5)}
NEWER = ("A10", "A30", "A40", "A100", "3080", "3090", "4080", "4090", "5090", "A6000", "L4", "L40", "H100", "H200")
NEWER += ("B100", "B200", "GH200", "GB200")


@dataclass(frozen=True)
class Chosen:
    """`words` say why."""

    precision: Precision
    words: str


def choose(
    recipe: Recipe,
    data: Dataset,
    device: torch.device,
    files: Files,
    fleet: str | None,
    pace: Callable[[Recipe], float] | None = None,
) -> Chosen:
    """16 bits where every device computes them natively and this one is a tenth faster for it, else fp32.

    `fleet` names the devices that will join (`None`: like this one). `pace` gives seconds per image of a recipe; by
    default it is measured, format after format in turn, for about two seconds; the best time of each counts.
    """
    allowed = native(device).intersection(*native_to_all(fleet))
    wide, narrow = "fp32", _narrowest(allowed)
    if narrow is None:
        return Chosen("fp32", "not every device that will join computes 16 bits natively: runs are in fp32")
    pace = pace or _pace_on(data, device, files)
    seconds: dict[str, list[float]] = {wide: [], narrow: []}
    began = time.perf_counter()
    while not seconds[wide] or time.perf_counter() - began < SECONDS:
        for each, times in seconds.items():
            times.append(pace(recipe.model_copy(update={"precision": each})))
    ratio = min(seconds[wide]) / min(seconds[narrow])
    chosen: Precision = narrow if ratio >= WORTH else "fp32"
    return Chosen(chosen, f"{narrow} trains {ratio:.2f} times as fast as fp32 here: runs are in {chosen}")


def native(device: torch.device) -> frozenset[str]:
    """The formats that `device` computes without emulating them."""
    if device.type == "cuda":
        return _of_capability(torch.cuda.get_device_capability(device))
    bf16 = device.type == "cpu" and (_cpu_has("_is_avx512_bf16_supported") or _cpu_has("_is_amx_tile_supported"))
    return frozenset({"fp32", "bf16"} if bf16 else {"fp32"})


def unmeasured(device: torch.device) -> Precision:
    """The format of runs that belong to no study: 16 bits on a GPU that has them, fp32 on a CPU."""
    if device.type != "cuda":
        return "fp32"
    return _narrowest(native(device)) or "fp32"


def emulated(precision: str, device: torch.device) -> str | None:
    """A line of warning where `device` would emulate the format of the study it joins; None where it does not."""
    if precision in native(device):
        return None
    return (
        f"this study trains in {precision}, which {device} only emulates: its runs agree within noise but are slow "
        "here; a new study with --fleet naming all devices would choose a format that suits them"
    )


def native_to_all(fleet: str | None) -> list[frozenset[str]]:
    """The formats of each device that is named. UserError for a name nobody knows."""
    return [_native_to(name) for part in (fleet or "").split(",") if (name := part.strip())]


def _pace_on(data: Dataset, device: torch.device, files: Files) -> Callable[[Recipe], float]:
    with collector_paused():
        from trainer.modes import expected  # and all that trains: who only joins measures nothing

    def seconds(recipe: Recipe) -> float:
        images = 16 * recipe.batch_size if device.type == "cuda" else recipe.batch_size
        with one_thread():
            return expected(recipe, data, device, files, images).seconds_per_train_image

    return seconds


def _narrowest(formats: frozenset[str]) -> Literal["bf16", "fp16"] | None:
    return "bf16" if "bf16" in formats else "fp16" if "fp16" in formats else None


def _native_to(name: str) -> frozenset[str]:
    """Of `cpu`, `cpu-bf16`, a card's name as nvidia-smi shows it, or a compute capability such as 7.5."""
    if name.lower() in ("cpu", "cpu-bf16"):
        return frozenset({"fp32", "bf16"} if name.lower() == "cpu-bf16" else {"fp32"})
    if capability := re.fullmatch(r"(?:sm_?)?(\d+)[._]?(\d)", name.lower()):
        return _of_capability((int(capability[1]), int(capability[2])))
    words = re.sub(r"[^A-Z0-9]+", " ", name.upper()).split()
    plain = {*words, "".join(words)}
    for older, since in OLDER.items():
        if any(re.search(rf"(^|\D){older}(\D|$)", word) for word in plain):
            return _of_capability(since)
    if any(re.search(rf"(^|\D){newer}(\D|$)", word) for newer in NEWER for word in plain):
        return _of_capability(BF16_SINCE)
    raise UserError(
        f"--fleet does not know {name!r}: give cpu, cpu-bf16 (a CPU that computes bf16), a card such as "
        f"{', '.join((*OLDER, *NEWER[:6]))}, or its compute capability such as 7.5, separated by commas"
    )


def _of_capability(capability: tuple[int, int]) -> frozenset[str]:
    return frozenset(
        {"fp32", *(["fp16"] if capability >= FP16_SINCE else []), *(["bf16"] if capability >= BF16_SINCE else [])}
    )


def _cpu_has(question: str) -> bool:
    return bool(getattr(torch.cpu, question, lambda: False)())
