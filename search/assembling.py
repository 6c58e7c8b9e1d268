"""From studies to a question that an ensemble answers, and from the choice to what is kept of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search import ensembling, members, outside, pool
from search.edge import UserError
from search.ensembles import Ensemble, Member, Shown
from search.ensembling import Question, Rule
from search.held_out import Truth
from search.labelled import Labelled
from search.members import Entry, Kind
from search.pool import Contender, Pool
from search.records import as_json
from search.study import Study

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Assembled:
    kind: Kind
    question: Question
    studies: tuple[Study, ...]
    labelled: Labelled

    @property
    def contenders(self) -> list[Contender]:
        return [contender for each in self.question.pools for contender in each.contenders]

    @property
    def flattered(self) -> int:
        """Runs whose answers are those of the epoch that scored best on the images they are scored on."""
        return sum(entry.by_best_epoch for each in self.contenders for entry in each.group)


def assemble(
    studies: Sequence[Study],
    source: Labelled,
    *,
    kind: Kind | None = None,
    phases: Sequence[str] = (),
    trials: Sequence[str] = (),
    files: Sequence[Path] = (),
) -> Assembled:
    """All that can be combined: of these phases, or these trials alone. Raises `UserError` when too little is left."""
    entries = [members.entries_of(study, phases) for study in studies]
    basis = members.basis_of(_named(entries, studies, trials)) if trials else members.chosen_basis(entries, kind)
    if files and source.parts:
        raise UserError("predictions from outside answer the whole label, and these studies a part of it each")
    given = [outside.read(file, source.whole.names, source.whole.class_names) for file in files]
    found = pool.contenders(basis, given)
    rows = found[0].rows
    pools = _pools(studies, source, found, rows)
    if not source.parts and len(found) < 2:
        raise UserError(f"{found[0].label} is all there is to combine; add a study, or --members runs")
    groups = None if source.whole.groups is None else source.whole.groups[rows]
    metric = studies[0].definition.baseline.metric
    question = Question(pools, source.whole.labels[rows], len(source.whole.class_names), groups, metric)
    return Assembled(basis.kind, question, tuple(studies), source)


def ensemble_of(assembled: Assembled, rule: Rule, name: str) -> Ensemble:
    """Chosen on all validation images, with its cross-fitted estimate; not looked at on the test part."""
    question = assembled.question
    single, weighted = ensembling.chosen(question, rule, np.arange(len(question.labels)))
    best = [each.contenders[int(weights.argmax())].label for each, weights in zip(question.pools, single, strict=True)]
    return Ensemble(
        name=name,
        vote=rule.vote,
        chosen_by=rule.by,
        classes=assembled.labelled.whole.class_names,
        targets=assembled.labelled.parts,
        members=tuple(_members(question.pools, weighted)),
        metric=question.metric,
        images=len(question.labels),
        estimate=_shown(ensembling.estimate(question, rule)),
        best=" x ".join(best),
        naive=ensembling.naive(question, rule),
    )


def looked_at(assembled: Assembled, rule: Rule, ensemble: Ensemble) -> Ensemble | None:
    """With its score on the test part, each opening of which is counted: an ensemble that was looked at before is not
    looked at again. None where some contender has no answers to the test part on record."""
    tests = [each.tests for each in assembled.question.pools]
    truths = [_truth(assembled, each.target) for each in assembled.question.pools]
    first = assembled.studies[0]
    told = [each for each in tests if each is not None]
    true = [each for each in truths if each is not None]
    if len(told) < len(tests) or len(true) < len(truths):
        return None
    key = f"ensemble/{_identity(ensemble)}"
    kept = first.store.measurement(first.study_id, key)
    if kept is None:
        for study in assembled.studies:
            why = f"look at the ensemble {ensemble.name} of {len(ensemble.members)} runs"
            study.store.record_test_opening(study.study_id, f"{study.name} ensemble {ensemble.name}", why)
        labels = np.zeros(len(true[0].labels.read()), dtype=np.int64)
        for each, truth in zip(assembled.question.pools, true, strict=True):
            labels = labels * len(each.classes) + truth.labels.read()
        groups = None if true[0].groups is None else np.asarray(true[0].groups)
        shown, together = ensembling.on_test(assembled.question, rule, told, labels, groups)
        value = {"test": as_json(_shown(shown)), "together": None if together is None else as_json(_shown(together))}
        kept = first.store.measure_once(first.study_id, key, value, "ensemble")
    return Ensemble.model_validate({**ensemble.model_dump(), **dict(kept)})  # type: ignore[call-overload]


def _named(entries: Sequence[Sequence[Entry]], studies: Sequence[Study], trials: Sequence[str]) -> list[list[Entry]]:
    """`STUDY/PHASE#N`, or `PHASE#N` of the first study."""
    by_name = {entry.name: (place, entry) for place, each in enumerate(entries) for entry in each}
    found: list[list[Entry]] = [[] for _ in studies]
    for trial in dict.fromkeys(trials):
        name = next((n for n in (trial, f"{studies[0].name}/{trial}") if n in by_name), None)
        if name is None:
            raise UserError(
                f"{trial} is no run that ended well and whose answers are kept; write STUDY/PHASE#NUMBER, such as "
                f"{next(iter(by_name), 'lr_aug/1-lr#4')}"
            )
        place, entry = by_name[name]
        found[place].append(entry)
    return [each for each in found if each]


def _pools(studies: Sequence[Study], source: Labelled, found: Sequence[Contender], rows: Ints) -> tuple[Pool, ...]:
    """One for each part of the label, or one."""
    target_of = {study.name: target for study, target in zip(studies, source.targets, strict=True)}
    source_of = dict(zip(source.targets, source.by_study, strict=True))
    pools = []
    for target in source.parts or (None,):
        mine = tuple(c for c in found if not c.group or target_of[c.group[0].study.name] == target)
        if not mine:
            raise UserError(f"nobody answers {target} among what was named; add a run of it")
        labels, classes = source_of[target].labels[rows], source_of[target].class_names
        pools.append(Pool(target, classes, labels, mine))
    return tuple(pools)


def _members(pools: Sequence[Pool], weighted: ensembling.Weighted) -> list[Member]:
    found = []
    for each, weights in zip(pools, weighted, strict=True):
        for contender, weight in zip(each.contenders, weights, strict=True):
            if weight and not contender.group:
                found.append(
                    Member(study="", phase="", trial=0, weight=weight, label=contender.label, file=contender.label)
                )
            for entry in contender.group if weight else ():
                share, row = float(weight) / len(contender.group), entry.row
                member = Member(study=entry.study.name, phase=row.phase, trial=row.number, weight=share)
                found.append(member.model_copy(update={"label": contender.label, "target": each.target}))
    return found


def _truth(assembled: Assembled, target: str | None) -> Truth | None:
    """What the test part says of one target, from whichever study has it on record."""
    for study, mine in zip(assembled.studies, assembled.labelled.targets, strict=True):
        if mine == target and (found := study.store.measurement(study.study_id, "test/truth")) is not None:
            return Truth.model_validate(found)
    return None


def _identity(ensemble: Ensemble) -> str:
    whole = ensemble.model_dump_json(include={"vote", "targets", "members"})
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def _shown(told: ensembling.Compared) -> Shown:
    return Shown(single=told.first, ensemble=told.second, gain=told.gain, low=told.low, high=told.high)
