"""The rules of ceteris for an Optuna objective of your own: when to stop, which trials to prune, what a gain is worth.

Thin: the rules themselves are `trainer.early_stopping`, `search.pruning` and `search.verdict`. See docs/onramp.md.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from optuna import Study
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search import pruning, verdict
from spaces.study import Budgets
from trainer.early_stopping import best_epoch, stalled
from trainer.recipe import Plateau

USUAL = Budgets()  # the numbers of a study


class EarlyStopping:
    """Tells when a run has stopped rising: no score of its last `patience` epochs is above the reference by `delta`.

    Higher is better; give a loss as its negative. NaN is no progress. After an interruption give the old scores again.
    """

    def __init__(self, patience: int, delta: float) -> None:
        self.plateau = Plateau(patience=patience, delta=delta)
        self.scores: list[float] = []

    def __call__(self, score: float) -> bool:
        """Whether to stop (better: to decay the learning rate now, then stop) after the epoch that reached `score`."""
        self.scores.append(score)
        return stalled(self.scores, self.plateau)

    @property
    def best_epoch(self) -> int:
        """From 1, of the highest score, whatever delta: whose weights to keep; 0 before there is one."""
        return best_epoch(self.scores)


class RungPruner(BasePruner):
    """Prunes at a few `rungs` (steps as reported, from 1) the trials that are clearly behind.

    Those are outside the best 1 / `eta` of all that reached the rung, and by more than `delta` below the cut; nobody is
    pruned while fewer than `company` have.

    Compared are best scores so far. A trial that has ended well before the rung keeps its place; one that was pruned
    before, or failed, is no company.
    """

    def __init__(
        self,
        delta: float,
        *,
        rungs: tuple[int, ...] = USUAL.rungs,
        eta: float = USUAL.eta,
        company: int = USUAL.company,
    ) -> None:
        if not math.isfinite(delta) or delta < 0 or eta <= 1 or company < 2 or min(rungs, default=0) < 1:
            raise ValueError(
                f"delta {delta}, rungs {rungs}, eta {eta}, company {company}: delta is 0 or more, rungs are steps from "
                "1, eta is above 1 and company 2 or more"
            )
        self.delta, self.rungs, self.eta, self.company = delta, tuple(rungs), eta, company

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        found = self.judge(study, trial)
        return found is not None and found.pruned

    def judge(self, study: Study, trial: FrozenTrial) -> pruning.Rung | None:
        """The decision at the trial's last step with its evidence and its reason in words; None if that is no rung."""
        step = trial.last_step
        if step is None or step not in self.rungs:
            return None
        sign = -1.0 if study.direction == StudyDirection.MINIMIZE else 1.0
        states = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED)
        others = [other for other in study.get_trials(deepcopy=False, states=states) if other.number != trial.number]
        company = [_best(other, step, sign) for other in others if _reached(other, step)]
        score = _best(trial, step, sign)
        return pruning.judge(step, score, company, delta=self.delta, eta=self.eta, minimum=self.company)


@dataclass(frozen=True)
class Comparison:
    """`winner` has the highest mean on the common seeds; `gain` is over the incumbent, None where that wins."""

    incumbent: str
    winner: str
    means: Mapping[str, float]
    gain: verdict.PairedGain | None
    seeds: int

    def __str__(self) -> str:
        if self.gain is None:
            return f"tie: {self.incumbent} is kept, no other has a higher mean on {self.seeds} common seeds"
        points = [100 * value for value in (self.gain.mean, self.gain.low, self.gain.high)]
        return (
            f"leaning: {self.winner} leads {self.incumbent} by {points[0]:+.2f} points on {self.seeds} common seeds "
            f"(95 % interval {points[1]:+.2f} to {points[2]:+.2f})"
        )


def compare(scores: Mapping[str, Mapping[int, float]], incumbent: str) -> Comparison:
    """What value -> seed -> score says, seed by seed: train every value on the same seeds, two at least.

    The interval is an ordinary paired t; picking the best of many values makes it optimistic.
    """
    seeds = sorted(set.intersection(*(set(each) for each in scores.values()))) if scores else []
    if incumbent not in scores or len(scores) < 2 or len(seeds) < 2:
        raise ValueError(
            f"{len(scores)} values on {len(seeds)} common seeds, incumbent {incumbent!r}: give the incumbent, another "
            "value, and two seeds that all of them were trained on"
        )
    contenders = [verdict.Contender(name, name == incumbent, each) for name, each in scores.items()]
    choice = verdict.choose(contenders, seeds)
    assert choice is not None
    gain = None
    if choice.label != incumbent:
        ours, theirs = ([scores[name][seed] for seed in seeds] for name in (choice.label, incumbent))
        gain = verdict.paired_gain(ours, theirs)
    means = {contender.label: contender.mean(seeds) for contender in contenders}
    return Comparison(incumbent, choice.label, means, gain, len(seeds))


def _reached(trial: FrozenTrial, step: int) -> bool:
    reported = trial.intermediate_values
    return bool(reported) and (max(reported) >= step or trial.state == TrialState.COMPLETE)


def _best(trial: FrozenTrial, step: int, sign: float) -> float:
    so_far = [sign * value for at, value in trial.intermediate_values.items() if at <= step and math.isfinite(value)]
    return max(so_far, default=-math.inf)
