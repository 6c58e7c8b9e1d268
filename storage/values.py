"""The one validator of values in front of both backends; of names: storage/names.py.

What one backend would take and the other refuse, or round, or cut, is refused before either sees it. Raises
ValueInvalid: what was given, what is allowed, in one line.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from math import isfinite
from pathlib import PurePosixPath
from typing import Any

from storage.attempts import AttemptRow
from storage.errors import ValueInvalid
from storage.names import check_key, clean_text, to_json
from storage.rows import CheckpointRow, EpochRow, Manifest, Proposal, Result, Verdict

MAX_STEP = 2**31 - 1
MAX_COUNT = 2**63 - 1
MAX_ATTRIBUTES = 2**20  # bytes of JSON
MAX_TEXT = 2**24  # characters: a definition, a recipe with its own code
MAX_LABEL = 500
KINDS = ("resume", "best", "final")


def check_step(step: Any, what: str = "epoch", least: int = 0) -> int:
    """An epoch, a token, a number of runs: what a 32-bit column holds."""
    return _whole(step, what, least, MAX_STEP)


def check_json(value: Any, what: str, most: int = MAX_ATTRIBUTES) -> Any:
    """A value that is JSON, keys and all, of at most `most` bytes. Numbers that are not finite become null later."""
    _check_keys(value, what)
    try:
        size = len(to_json(value))
    except (TypeError, ValueError, RecursionError):
        raise ValueInvalid(f"{what}: only what JSON can say (text, numbers, true, null, lists, mappings)") from None
    if size > most:
        raise ValueInvalid(f"{what}: {size:,} bytes of JSON, at most {most:,} are kept: keep large things in files")
    return value


def check_text(text: Any, what: str) -> str:
    """Text that both backends hold as it is."""
    if not isinstance(text, str) or text != clean_text(text):
        raise ValueInvalid(f"{what}: text without NUL characters and lone surrogates")
    if len(text) > MAX_TEXT:
        raise ValueInvalid(f"{what}: {len(text):,} characters, at most {MAX_TEXT:,}")
    return text


def check_manifest(manifest: Manifest) -> None:
    for name in ("definition", "resolved", "data_digest"):
        check_text(getattr(manifest, name), name)
    check_step(manifest.recipe_version, "recipe version")
    check_json(dict(manifest.versions), "versions")


def check_verdict(verdict: Verdict) -> None:
    check_key(verdict.outcome)
    check_text(verdict.recipe, "recipe")
    check_text(verdict.worker, "worker")
    check_json(verdict.evidence, "evidence")


def check_proposal(proposal: Proposal) -> None:
    """Its identity, and what Optuna shows of it: no parameter that is not a finite number or a short text."""
    check_key(proposal.cell.signature)
    check_key(proposal.data_digest)
    check_key(proposal.role)
    _whole(proposal.cell.replicate, "replicate", 0, MAX_COUNT)
    check_text(proposal.recipe, "recipe")
    _label(proposal.label, "label")
    for name, value in proposal.params.items():
        check_key(name)
        if isinstance(value, str):
            _label(value, f"parameter {name}")
        else:
            _number(value, f"parameter {name}")
    _check_attributes(proposal.attrs)


def check_epochs(epochs: Iterable[EpochRow]) -> None:
    """Scores and losses may be any number, for runs diverge; the rest may not."""
    for row in epochs:
        check_step(row.epoch, "epoch", least=1)
        check_key(row.phase)
        _number(row.seconds, f"seconds of epoch {row.epoch}", least=0.0)
        for name in ("score", "train_loss", "val_loss", "lr"):
            if isinstance(getattr(row, name), bool) or not isinstance(getattr(row, name), int | float):
                raise ValueInvalid(f"{name} of epoch {row.epoch}: a number")


def check_checkpoints(rows: Iterable[CheckpointRow]) -> None:
    for row in rows:
        check_step(row.epoch, "epoch of a checkpoint")
        check_step(row.token, "token of a checkpoint")
        _whole(row.size, "size of a checkpoint", 0, MAX_COUNT)
        if row.kind not in KINDS:
            raise ValueInvalid(f"kind of a checkpoint {str(row.kind)[:40]!r}: {', '.join(KINDS)}")
        path = PurePosixPath(_label(row.location, "location of a checkpoint"))
        if path.is_absolute() or ".." in path.parts or "\\" in row.location or not row.location:
            raise ValueInvalid(f"location of a checkpoint {row.location[:40]!r}: a path within its folder")
        check_key(row.sha256)
        check_text(row.host, "host of a checkpoint")


def check_attempt(attempt: AttemptRow | None) -> None:
    if attempt is None:
        return
    for field in fields(AttemptRow):
        value = getattr(attempt, field.name)
        if field.name in ("images", "peak_bytes"):
            _whole(0 if value is None else value, field.name, 0, MAX_COUNT)
        elif field.name == "mode":
            check_json(dict(value), "mode")
        elif field.type in ("float", "float | None", float) and value is not None:
            _number(value, field.name, least=0.0)


def check_result(result: Result) -> None:
    check_step(result.epochs_total, "epochs")
    check_step(0 if result.best_epoch is None else result.best_epoch, "best epoch")
    _number(result.seconds, "seconds", least=0.0)
    _check_attributes(result.attrs)


def _check_attributes(attrs: Mapping[str, Any]) -> None:
    for name in attrs:
        check_key(name)
    check_json(dict(attrs), "attributes")


def _check_keys(value: Any, what: str, depth: int = 0) -> None:
    if depth > 100:
        raise ValueInvalid(f"{what}: nested more than 100 deep")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueInvalid(f"{what}: key {key!r}: keys are text")
            _check_keys(item, what, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_keys(item, what, depth + 1)


def _label(text: Any, what: str) -> str:
    if len(check_text(text, what)) > MAX_LABEL:
        raise ValueInvalid(f"{what}: {len(text):,} characters, at most {MAX_LABEL}")
    return text


def _whole(number: Any, what: str, least: int, most: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise ValueInvalid(f"{what} {str(number)[:40]}: a whole number from {least} to {most}")
    return number


def _number(number: Any, what: str, least: float | None = None) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number):
        raise ValueInvalid(f"{what} {str(number)[:40]}: a finite number")
    if least is not None and number < least:
        raise ValueInvalid(f"{what} {number}: at least {least:g}")
    return number
