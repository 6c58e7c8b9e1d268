"""The runs of a phase as points in Optuna's space: how far each lies from a proposal, all at once."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from search.phases import Phase, Planned

ParamValue = float | int | str


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


class Points:
    """The runs of a phase, in their order: `distributions`, and one column of values for each parameter."""

    def __init__(self, phase: Phase) -> None:
        self.distributions = distributions(phase)
        runs = [params_of(planned, phase) for planned in phase.runs]
        self._columns = {
            name: np.array([run[name] for run in runs], dtype=float if _width(distribution) else object)
            for name, distribution in self.distributions.items()
        }

    def nearest(self, wanted: Mapping[str, ParamValue], among: Sequence[int], count: int) -> list[int]:
        """Of the runs `among` (places in the phase) the `count` nearest, nearest first; of equals the first listed.

        Sum over parameters of 0 to 1: categories differ by 1, numbers by their share of the (log) range.
        """
        places = np.array(among)
        distance = np.zeros(len(places))
        for name, distribution in self.distributions.items():
            distance += _apart(self._columns[name][places], wanted[name], distribution)
        return [int(place) for place in places[np.argsort(distance, kind="stable")[:count]]]


def _apart(mine: NDArray[Any], theirs: Any, distribution: BaseDistribution) -> NDArray[np.float64]:
    width = _width(distribution)
    if width is None:
        return (mine != theirs).astype(float)
    if isinstance(distribution, FloatDistribution) and distribution.log:
        return np.abs(np.log(mine / float(theirs))) / width
    return np.abs(mine - float(theirs)) / width


def _width(distribution: BaseDistribution) -> float | None:
    """The (log) range of a number; None of a category."""
    if isinstance(distribution, FloatDistribution) and distribution.log:
        return math.log(distribution.high / distribution.low) or 1.0
    if isinstance(distribution, (FloatDistribution, IntDistribution)):
        return float(distribution.high - distribution.low) or 1.0
    return None


def _distribution(values: list[ParamValue]) -> BaseDistribution:
    if all(isinstance(value, str) for value in values):
        return CategoricalDistribution(tuple(dict.fromkeys(str(value) for value in values)))
    if all(isinstance(value, int) for value in values):
        return IntDistribution(int(min(values)), int(max(values)))
    numbers = [float(value) for value in values]
    return FloatDistribution(min(numbers), max(numbers), log=min(numbers) > 0)
