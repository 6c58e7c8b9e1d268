"""A loss, augmentation or backbone of the user's own: one Python file outside this repository, known by its digest."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from trainer.choice import Custom

Files = Mapping[str, Path]  # sha256, hexadecimal -> the file of that content on this machine: weights and code
NO_FILES: Files = {}


class CustomError(Exception):
    """Code of the user's own that cannot be used: one line saying what was given, what is wanted, what to do."""


Kind = TypeVar("Kind", bound=Custom)


def named(kind: type[Kind], file: Path, name: str, **settings: float | bool | str) -> Kind:
    """`name` in `file` as a recipe holds it: `named(CustomLoss, Path("my_losses.py"), "MyLoss", gamma=2)`."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return kind.model_validate({"file": file.name, "name": name, "digest": digest, "settings": settings})


def load_custom(choice: Custom, files: Files) -> Callable[..., Any]:
    """What `choice.name` is in its file: a class or a function. CustomError if it cannot be had.

    The file runs once per process, however many recipes name it.
    """
    return _member(choice.file, choice.name, choice.digest, files)


def load_custom_net(backbone: str, files: Files) -> Callable[..., Any]:
    """The same for a recipe's `custom:<file>:<name>@<sha256>`."""
    where, _, digest = backbone.removeprefix("custom:").rpartition("@")
    file, _, name = where.rpartition(":")
    return _member(file, name, digest, files)


def _member(file: str, name: str, digest: str, files: Files) -> Callable[..., Any]:
    module = _module(file, digest, files)
    found = getattr(module, name, None)
    if callable(found):
        return found
    known = [key for key, value in vars(module).items() if callable(value) and value.__module__ == module.__name__]
    raise CustomError(f"{file} defines no class or function {name!r}: it has {', '.join(known) or 'none'}")


def _module(file: str, digest: str, files: Files) -> Any:
    title = f"ceteris_custom_{digest[:16]}"
    if title in sys.modules:
        return sys.modules[title]
    place = files.get(digest)
    if place is None:
        raise CustomError(f"the recipe wants {file} of sha256:{digest[:12]}...: say where that file is on this machine")
    try:
        content = place.read_bytes()
    except OSError as error:
        raise CustomError(f"{place} cannot be read ({error.strerror or error}): give the file {file}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise CustomError(f"{place} is not the file the recipe names: it has sha256:{found}, wanted is sha256:{digest}")
    # The bytes that were checked are the bytes that run: the file is not read a second time.
    spec = importlib.util.spec_from_loader(title, loader=None, origin=str(place))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(place)
    sys.modules[title] = module  # before it runs: dataclasses and pickles look their module up
    before = set(sys.modules)
    try:
        exec(compile(content, str(place), "exec"), vars(module))
    except BaseException as error:
        del sys.modules[title]
        if not isinstance(error, Exception):
            raise
        said = " ".join(str(error).split())[:200]
        line = _line_of(error, str(place))
        raise CustomError(
            f"{file}{line} cannot be run ({type(error).__name__}: {said}): mend it and try again"
        ) from error
    _refuse_neighbours(file, place, set(sys.modules) - before)
    return module


def _refuse_neighbours(file: str, place: Path, loaded: set[str]) -> None:
    """CustomError if it has brought in a file that lies beside it: a change there would go unnoticed."""
    folder, installed = place.resolve().parent, Path(sys.prefix).resolve()
    for name in sorted(loaded):
        origin = getattr(sys.modules.get(name), "__file__", None)
        if origin is None:
            continue
        origin = Path(origin).resolve()
        if origin.is_relative_to(folder) and not origin.is_relative_to(installed):
            raise CustomError(
                f"{file} imports {origin.name} that lies beside it, and only {file} is known by its digest: "
                "put what it needs into one file, or install it"
            )


def _line_of(error: BaseException, place: str) -> str:
    """`, line 7` of the user's file where it went wrong."""
    found = error.lineno if isinstance(error, SyntaxError) and error.filename == place else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == place:
            found = trace.tb_lineno
        trace = trace.tb_next
    return f", line {found}" if found else ""
