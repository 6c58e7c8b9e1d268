"""A stored trial trained once more, next to its stored curve."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from search.ask import digest_of
from search.dataset import dataset_of
from search.edge import UserError
from search.sides import trial_row
from search.study import Study
from search.versions import versions
from storage.rows import EpochRow, RunRow
from trainer.data import SourceOptions
from trainer.execution import Mode
from trainer.nets import Nets
from trainer.recipe import read_recipe
from trainer.replicate import Replicate
from trainer.run import Epoch, Run


@dataclass
class Again:
    study: Study
    row: RunRow
    curve: tuple[EpochRow, ...]
    run: Run
    other_mode: tuple[str, ...]  # what differs from the mode it was trained in
    _equal: list[bool] = field(default_factory=list)
    _largest: float = 0.0

    @classmethod
    def of(
        cls,
        study: Study,
        phase: str,
        number: int,
        data: str,
        options: SourceOptions,
        files: tuple[Path, ...],
        device: str,
    ) -> "Again":
        """Raises `UserError` when there is no such trial, or no epoch of it, or the data are others."""
        row = trial_row(study, phase, number)
        curve = tuple(study.store.curves(study.study_id, phase).get(number, ()))
        if not curve:
            raise UserError(f"{study.name}/{phase}#{number} has no epoch on record: choose one that has been trained")
        if Replicate.numbered(row.replicate, study.definition.folds).everything:
            raise UserError(f"{phase}#{number} has learned the test part, which is not opened to repeat it")
        place, dataset = _device(device), dataset_of(study, data, options)
        attempts = [each for each in study.store.attempts(study.study_id) if each.trial_id == row.trial_id]
        mode = dict(attempts[-1].mode) if attempts else {}
        usable = ("channels_last", "compiled", "graphs") if place.type == "cuda" else ("channels_last",)
        known = {name: bool(mode[name]) for name in usable if name in mode}
        torch.set_num_threads(int(str(mode.get("threads", 1))))
        run = Run(
            read_recipe(row.recipe),
            Replicate.numbered(row.replicate, study.definition.folds),
            dataset.to(place),
            place,
            files={digest_of(file): file for file in files},
            nets=Nets(Mode(**known)),
        )
        libraries = versions()
        other = [key for key, value in study.manifest.versions.items() if libraries.get(key) != value]
        if attempts and torch.device(attempts[-1].device).type != place.type:
            other.append(f"device {attempts[-1].device}")
        if len({each.host for each in attempts}) > 1:
            other.append("taken over on another host")
        return cls(study, row, curve, run, tuple(other))

    @property
    def words(self) -> str:
        """What is trained, and where it was first."""
        worker = f", first trained by {self.row.worker}" if self.row.worker else ""
        return f"{self.row.label} on replicate {self.row.replicate}, {len(self.curve)} epochs{worker}"

    def epochs(self) -> Iterator[tuple[Epoch, EpochRow, float]]:
        """Each epoch as it is trained, the stored one, and how far their scores are apart.

        As far as the stored ones go: a pruned trial ends at its rung.
        """
        for stored, epoch in zip(self.curve, self.run, strict=False):
            pairs = (
                (epoch.score, stored.score),
                (epoch.train_loss, stored.train_loss),
                (epoch.val_loss, stored.val_loss),
            )
            self._equal.append(all(_alike(*pair) for pair in pairs))
            apart = 0.0 if _alike(epoch.score, stored.score) else abs(epoch.score - stored.score)
            self._largest = max(self._largest, math.inf if math.isnan(apart) else apart)
            yield epoch, stored, apart

    @property
    def different(self) -> bool:
        """By more than delta, or in length."""
        rules = self.study.rules()
        return len(self._equal) < len(self.curve) or self._largest > (rules.delta if rules else 0.0)

    def conclusion(self) -> str:
        if len(self._equal) < len(self.curve):
            return f"NOT reproduced: it ended after {len(self._equal)} of {len(self.curve)} epochs"
        if all(self._equal):
            return f"reproduced: equal to the bit in all {len(self.curve)} epochs"
        rules = self.study.rules()
        delta = f"delta {rules.delta:g}" if rules else "no delta: the pilot is not over"
        why = f" (another execution mode: {', '.join(self.other_mode)})" if self.other_mode else ""
        said = "NOT reproduced" if self.different else "reproduced within noise"
        return f"{said}: scores differ by at most {self._largest:.4f}, {delta}{why}"


def _alike(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _device(name: str) -> torch.device:
    kind, _, number = name.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 0
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()) or (kind == "cpu" and number):
        raise UserError(f"device {name!r} is not known; give cpu, cuda or cuda:N")
    if kind == "cuda" and int(number or 0) >= count:
        raise UserError(f"--device {name}: torch sees {count} GPUs here; give --device cpu")
    return torch.device(name)
