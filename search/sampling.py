"""From candidates to Optuna distributions, and from Optuna's proposal to the nearest free cell."""

import heapq
import math
import random
import warnings
from collections.abc import Sequence
from itertools import islice
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from search.phases import Phase, Planned
from storage.rows import RunRow

optuna.logging.set_verbosity(optuna.logging.WARNING)

ParamValue = float | int | str
MOST_KNOWN = 150  # trials that the sampler learns from, the newest: it copies each of them for every draw


def params_of(planned: Planned, phase: Phase) -> dict[str, ParamValue]:
    """What Optuna shows of a run: its factors, and its replicate where a phase has several."""
    params = dict(planned.candidate.params)
    if phase.kind != "screen":
        params["replicate"] = planned.replicate
    return params


def distributions(phase: Phase) -> dict[str, BaseDistribution]:
    """One distribution per parameter, wide enough for every run of the phase and the same for every worker."""
    seen: dict[str, list[ParamValue]] = {}
    for planned in phase.space or phase.runs:
        for name, value in params_of(planned, phase).items():
            seen.setdefault(name, []).append(value)
    return {name: _distribution(values) for name, values in seen.items()}


def next_run(phase: Phase, rows: Sequence[RunRow], taken: frozenset[tuple[str, int]], seed: int) -> Planned | None:
    """The run to start next, or None when every cell is taken."""
    return Draws(phase).next(rows, taken, seed)


class Draws:
    """The draws of one claim, which asks again when others were faster.

    Listed phases go in order. A screen starts with the incumbent, so that company exists early; then Optuna's TPE
    proposes and the proposal is snapped to the nearest cell that nobody has. Who was beaten to a cell takes one of the
    two nearest, then one of four, and so on: a hundred workers who ask at the same moment would otherwise all want the
    same cell, and each would have to draw up to a hundred times.
    """

    def __init__(self, phase: Phase, space: dict[str, BaseDistribution] | None = None, among: int = 1) -> None:
        """`space`: the phase's distributions, where they are at hand. `among`: so many cells are as good as the nearest
        from the first draw on."""
        self._phase, self.among = phase, among
        self.space = distributions(phase) if space is None else space
        self._wanted: dict[str, ParamValue] | None = None
        self._asked: Planned | None = None

    @property
    def again(self) -> bool:
        """Whether something was drawn before."""
        return self._asked is not None

    def next(self, rows: Sequence[RunRow], taken: frozenset[tuple[str, int]], seed: int) -> Planned | None:
        """`rows` are those of the phase, of a listed one only when it is asked `again`."""
        phase, before = self._phase, self._asked and self._asked.cell
        if any((row.signature, row.replicate) == before and not row.reused for row in rows):
            self.among *= 2
        else:  # what was drawn before was known of another study: the next one is what a claim of its own would draw
            self._wanted = None
        free = [planned for planned in phase.runs if planned.cell not in taken]
        if len(free) > 1 and phase.kind == "screen" and free[0].candidate.role != "incumbent":
            space = self.space
            wanted = self._wanted = self._wanted or _propose(phase, rows, space, seed)
            free = heapq.nsmallest(self.among, free, lambda run: _distance(params_of(run, phase), wanted, space))
        self._asked = random.choice(free[: self.among]) if free else None
        return self._asked


def _propose(
    phase: Phase, rows: Sequence[RunRow], space: dict[str, BaseDistribution], seed: int
) -> dict[str, ParamValue]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = optuna.samplers.TPESampler(seed=seed % 2**32, n_startup_trials=6, multivariate=False)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        known = (_mirrored(row, space) for row in reversed(rows) if row.phase == phase.name)
        newest = list(islice((trial for trial in known if trial is not None), MOST_KNOWN))
        study.add_trials(newest[::-1])
        return dict(study.ask(space).params)


def _mirrored(row: RunRow, space: dict[str, BaseDistribution]) -> optuna.trial.FrozenTrial | None:
    """An ended run as the sampler sees it: a pruned one by its best score at its last epoch; failed ones not at all."""
    params: dict[str, Any] = {name: row.params[name] for name in space if name in row.params}
    if len(params) != len(space) or any(not space[name]._contains(_internal(space, name, params)) for name in space):
        return None
    if row.state == "COMPLETE" and row.best_score is not None:
        return create_trial(params=params, distributions=space, value=row.best_score)
    if row.state == "PRUNED" and row.best_score is not None:
        reports = {max(row.epochs or 1, 1): row.best_score}
        return create_trial(
            params=params,
            distributions=space,
            state=TrialState.PRUNED,
            value=row.best_score,
            intermediate_values=reports,
        )
    return None


def _internal(space: dict[str, BaseDistribution], name: str, params: dict[str, Any]) -> float:
    try:
        return space[name].to_internal_repr(params[name])
    except ValueError:
        return math.nan


def _distribution(values: list[ParamValue]) -> BaseDistribution:
    if all(isinstance(value, str) for value in values):
        return CategoricalDistribution(tuple(dict.fromkeys(str(value) for value in values)))
    if all(isinstance(value, int) for value in values):
        return IntDistribution(int(min(values)), int(max(values)))
    numbers = [float(value) for value in values]
    return FloatDistribution(min(numbers), max(numbers), log=min(numbers) > 0)


def _distance(
    params: dict[str, ParamValue], wanted: dict[str, ParamValue], space: dict[str, BaseDistribution]
) -> float:
    """Sum over parameters of 0 to 1: categories differ by 1, numbers by their share of the (log) range."""
    total = 0.0
    for name, distribution in space.items():
        mine, theirs = params[name], wanted[name]
        if isinstance(distribution, FloatDistribution) and distribution.log:
            width = math.log(distribution.high / distribution.low) or 1.0
            total += abs(math.log(float(mine) / float(theirs))) / width
        elif isinstance(distribution, (FloatDistribution, IntDistribution)) and name != "replicate":
            width = (distribution.high - distribution.low) or 1.0
            total += abs(float(mine) - float(theirs)) / width
        else:
            total += float(mine != theirs)
    return total
