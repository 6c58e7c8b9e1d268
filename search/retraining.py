"""The answer trained again, for use: on a heavier backbone, on more images, with more seeds.

It is a last chapter of the study's own life: asked for once in the database, carried out by whatever workers there are,
with the leases, checkpoints and reuse of every other run. The learning rate is tuned anew for a heavier backbone, for
the final recipe and for the baseline alike, and the two meet on common replicates: does the answer carry over?
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

from search.candidates import Candidate
from search.conclusions import ended_well
from search.edge import UserError
from search.headline import gain_of
from search.phases import CONFIRM_FIRST, Phase, Planned, base_replicate
from search.records import Gain, Retrained, Retraining, as_json
from search.sentences import points
from search.study import Study
from spaces.domain import rounded
from storage.rows import RunRow
from trainer.recipe import Recipe, read_recipe
from trainer.replicate import EVERYTHING_FROM, WHOLE_FROM

BAND = (1.0, 1 / 3, 3.0)  # times the learning rate of the small backbone
CHECK_FIRST, CHECKS = 150, 3  # replicates on which final and baseline recipe meet
MOST = CHECK_FIRST - CONFIRM_FIRST  # runs that validate


def ask(study: Study, wanted: Retraining, worker: str) -> int:
    """Write down what is wanted, once: the number of the retraining, that of an equal one if there is."""
    for number in count(1):
        stored = study.store.measure_once(study.study_id, f"retrain/{number}/asked", as_json(wanted), worker)
        if Retraining.model_validate(stored) == wanted:
            return number
    raise AssertionError


def life(study: Study, worker: str) -> Iterator[Phase]:
    """The phases of every retraining that is not over."""
    for number, (asked, done) in enumerate(study.retrainings(), start=1):
        if done is None:
            yield from _carried_out(study, number, asked, worker)


def planned(study: Study, asked: Retraining) -> int:
    """Runs at most."""
    recipes = 1 if asked.baseline is None else 2
    compared = (len(BAND) * recipes + (CHECKS * recipes if recipes == 2 else 0)) if asked.heavier else 0
    return compared + len(replicates(study, asked))


def replicates(study: Study, asked: Retraining) -> list[int]:
    """On which the recipe is trained in the end. Raises `UserError` for more than there are."""
    base, folds = base_replicate(study.definition), study.definition.folds
    if asked.on != "train":
        first = base + (WHOLE_FROM if asked.on == "train+val" else EVERYTHING_FROM)
        return [first + seed for seed in range(asked.seeds)]
    if not 1 <= asked.folds <= folds:
        raise UserError(f"--folds {asked.folds}: the study cuts its images into {folds}; give 1 to {folds}")
    if asked.seeds * folds > MOST:
        raise UserError(f"--seeds {asked.seeds}: with {folds} folds each, at most {MOST // folds}")
    first = base + CONFIRM_FIRST
    first += -first % folds  # where a cut begins
    return [first + seed * folds + fold for seed in range(asked.seeds) for fold in range(asked.folds)]


def _carried_out(study: Study, number: int, asked: Retraining, worker: str) -> Iterator[Phase]:
    name, base = f"retrain-{number}", base_replicate(study.definition)
    recipe, gain = read_recipe(asked.recipe), None
    words, tuning = "trained as it was found", ""
    if asked.heavier:
        recipes = {"final": asked.recipe} | ({"baseline": asked.baseline} if asked.baseline else {})
        band = {label: _band(label, read_recipe(text)) for label, text in recipes.items()}
        runs = [Planned(candidate, base) for each in band.values() for candidate in each]
        yield _phase(f"{name}/lr", runs)
        rows = study.store.runs(study.study_id, f"{name}/lr")
        tuned = {label: _best(each, rows) for label, each in band.items()}
        recipe, tuning = tuned["final"].recipe, _tuned_words(tuned, recipes)
        if "baseline" in tuned:
            check = [base + CHECK_FIRST + n for n in range(CHECKS)]
            yield _phase(
                f"{name}/check", [Planned(_plain(label, each), n) for n in check for label, each in tuned.items()]
            )
            gain, ahead, words = _checked(study.store.runs(study.study_id, f"{name}/check"), recipe.backbone_name)
            recipe = tuned[ahead].recipe
    if asked.on != "train":
        recipe = recipe.model_copy(update={"plateau": None})
    final = Candidate("final", "final", recipe, (("recipe", "final"),))
    runs = [Planned(final, replicate) for replicate in replicates(study, asked)]
    # What learns the test part has nothing to be tested on.
    phase = Phase(f"{name}/final", "retrain" if asked.on == "all" else "confirm", tuple(runs), len(runs), beyond=True)
    yield phase
    _settle(study, number, Told(recipe, words, tuning, gain), worker)


def _phase(name: str, runs: Sequence[Planned]) -> Phase:
    """Runs that are compared by their score after the decay; none of them opens the test part."""
    return Phase(name, "ablation", tuple(runs), len(runs), beyond=True)


def _band(label: str, recipe: Recipe) -> list[Candidate]:
    rates = [rounded(recipe.lr * times) for times in BAND]
    return [
        Candidate(f"{label}, lr {lr:g}", label, recipe.model_copy(update={"lr": lr}), (("of", label), ("lr", lr)))
        for lr in rates
    ]


def _plain(label: str, candidate: Candidate) -> Candidate:
    return Candidate(label, label, candidate.recipe, (("recipe", label),))


def _best(band: Sequence[Candidate], rows: Sequence[RunRow]) -> Candidate:
    """By the score after the decay; the learning rate of the small backbone where none ended well, or equals."""
    scores = {row.signature: row.last_score or 0.0 for row in rows if ended_well(row)}
    return max(band, key=lambda candidate: scores.get(candidate.recipe.signature, -1.0))


def _tuned_words(tuned: dict[str, Candidate], recipes: dict[str, str]) -> str:
    told = []
    for label, candidate in tuned.items():
        before, now = read_recipe(recipes[label]).lr, candidate.recipe.lr
        edge = " (the end of the band: a better one may lie beyond)" if now != before else ""
        told.append(f"lr of the {label} recipe {before:g} -> {now:g}{edge}")
    return ", ".join(told)


def _checked(rows: Sequence[RunRow], backbone: str) -> tuple[Gain | None, str, str]:
    """(gain, the recipe that is ahead, whether the answer carried over, in words)"""
    scores: dict[str, dict[int, float]] = {"final": {}, "baseline": {}}
    for row in rows:
        if row.state == "COMPLETE":
            scores[row.label][row.replicate] = (row.last_score or 0.0) if ended_well(row) else 0.0
    common = sorted(set(scores["final"]) & set(scores["baseline"]))
    gain = gain_of([scores["final"][n] for n in common], [scores["baseline"][n] for n in common])
    if gain is None:
        return None, "final", f"not known whether it carried over: {len(common)} replicates could be compared"
    told = f"{points(gain)} with {backbone} on {len(common)} replicates"
    if gain.mean <= 0:
        chance = ", no more than chance could make it" if gain.high > 0 else ""
        return gain, "baseline", f"did not carry over: {told}{chance}; the baseline recipe is trained instead"
    if gain.low <= 0:
        return gain, "final", f"leaning to have carried over: {told}, no more than chance could make it"
    return gain, "final", f"carried over: {told}"


class Told(NamedTuple):
    recipe: Recipe  # that was trained
    words: str
    tuning: str
    gain: Gain | None


def _settle(study: Study, number: int, told: Told, worker: str) -> None:
    rows = [row for row in study.store.runs(study.study_id, f"retrain-{number}/final") if ended_well(row)]
    done = Retrained(
        recipe=told.recipe.canonical(),
        words=told.words,
        tuning=told.tuning,
        gain=told.gain,
        replicates=tuple(sorted(row.replicate for row in rows)),
        validation=_mean([row.last_score for row in rows]),
        test=_mean([row.test_score for row in rows]),
    )
    study.store.measure_once(study.study_id, f"retrain/{number}/done", as_json(done), worker)


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None
