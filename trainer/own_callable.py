"""A loss or an augmentation of the user's own, made ready to be called with two arguments."""

import inspect
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainer.custom import Custom, CustomError, Files, load_custom
from trainer.randomness import default_generators


def own_callable(
    choice: Custom,
    files: Files,
    offered: Mapping[str, Any],
    called_with: tuple[str, str],
    device: torch.device,
    *,
    with_parameters: bool,
) -> Callable[..., Any]:
    """What `choice` names: a class constructed once with the recipe's settings, or a function that gets them each time.

    Both get what is `offered` if they take arguments of these names; a module is moved to `device`. CustomError if it
    cannot be made, or cannot be called with two arguments, which are named in `called_with`; or has parameters, which
    nobody trains, and must not be `with_parameters`.
    """
    found, where = load_custom(choice, files), f"{choice.file}:{choice.name}"
    settings = {key: value for key, value in offered.items() if key in _arguments(found)} | dict(choice.settings)
    if not inspect.isclass(found):
        _check_call(found, settings, called_with, where)
        return partial(_called, partial(found, **settings), where)
    made = _constructed(found, settings, called_with, where)
    _check_call(made, {}, called_with, where)
    if (
        not with_parameters
        and isinstance(made, nn.Module)
        and any(weight.requires_grad for weight in made.parameters())
    ):
        raise CustomError(f"{where} has parameters, and only those of the backbone are trained: use buffers")
    return partial(_called, made.to(device) if isinstance(made, nn.Module) else made, where)


def _called(call: Callable[..., Any], where: str, *given: Any) -> Any:
    """What it returns. What it raises, a lack of memory apart, becomes a CustomError that names the line."""
    try:
        return call(*given)
    except (CustomError, torch.OutOfMemoryError, torch.AcceleratorError):
        raise
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())[:200]
        trace = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in trace if Path(frame.filename).name == where.partition(":")[0]]
        line = f", line {lines[-1]}," if lines else ""
        raise CustomError(f"{where}{line} failed ({type(error).__name__}: {said}): mend it and try again") from error


def _arguments(found: Callable[..., Any]) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(found).parameters)
    except (TypeError, ValueError):  # written in C: it does not tell
        return frozenset()


def _constructed(
    found: Callable[..., Any], settings: dict[str, Any], called_with: tuple[str, str], where: str
) -> Callable[..., Any]:
    try:
        with default_generators(torch.device("cpu"), 0, "init"):  # equal in every worker, should it draw
            made = found(**settings)
    except Exception as error:  # the user's own code
        said = " ".join(str(error).split())[:200]
        raise CustomError(
            f"{where} cannot be made ({type(error).__name__}: {said}): mend it or its settings"
        ) from error
    if not callable(made):
        wanted = ", ".join(("self", *called_with))
        raise CustomError(
            f"{where} makes nothing that can be called: give it __call__({wanted}), or forward in a Module"
        )
    return made


def _check_call(call: Callable[..., Any], settings: dict[str, Any], called_with: tuple[str, str], where: str) -> None:
    try:
        signature = inspect.signature(call.forward if isinstance(call, nn.Module) else call)
    except ValueError:  # written in C: it does not tell
        return
    try:
        signature.bind(None, None, **settings)
    except TypeError as error:
        given = ", ".join([*called_with, *(f"{key}=..." for key in settings)])
        raise CustomError(f"{where} cannot be called with ({given}), {error}: mend it or its settings") from error
