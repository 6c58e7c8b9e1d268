"""Which trained run a study is used by: the best confirmed one of what it recommends, or a trial by name."""

import io
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search.edge import UserError
from search.sides import trial_row
from search.study import Study
from search.weights import Weights, find
from storage.checkpoints import Checkpoints
from storage.rows import CheckpointRow, RunRow

_NAME = re.compile(r"(?P<phase>[^#]+)#(?P<number>\d+)")


@dataclass(frozen=True)
class Chosen:
    """A run and its averaged weights, as they were saved while training."""

    study: Study
    row: RunRow
    pointer: CheckpointRow
    payload: bytes = field(repr=False)
    recommended: bool = False  # by the study, not named by somebody

    @property
    def trial(self) -> str:
        return f"{self.row.phase}#{self.row.number}"

    @property
    def score(self) -> float | None:
        """Of these very weights on the validation part of their own run."""
        return self.row.best_score if self.pointer.kind == "best" else self.row.last_score

    def weights(self) -> Mapping[str, Any]:
        """Tensors by name. Nothing in the file is executed: raises `UserError` for one that is no table of them."""
        import torch

        try:
            with warnings.catch_warnings(action="ignore"):  # of odd pickles, which are refused all the same
                found = torch.load(io.BytesIO(self.payload), map_location="cpu", weights_only=True)
        # A damaged or hostile file is refused by zip and pickle in ways of their own.
        except Exception as error:
            said = " ".join(str(error).split())[:100]
            raise UserError(
                f"the weights of {self.trial} are no plain table of tensors ({said}): not loaded"
            ) from error
        if not isinstance(found, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in found.values()):
            raise UserError(f"the weights of {self.trial} are no plain table of tensors")
        return found


def choose(study: Study, trial: str | None, checkpoints: Checkpoints) -> Chosen:
    """Raises `UserError` when the study has no answer yet, or the weights are elsewhere or gone."""
    rows = [named(study, trial)] if trial else recommended(study)
    found = [(row, find(study, row, checkpoints)) for row in rows]
    for row, weights in found:
        if weights is not None and weights.payload is not None:
            return Chosen(study, row, weights.row, weights.payload, recommended=trial is None)
    raise UserError(_elsewhere(study, rows, [weights for _, weights in found if weights]))


def named(study: Study, trial: str) -> RunRow:
    """The run called `confirm#1`. Raises `UserError` when there is none, or it has not ended well."""
    match = _NAME.fullmatch(trial)
    if match is None:
        raise UserError(f"--trial {trial!r} names no trial; write PHASE#NUMBER, such as confirm#1 or 2-loss/finals#0")
    row = trial_row(study, match["phase"], int(match["number"]))
    if row.state != "COMPLETE" or row.stop == "diverged":
        how = row.stop or row.state.lower()
        raise UserError(f"{study.name}/{trial} is of no use, it is {how}; choose one that finished or stalled")
    return row


def recommended(study: Study) -> list[RunRow]:
    """The confirmed runs of the recommended recipe, the best first. Raises `UserError` before there is an answer."""
    headline = study.headline(study.depth)
    if headline is None:
        raise UserError(
            f"study {study.name} is not answered yet: its launch line goes on; or name a trial, such as --trial 1-lr#0"
        )
    rows = [row for row in study.store.runs(study.study_id, "confirm") if row.recipe == headline.recipe]
    good = [row for row in rows if row.state == "COMPLETE" and row.stop != "diverged"]
    if not good:
        raise UserError(f"study {study.name} has confirmed no run of its recipe; name a trial, such as --trial 1-lr#0")
    return sorted(good, key=lambda row: (-(row.last_score or 0.0), row.number))


def _elsewhere(study: Study, rows: list[RunRow], known: list[Weights]) -> str:
    hosts = ", ".join(dict.fromkeys(weights.row.host for weights in known))
    what = f"the weights of {study.name}/{rows[0].phase}#{rows[0].number}"
    if not hosts:
        return f"{what} were not kept: train it again with python -m search.reproduce, or choose another trial"
    return f"{what} are not here: run this on {hosts}, or bring them with python -m search.pull --study {study.name}"
