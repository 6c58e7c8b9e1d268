"""The rules that are compared: ours, Optuna's own pruners, and none."""

import random
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import product
from typing import Any, cast

from optuna import Study
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from benchmarks.curves.replay import Path, Replay, Rule, Trial, keep_top, no_pruning, replay
from search import pruning
from spaces.study import Budgets

_STATES = {
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "diverged": TrialState.FAIL,
}


@dataclass(frozen=True)
class Ours:
    """The rung rule of `search.pruning`, with the company that `storage.runs.rung_scores` tells of."""

    delta: float
    rungs: tuple[int, ...]
    eta: float
    company: int

    def __call__(self, trial: Trial, trials: Sequence[Trial]) -> bool:
        epoch = trial.epochs
        if epoch not in self.rungs or epoch >= trial.path.constant:
            return False
        others = [other for other in trials if other is not trial and _at(other, epoch)]
        scores = [other.best_constant(epoch) for other in others]
        mine = trial.best_constant(epoch)
        return pruning.judge(epoch, mine, scores, delta=self.delta, eta=self.eta, minimum=self.company).pruned


def _at(other: Trial, epoch: int) -> bool:
    return other.state != "diverged" and (other.epochs >= epoch or other.state == "complete")


@dataclass
class Peer:
    """One of Optuna's pruners on a study that holds only what pruners look at. One per replay: pruners remember."""

    pruner: BasePruner
    _seen: dict[int, FrozenTrial] = field(default_factory=dict)
    _trials: Sequence[Trial] = ()
    direction = StudyDirection.MAXIMIZE
    study_name = "replay"

    def __post_init__(self) -> None:
        hyperband = self.pruner if isinstance(self.pruner, HyperbandPruner) else None
        if hyperband is not None:
            hyperband._create_bracket_study = lambda study, bracket_id: cast(
                Study, _Bracket(self, hyperband, bracket_id)
            )

    def __call__(self, trial: Trial, trials: Sequence[Trial]) -> bool:
        self._trials = trials
        return self.pruner.prune(cast(Study, self), self._frozen(trial))

    # ---- what pruners ask of a study

    @property
    def _storage(self) -> "Peer":
        return self

    def set_trial_system_attr(self, number: int, key: str, value: Any) -> None:
        # As Optuna's own storage: whoever holds the trial already does not see it, and ASHA counts on that.
        self._seen[number] = trial = copy(self._seen[number])
        trial.system_attrs = {**trial.system_attrs, key: value}

    def get_trials(self, deepcopy: bool = True, states: Sequence[TrialState] | None = None) -> list[FrozenTrial]:
        found = [self._frozen(trial) for trial in self._trials if trial.epochs]
        return found if states is None else [trial for trial in found if trial.state in states]

    def _frozen(self, trial: Trial) -> FrozenTrial:
        frozen = self._seen.get(trial.number)
        if frozen is None:
            times: dict[str, Any] = {"datetime_start": None, "datetime_complete": None}
            empty: dict[str, Any] = {"params": {}, "distributions": {}, "user_attrs": {}, "system_attrs": {}}
            frozen = FrozenTrial(
                number=trial.number,
                trial_id=trial.number,
                state=TrialState.RUNNING,
                value=None,
                intermediate_values={},
                **times,
                **empty,
            )
            self._seen[trial.number] = frozen
        reported = frozen.intermediate_values
        for epoch in range(len(reported) + 1, trial.epochs + 1):
            reported[epoch] = trial.path.scores[epoch - 1]
        frozen.state = _STATES[trial.state]
        return frozen


@dataclass
class _Bracket:
    """What Hyperband's own bracket study shows: the trials of one bracket."""

    whole: Peer
    pruner: HyperbandPruner
    number: int
    direction = StudyDirection.MAXIMIZE

    @property
    def _storage(self) -> Peer:
        return self.whole

    def get_trials(self, deepcopy: bool = True, states: Sequence[TrialState] | None = None) -> list[FrozenTrial]:
        found = self.whole.get_trials(states=states)
        return [trial for trial in found if self.pruner._get_bracket_id(cast(Study, self.whole), trial) == self.number]


