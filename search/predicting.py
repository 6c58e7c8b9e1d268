"""A panel of models at work on pictures that nobody has labelled."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from search.ask import digest_of
from search.edge import UserError
from search.panel import Panel
from trainer.answering import Answerer
from trainer.custom import Files
from trainer.exported import Model
from trainer.rebuilt import net_of
from trainer.sources.pictures import ArrayPictures
from trainer.sources.unlabelled import Unlabelled
from trainer.sources.wording import listed, shown

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Answers:
    """`classes` [n]; `probabilities` [n, classes], NaN in the rows of `broken`, picture -> reason."""

    classes: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    broken: dict[int, str]
    stand_in: int
    """The class given to pictures that cannot be read: the most frequent answer."""


def predict(
    panel: Panel,
    asked: Unlabelled,
    device: torch.device,
    files: Files,
    *,
    flip: bool = False,
    skip_broken: bool = False,
    told: Progress | None = None,
) -> Answers:
    """Raises `UserError` naming the pictures that cannot be read, unless they are to be skipped and some can."""
    count, found = len(asked), []
    for turn, seat in enumerate(panel.seats):
        answerer = Answerer(net_of(seat.model, files), seat.model.about, device, flip=flip)
        answered = answerer.pictures(asked.pictures, count, _shifted(told, turn * count, count * len(panel.seats)))
        if answered.broken:
            _refuse_broken(asked, answered.broken, skip_broken)
        found.append(answered)
    broken = {index: why for each in found for index, why in each.broken.items()}
    _refuse_broken(asked, broken, skip_broken)
    readable = np.setdiff1d(np.arange(count), list(broken))
    probabilities = np.full((count, len(panel.class_names)), np.nan)
    probabilities[readable] = panel.answer([each.probabilities[readable] for each in found])
    classes = np.empty(count, dtype=np.int64)
    classes[readable] = probabilities[readable].argmax(axis=1)
    stand_in = int(np.bincount(classes[readable], minlength=len(panel.class_names)).argmax())
    classes[list(broken)] = stand_in
    return Answers(classes, probabilities, broken, stand_in)


def check_arrays(asked: Unlabelled, models: Sequence[Model], resize: bool) -> None:
    """Raises `UserError` for arrays of another size than a model was trained at: mostly another data set."""
    if resize or not isinstance(asked.pictures, ArrayPictures):
        return
    height, width = asked.pictures.pixels.shape[1:3]
    for model in models:
        wanted = model.about.stored_size
        if (height, width) != (wanted, wanted):
            raise UserError(
                f"{asked.where} holds images of {width} x {height} pixels, {model.about.study}/{model.about.trial} was "
                f"trained at {wanted} x {wanted}: give arrays of that size, or have them resized with --resize"
            )


@contextmanager
def code_of(models: Sequence[Model], given: Sequence[Path], trusted: bool) -> Iterator[Files]:
    """sha256 -> file of the user's own nets, among the files `given`, or out of the models where those are `trusted`.

    Raises `UserError` where a net needs code that is neither.
    """
    found = {digest_of(file): file for file in given}
    with tempfile.TemporaryDirectory(prefix="ceteris-code-", ignore_cleanup_errors=True) as folder:
        for model in models:
            if model.about.timm is None:
                found |= _own_net(model, found, trusted, Path(folder))
        yield found


def device_named(name: str) -> torch.device:
    """auto, cpu, cuda or cuda:N. Raises `UserError`."""
    kind, _, number = name.partition(":")
    count = torch.cuda.device_count() if kind in ("auto", "cuda") else 0
    if kind == "auto" and not number:
        return torch.device("cuda" if count and torch.cuda.is_available() else "cpu")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()) or (kind == "cpu" and number):
        raise UserError(f"device {name!r} is not known; give auto, cpu, cuda or cuda:N")
    if kind == "cuda" and int(number or 0) >= count:
        raise UserError(f"--device {name}: torch sees {count} GPUs here; give --device cpu")
    return torch.device(name)


def _own_net(model: Model, found: Mapping[str, Path], trusted: bool, folder: Path) -> dict[str, Path]:
    digest = model.recipe.backbone.rpartition("@")[2]
    file = next((each.file for each in model.about.code if each.digest == digest), None)
    if digest in found:
        return {}
    if not trusted or file is None:
        raise UserError(
            f"{model.about.study}/{model.about.trial} is a net of somebody's own code, {file or 'a file not kept'} "
            f"(sha256 {digest[:12]}...): give that file with --code FILE, or run what is kept with it, if you trust "
            "who made it: --trust-code"
        )
    place = folder / digest[:12] / file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(model.code[file])
    return {digest: place}


def _refuse_broken(asked: Unlabelled, broken: Mapping[int, str], skip: bool) -> None:
    if not broken or (skip and len(broken) < len(asked)):
        return
    every = "" if len(broken) < len(asked) else ": none is left to answer"
    hint = "repair them" if every else "repair them, or give them the most frequent answer with --skip-broken"
    names = listed(f"{shown(asked.names[index])} ({why})" for index, why in broken.items())
    raise UserError(f"{len(broken)} of {len(asked)} pictures in {asked.where} cannot be read{every}: {names}; {hint}")


def _shifted(told: Progress | None, before: int, total: int) -> Callable[[int], None] | None:
    return None if told is None else lambda done: told(before + done, total)
