"""From what is known of a phase to Optuna's proposal, and from that to the nearest free cell."""

import copy
import math
import random
import warnings
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from search.phases import Phase, Planned
from search.points import ParamValue, Points
from storage.rows import RunRow

optuna.logging.set_verbosity(optuna.logging.WARNING)

MOST_KNOWN = 150  # trials that the sampler learns from, the newest: each is looked at for every draw
FEW_WORKERS = 8  # who draw again when beaten to a cell: more of them would spend their time on it


def next_run(phase: Phase, rows: Sequence[RunRow], taken: frozenset[tuple[str, int]], seed: int) -> Planned | None:
    """The run to start next, or None when every cell is taken."""
    return Draws(phase, Remembered(phase)).next(rows, taken, seed)


class Remembered:
    """What a worker keeps of a phase from one claim to the next: where its runs lie, and the ended ones as Optuna's."""

    def __init__(self, phase: Phase) -> None:
        self.points = Points(phase)
        self.cells = [planned.cell for planned in phase.runs]  # each is a hash: of thousands once, not within a claim
        self._phase = phase.name
        self._trials: dict[int, FrozenTrial | None] = {}

    def newest(self, rows: Sequence[RunRow]) -> list[FrozenTrial]:
        """The newest ended runs of the phase, as many as the sampler learns from, oldest first."""
        told = (self._trial(row) for row in reversed(rows) if row.phase == self._phase)
        return list(islice((trial for trial in told if trial is not None), MOST_KNOWN))[::-1]

    def _trial(self, row: RunRow) -> FrozenTrial | None:
        if row.state not in ("COMPLETE", "PRUNED"):
            return None
        if row.entry_id not in self._trials:  # what has ended stays as it is
            self._trials[row.entry_id] = _mirrored(row, self.points.distributions)
        return self._trials[row.entry_id]


class Draws:
    """The draws of one claim, which asks again when others were faster.

    Listed phases go in order. A screen starts with the incumbent, so that company exists early; then Optuna's TPE
    proposes and the proposal is snapped to the nearest cell that nobody has. Who was beaten to a cell takes one of the
    two nearest, then one of four, and so on: a hundred workers who ask at the same moment would otherwise all want the
    same cell, and each would have to draw up to a hundred times. Of few workers, it draws again once before that.
    """

    def __init__(self, phase: Phase, remembered: Remembered, among: int = 1) -> None:
        """`among`: so many cells are as good as the nearest from the first draw on."""
        self._phase, self._remembered, self.among = phase, remembered, among
        self._wanted: dict[str, ParamValue] | None = None
        self._asked: Planned | None = None
        self._beaten = False  # to what it wished for

    @property
    def space(self) -> dict[str, BaseDistribution]:
        """As Optuna is told of the phase."""
        return self._remembered.points.distributions

    @property
    def again(self) -> bool:
        """Whether something was drawn before."""
        return self._asked is not None

    def next(self, rows: Sequence[RunRow], taken: frozenset[tuple[str, int]], seed: int) -> Planned | None:
        """`rows` are those of the phase, of a listed one only when it is asked `again`."""
        phase, before = self._phase, self._asked and self._asked.cell
        if before and any((row.signature, row.replicate) == before and not row.reused for row in rows):
            self._was_beaten(rows)
        else:  # what was drawn before was known of another study: the next one is what a claim of its own would draw
            self._wanted = None
        free = [place for place, cell in enumerate(self._remembered.cells) if cell not in taken]
        if len(free) > 1 and phase.kind == "screen" and phase.runs[free[0]].candidate.role != "incumbent":
            if self._wanted is None:
                self._wanted = _propose(self._remembered.newest(rows), self.space, seed)
            free = self._remembered.points.nearest(self._wanted, free, self.among)
        self._asked = phase.runs[random.choice(free[: self.among])] if free else None
        return self._asked

    def _was_beaten(self, rows: Sequence[RunRow]) -> None:
        """By one of few, it draws what a claim that comes later would, so that a fork tries the same cells."""
        few = sum(row.state == "RUNNING" for row in rows) <= FEW_WORKERS and self._phase.kind == "screen"
        if few and self._wanted is None:
            return  # to the incumbent, by which no wish was snapped
        if few and not self._beaten:
            self._wanted, self._beaten = None, True
        else:
            self.among *= 2


def _propose(known: Sequence[FrozenTrial], space: dict[str, BaseDistribution], seed: int) -> dict[str, ParamValue]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = optuna.samplers.TPESampler(seed=seed % 2**32, n_startup_trials=6, multivariate=False)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.add_trials(known)
        return dict(study.ask(space).params)


class _EndedTrial(FrozenTrial):
    """Optuna copies what is added to a study, deeply; of a trial that has ended only its number and id are its own."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "_EndedTrial":
        return copy.copy(self)


def _mirrored(row: RunRow, space: dict[str, BaseDistribution]) -> FrozenTrial | None:
    """An ended run as the sampler sees it: a pruned one by its best score at its last epoch; failed ones not at all."""
    params: dict[str, Any] = {name: row.params[name] for name in space if name in row.params}
    if len(params) != len(space) or any(not space[name]._contains(_internal(space, name, params)) for name in space):
        return None
    if row.best_score is None:
        return None
    pruned, now = row.state == "PRUNED", datetime.now()
    return _EndedTrial(
        number=0,
        trial_id=0,
        state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
        value=row.best_score,
        datetime_start=now,
        datetime_complete=now,
        params=params,
        distributions=space,
        user_attrs={},
        system_attrs={},
        intermediate_values={max(row.epochs or 1, 1): row.best_score} if pruned else {},
    )


def _internal(space: dict[str, BaseDistribution], name: str, params: dict[str, Any]) -> float:
    try:
        return space[name].to_internal_repr(params[name])
    except ValueError:
        return math.nan
