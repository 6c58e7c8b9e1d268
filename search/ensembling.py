"""Choose an ensemble from stored answers, and say honestly what it is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from search import crossfit, voting
from search.crossfit import Chosen, Compared
from search.pool import Pool
from search.scoring import Scorer

Ints = NDArray[np.int64]
Answers = NDArray[np.float64]
ChosenBy = Literal["soft", "hard", "greedy"]
USUAL_TOP = 5  # members of a plain vote


@dataclass(frozen=True)
class Question:
    """Pools that answer the parts of a label (or one, for the whole of it) on the same images.

    `labels` [n] and `classes` are of the joint label, the first pool's part leading; `groups` [n] are never torn."""

    pools: tuple[Pool, ...]
    labels: Ints
    classes: int
    groups: Ints | None
    metric: str

    @property
    def scorer(self) -> Scorer:
        return Scorer(self.metric, self.classes)


@dataclass(frozen=True)
class Rule:
    """How members are chosen: the best `top` with equal weights, or greedily among them (None: among all)."""

    by: ChosenBy
    top: int | None = None

    @property
    def vote(self) -> voting.Vote:
        return "hard" if self.by == "hard" else "soft"

    def weights(self, members: Answers, score: voting.Scored) -> voting.Weights:
        """[members], chosen by what they score."""
        order = voting.ranking(members, score)
        if self.by != "greedy":
            return voting.equally(order[: self.top or USUAL_TOP], len(members))
        library = order[: self.top]
        weights = np.zeros(len(members))
        weights[library] = voting.greedy(members[library], score)
        return weights


Weighted = tuple[voting.Weights, ...]
"""For every pool."""


def chosen(question: Question, rule: Rule, rows: Ints) -> tuple[Weighted, Weighted]:
    """The best single member of every pool, and the ensemble, both chosen on the images at `rows` alone."""
    single, ensemble = [], []
    for pool in question.pools:
        members, labels, scorer = pool.answers[:, rows], pool.labels[rows], Scorer(question.metric, len(pool.classes))

        def score(answers: Answers, labels: Ints = labels, scorer: Scorer = scorer) -> float:
            return scorer.of(scorer.answered(answers), labels)

        single.append(voting.equally(voting.ranking(members, score)[:1], len(members)))
        ensemble.append(rule.weights(members, score))
    return tuple(single), tuple(ensemble)


def answers(vote: voting.Vote, members: Sequence[Answers], weighted: Weighted) -> Answers:
    """[n, classes] of the joint label: the product of what each pool's members [members, n, its classes] come to."""
    joint = np.ones((members[0].shape[1], 1))
    for mine, weights in zip(members, weighted, strict=True):
        taken = weights > 0
        told = voting.combined(vote, mine[taken], weights[taken])
        joint = (joint[:, :, None] * told[:, None, :]).reshape(len(joint), -1)
    return joint


def naive(question: Question, rule: Rule) -> float:
    """The score on the images that it was chosen by."""
    every = np.arange(len(question.labels))
    _, ensemble = chosen(question, rule, every)
    told = answers(rule.vote, [pool.answers for pool in question.pools], ensemble)
    return question.scorer.of(question.scorer.answered(told), question.labels)


def estimate(question: Question, rule: Rule, times: int = crossfit.TIMES, draws: int | None = None) -> Compared:
    """Best single member and ensemble, cross-fitted: every image is scored by what was chosen without its group."""
    members = [pool.answers for pool in question.pools]
    scorer = question.scorer

    def choose(rows: Ints) -> tuple[Chosen, Chosen]:
        both = chosen(question, rule, rows)
        votes: tuple[voting.Vote, voting.Vote] = ("soft", rule.vote)

        def asked(weighted: Weighted, vote: voting.Vote) -> Chosen:
            return lambda at: scorer.answered(answers(vote, [mine[:, at] for mine in members], weighted))

        return asked(both[0], votes[0]), asked(both[1], votes[1])

    cuts = crossfit.cuts(question.labels, question.groups, times=times)
    first, second = crossfit.cross_fitted(cuts, choose)
    return crossfit.compared(first, second, question.labels, question.groups, scorer, draws)


def on_test(
    question: Question,
    rule: Rule,
    tests: Sequence[Answers],
    labels: Ints,
    groups: Ints | None,
    draws: int | None = None,
) -> tuple[Compared, Compared | None]:
    """Of every pool its answers [folds, members, m, its classes] to the test part with joint `labels` [m].

    First as the mean over folds, which is what the estimate estimates. Then, where there are several folds, the runs of
    all of them at once, which is what predicts: all of the single best against all of the ensemble.
    """
    single, ensemble = chosen(question, rule, np.arange(len(question.labels)))
    scorer = question.scorer
    by_fold = [[mine[fold] for mine in tests] for fold in range(len(tests[0]))]
    first = np.stack([scorer.answered(answers("soft", members, single)) for members in by_fold])
    second = np.stack([scorer.answered(answers(rule.vote, members, ensemble)) for members in by_fold])
    alike = crossfit.compared(first, second, labels, groups, scorer, draws)
    folds, flat = len(by_fold), [mine.reshape(-1, *mine.shape[2:]) for mine in tests]
    if folds == 1:
        return alike, None

    def at_once(vote: voting.Vote, weighted: Weighted) -> crossfit.Answered:
        spread = tuple(np.tile(weights / folds, folds) for weights in weighted)
        return scorer.answered(answers(vote, flat, spread))[None]

    whole = at_once(rule.vote, single), at_once(rule.vote, ensemble)
    return alike, crossfit.compared(*whole, labels, groups, scorer, draws)
