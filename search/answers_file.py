"""Answers as a file: a contest's two columns, or one line a picture with probabilities. Whole, or not there at all."""

import csv
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from search.edge import UserError
from trainer.sources.unlabelled import Listing

Spelling = Literal["auto", "index", "label"]


def check_out(out: Path) -> None:
    """Raises `UserError` when no file can be written there: before hours of work, not after."""
    if out.is_dir():
        raise UserError(f"--out {out} is a folder; give a file, such as {out / 'submission.csv'}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        probe = out.with_name(f".{uuid.uuid4().hex}.part")
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(f"cannot write {out} ({error.strerror or error}); give another file with --out") from None


def spelled(class_names: Sequence[str], listing: Listing | None, spelling: Spelling) -> list[str]:
    """What stands for each class in a contest's file.

    `auto`: its name where the names are whole numbers, or where the table of the contest holds names of classes; else
    its index, from 0.
    """
    if spelling == "auto":
        numbers = all(name.isdecimal() for name in class_names)
        holds_names = listing is not None and any(answer in class_names for answer in listing.answers)
        spelling = "label" if numbers or holds_names else "index"
    return list(class_names) if spelling == "label" else [str(number) for number in range(len(class_names))]


def write_contest(out: Path, listing: Listing, answers: Sequence[str]) -> None:
    """The columns and the order of the contest's own table."""
    _write(out, listing.columns, zip(listing.names, answers, strict=True))


def write_general(
    out: Path,
    names: Sequence[str],
    answers: Sequence[str],
    class_names: Sequence[str] = (),
    probabilities: NDArray[np.float64] | None = None,
) -> None:
    """`file,answer`, and with `probabilities` [n, classes] a column for each class; NaN is left empty."""
    if probabilities is None:
        _write(out, ("file", "answer"), zip(names, answers, strict=True))
        return
    cells = ([("" if np.isnan(value) else f"{value:.6f}") for value in row] for row in probabilities)
    rows = ((name, answer, *row) for name, answer, row in zip(names, answers, cells, strict=True))
    _write(out, ("file", "answer", *class_names), rows)


def _write(out: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    part = out.with_name(f".{out.name}-{uuid.uuid4().hex}.part")
    try:
        # A file name that is no UTF-8 keeps its bytes.
        with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
        part.replace(out)
    except OSError as error:
        raise UserError(f"cannot write {out} ({error.strerror or error}); give another file with --out") from None
    finally:
        part.unlink(missing_ok=True)
