"""Whether contestants did the same work: equal lists of recipes, and scores that are equal within noise."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contestants.task import Answer, Trained

GATE = 0.01  # one point of accuracy: two seeds of one recipe differ by a third of that, means of a list by less


@dataclass(frozen=True)
class Verdict:
    passed: bool
    words: str


def gate(answers: Mapping[str, Sequence[Answer]], ours: str, allowed: float = GATE) -> Verdict:
    """Name -> the answer of each round. Fails when a list differs from ours, or our mean score is lower than somebody's
    by more than `allowed`."""
    mine = answers[ours]
    passed, said = True, []
    for name, theirs in answers.items():
        if name == ours:
            continue
        if any(_list(one.trained) != _list(mine[0].trained) for one in (*theirs, *mine)):
            passed = False
            said.append(f"{name}: trained another list of recipes than {ours}")
            continue
        ahead = mean_score(mine) - mean_score(theirs)
        passed &= ahead >= -allowed
        said.append(f"{name}: {ours} {100 * ahead:+.2f} points (noise {100 * noise(mine, theirs):.2f})")
    outcome = "passed" if passed else "FAILED"
    return Verdict(passed, f"equivalence gate, at most {100 * allowed:g} points lower: {outcome}; {'; '.join(said)}")


def mean_score(answers: Sequence[Answer]) -> float:
    return statistics.mean(one.score for answer in answers for one in answer.trained)


def noise(mine: Sequence[Answer], theirs: Sequence[Answer]) -> float:
    """Standard error of the mean difference, paired by learning rate; NaN for a single pair."""
    differences = [
        one.score - other.score
        for answer, another in zip(mine, theirs, strict=True)
        for one, other in zip(_sorted(answer.trained), _sorted(another.trained), strict=True)
    ]
    return statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else float("nan")


def _sorted(trained: Sequence[Trained]) -> list[Trained]:
    return sorted(trained, key=lambda one: one.lr)


def _list(trained: Sequence[Trained]) -> list[tuple[str, int]]:
    return [(f"{one.lr:.4g}", one.epochs) for one in _sorted(trained)]
