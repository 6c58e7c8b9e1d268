"""An ensemble as text: who votes, what that is worth, and whether it helps."""

from collections.abc import Iterator

from search.answer import table
from search.assembling import Assembled
from search.ensembles import Ensemble, Shown
from search.records import Gain
from search.retention import kept_rows
from search.sentences import points

CHOSEN = {"soft": "by mean probability", "hard": "by majority", "greedy": "greedily, with replacement"}


def lines(assembled: Assembled, ensemble: Ensemble, looked: bool) -> list[str]:
    """`looked`: whether the test part was asked for."""
    return [
        _what(assembled),
        *table([("weight", "member"), *_weights(ensemble)]),
        "",
        f"best single: {ensemble.best}",
        *table(list(_scores(assembled, ensemble))),
        "",
        f"Answer: {answer(ensemble)}.",
        *_at_once(ensemble),
        *_notes(assembled, ensemble, looked),
    ]


def answer(ensemble: Ensemble) -> str:
    """Validation decides; a test part that contradicts is told."""
    told, what = ensemble.estimate, f"{points(_gain(ensemble.estimate))} over the best single one"
    if told.low > 0:
        against = ensemble.test is not None and ensemble.test.gain <= 0
        return f"take the ensemble: {what}{', which the test part does not confirm' if against else ''}"
    if told.gain > 0:
        return f"it may not help: {what}, no more than chance could make it"
    return f"it does not help, keep the best single one: {what}"


def _at_once(ensemble: Ensemble) -> Iterator[str]:
    """Voting of all folds helps by itself, whatever is mixed: its worth, which no validation image can show."""
    if (whole := ensemble.together) is None or ensemble.test is None:
        return
    best, worth = ensemble.test.single, 100 * (whole.single - ensemble.test.single)
    yield (
        f"  All folds of the best single one at once score {whole.single:.4f} on the test part, {worth:+.2f} points "
        f"over one of them ({best:.4f}); all folds of the ensemble {points(_gain(whole))} over that."
    )


def _what(assembled: Assembled) -> str:
    question, names = assembled.question, " and ".join(study.name for study in assembled.studies)
    count, images = len(assembled.contenders), len(question.labels)
    what = (
        "recipes, each image answered by the run that was not trained on it" if assembled.kind == "recipes" else "runs"
    )
    grouped = "" if question.groups is None else f" of {len(set(question.groups.tolist())):,} groups"
    return f"{names}: {count} {what}, on {images:,} validation images{grouped}, scored by {question.metric}"


def _weights(ensemble: Ensemble) -> Iterator[tuple[str, str]]:
    totals: dict[tuple[str | None, str], float] = {}
    for member in ensemble.members:
        key = member.target, member.label
        totals[key] = totals.get(key, 0.0) + member.weight
    for (target, label), weight in sorted(totals.items(), key=lambda item: (item[0][0] or "", -item[1])):
        yield f"{weight:.2f}", f"{target}: {label}" if target else label


def _scores(assembled: Assembled, ensemble: Ensemble) -> Iterator[tuple[str, ...]]:
    told, test = ensemble.estimate, ensemble.test
    yield ("", "validation, cross-fitted", *(["test"] if test else []))
    yield ("best single", f"{told.single:.4f}", *([f"{test.single:.4f}"] if test else []))
    how = CHOSEN[ensemble.chosen_by]
    yield (f"ensemble, {how}", f"{told.ensemble:.4f}", *([f"{test.ensemble:.4f}"] if test else []))
    yield ("gain", points(_gain(told)), *([points(_gain(test))] if test else []))
    if (whole := ensemble.together) is not None:
        yield "all folds at once: best single", "", f"{whole.single:.4f}"
        yield f"all folds at once: ensemble of {len(ensemble.members)} runs", "", f"{whole.ensemble:.4f}"


def _notes(assembled: Assembled, ensemble: Ensemble, looked: bool) -> Iterator[str]:
    flattery = 100 * (ensemble.naive - ensemble.estimate.ensemble)
    yield (
        f"  scored on the very images it was chosen by it would be {ensemble.naive:.4f}: choosing flatters, by "
        f"{flattery:+.2f} points; intervals are for other images, not for other seeds"
    )
    if assembled.flattered:
        yield (
            f"  note: {assembled.flattered} runs of screens answer with the epoch that was best on these images, which "
            "flatters all of them; --phase confirm leaves them out"
        )
    if ensemble.test:
        count = len(assembled.studies[0].store.test_openings(assembled.studies[0].study_id))
        yield f"  the test part of {assembled.studies[0].name} has been opened {count} times, each on record"
    elif looked:
        yield "  no score on the test part: only confirmed runs have answered it (--phase confirm)"
    if gone := _without_weights(assembled, ensemble):
        yield (
            f"  note: the weights of {gone} of its {len(ensemble.members)} runs are not kept (the best three of each "
            "phase are, and all confirmed): it cannot predict for other images; --phase confirm can"
        )
    if any(member.file for member in ensemble.members):
        yield "  predictions from outside are taken at their word: that nothing of these images was trained on"


def _without_weights(assembled: Assembled, ensemble: Ensemble) -> int:
    kept = {
        (study.name, row.phase, row.number)
        for study in assembled.studies
        for row in kept_rows(study.store.runs(study.study_id))
    }
    return sum((member.study, member.phase, member.trial) not in kept for member in ensemble.members if not member.file)


def _gain(told: Shown) -> Gain:
    return Gain(mean=told.gain, low=told.low, high=told.high)