@dataclass(frozen=True)
class Setting:
    """A rule with its numbers. `play` replays a pool: paths, delta of the set's pilot, workers, draw."""

    name: str
    words: str
    play: Callable[[Sequence[Path], float, int, random.Random], Replay]


def _ruled(name: str, words: str, make: Callable[[float], Rule]) -> Setting:
    """`make` gives the rule for a delta, anew for every replay: pruners remember."""
    return Setting(name, words, lambda paths, delta, workers, draw: replay(paths, make(delta), workers, draw))


NONE = _ruled("no pruning", "", lambda delta: no_pruning)


def ours(rungs: tuple[int, ...], eta: float, company: int) -> Setting:
    words = f"rungs {' '.join(map(str, rungs))}, eta {eta:g}, company {company}"
    return _ruled("ours", words, lambda delta: Ours(delta, rungs, eta, company))


def _peer(name: str, words: str, make: Callable[[], BasePruner]) -> Setting:
    return _ruled(name, words, lambda delta: Peer(make()))


def median(startup: int = 5, warmup: int = 0) -> Setting:
    words = f"startup {startup}, warm-up {warmup}"
    return _peer("median", words, lambda: MedianPruner(n_startup_trials=startup, n_warmup_steps=warmup))


def percentile(share: float, startup: int = 5, warmup: int = 0) -> Setting:
    words = f"{share:g} %, startup {startup}, warm-up {warmup}"
    return _peer("percentile", words, lambda: PercentilePruner(share, n_startup_trials=startup, n_warmup_steps=warmup))


def asha(first: int = 1, eta: int = 4) -> Setting:
    words = f"from {first}, eta {eta}"
    return _peer("ASHA", words, lambda: SuccessiveHalvingPruner(min_resource=first, reduction_factor=eta))


def hyperband(first: int = 1, eta: int = 3) -> Setting:
    words = f"from {first}, eta {eta}"
    return _peer("Hyperband", words, lambda: HyperbandPruner(min_resource=first, max_resource=16, reduction_factor=eta))


def patient(patience: int, startup: int = 5, warmup: int = 0) -> Setting:
    """Optuna's PatientPruner around its median rule, with the same delta as ours."""

    def make(delta: float) -> Rule:
        wrapped = MedianPruner(n_startup_trials=startup, n_warmup_steps=warmup)
        return Peer(PatientPruner(wrapped, patience=patience, min_delta=delta))

    return _ruled("Patient(median)", f"patience {patience}, startup {startup}, warm-up {warmup}", make)


def top(share: int, after: int) -> Setting:
    """One in `share` of the pool is kept after so many epochs: no pruner, for all wait for the slowest."""

    def play(paths: Sequence[Path], delta: float, workers: int, draw: random.Random) -> Replay:
        return keep_top(paths, max(1, len(paths) // share), after)

    return Setting("keep top", f"one in {share} after {after} epochs", play)


DEFAULTS = (median(), percentile(25.0), asha(), hyperband(), patient(3), top(6, 2))
GRIDS: dict[str, tuple[Setting, ...]] = {
    "median": tuple(median(*numbers) for numbers in product((3, 5, 8), (0, 2, 4))),
    "percentile": tuple(percentile(*numbers) for numbers in product((25.0, 33.0, 67.0), (3, 5), (0, 2, 4))),
    "ASHA": tuple(asha(*numbers) for numbers in product((1, 2, 3, 4), (2, 3, 4))),
    "Hyperband": tuple(hyperband(*numbers) for numbers in product((1, 2), (2, 3, 4))),
    "Patient(median)": tuple(patient(*numbers) for numbers in product((1, 3), (3, 5), (0, 2))),
    "keep top": tuple(top(*numbers) for numbers in product((2, 3, 4, 6), (1, 2, 3, 4))),
    "ours": tuple(
        ours(*numbers)
        for numbers in product(
            ((2, 4), (2, 4, 8), (2, 3, 4), (2, 3, 4, 6), (3, 4, 6, 8), (2,), (1, 2, 4, 8)), (2.0, 3.0, 4.0), (4, 6)
        )
    ),
}


def shipped() -> Setting:
    """Ours with the numbers a study has by default."""
    budgets = Budgets()
    return ours(budgets.rungs, budgets.eta, budgets.company)
