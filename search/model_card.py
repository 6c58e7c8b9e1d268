"""The README.md of an exported model: what it is, how good, how that is known, and where it ends."""

import statistics
from collections.abc import Sequence
from math import hypot, sqrt

from scipy.stats import norm, t

from search.answer import recipe_words, stage_cells
from search.chosen import Chosen
from search.markdown import shown, table
from search.records import TestReport
from search.snapshot import Snapshot, take
from storage.rows import RunRow
from trainer.exported import Model
from trainer.metrics import shown_metric

CLASSES = 300  # that are told one by one
FEWEST = 3  # runs that an interval is made of


def card(chosen: Chosen, model: Model) -> str:
    """Names of others stand in it as text, whatever they hold."""
    snapshot = take(chosen.study)
    lines = [f"# {shown(model.recipe.backbone_name)} for {shown(model.about.data)}", "", *_what(model), ""]
    lines += ["## How good it is", "", *_scores(chosen, model, snapshot)]
    if chosen.recommended and snapshot.test is not None:
        lines += ["", *_per_class(snapshot.test)]
    lines += ["", "## How it was chosen", "", *_chosen(chosen, snapshot), "", "## Data", "", *_data(chosen)]
    lines += [
        "",
        "## Limits",
        "",
        *_limits(chosen, model, snapshot),
        "",
        "## What is in this folder",
        "",
        *_files(model),
    ]
    return "\n".join(lines) + "\n"


def _what(model: Model) -> list[str]:
    about, recipe = model.about, model.recipe
    colour = "grey" if about.channels == 1 else "RGB"
    words = (
        f"A {shown(recipe.backbone_name)} that tells {len(about.class_names)} classes apart in {colour} pictures of "
        f"{about.image_size} x {about.image_size} pixels. Trained by ceteris in study {shown(about.study)}, trial "
        f"{shown(about.trial)}."
    )
    return [words]


def _scores(chosen: Chosen, model: Model, snapshot: Snapshot) -> list[str]:
    metric, about = shown(shown_metric(model.about.metric)), model.about
    own = ["- No image was kept to validate these very weights on: no honest validation score of them is known."]
    if about.score is not None:
        own = [f"- These very weights: {about.score:.4f} on the validation part of their own run."]
    if about.test_score is not None:
        own.append(f"- These very weights on the held-out test part: {about.test_score:.4f}.")
    rows = _confirmed(snapshot, chosen)
    if not chosen.recommended or not rows:
        return [
            f"Score: {metric}, 1 is perfect.",
            "",
            *own,
            "- The trial was named by hand: no interval is known for it.",
        ]
    lines = [f"Score: {metric}, 1 is perfect. Expect the mean, not the best run.", ""]
    lines.append(f"- Validation, {_interval([row.last_score or 0.0 for row in rows])}.")
    tests = [row.test_score for row in rows if row.test_score is not None]
    if tests:
        error = snapshot.test.standard_error if snapshot.test is not None else 0.0
        lines.append(f"- Held-out test part, {_interval(tests, error)}. Nothing was chosen by it.")
    if snapshot.test is not None:
        told = snapshot.test
        lines.append(
            f"- Test gap: {100 * (told.validation - told.test):+.2f} points from validation to test (standard error of "
            f"the test score {100 * told.standard_error:.2f})."
        )
        lines += [f"- Warning: {shown(told.warning)}."] if told.warning else []
    if len(rows) > 1 and about.score is not None:
        own[0] += f" It is the best of {len(rows)} runs, so this number flatters."
    return [*lines, *own]


def _confirmed(snapshot: Snapshot, chosen: Chosen) -> list[RunRow]:
    rows = (row for row in snapshot.runs if row.phase == "confirm" and row.recipe == chosen.row.recipe)
    return [row for row in rows if row.state == "COMPLETE" and row.stop != "diverged"]


def _interval(scores: Sequence[float], error: float = 0.0) -> str:
    """`error`: the standard error that the choice of the images adds, where all runs are scored on the same ones."""
    mean, count = statistics.fmean(scores), len(scores)
    if count < FEWEST:
        each = " and ".join(f"{score:.4f}" for score in scores)
        return f"{'one run' if count == 1 else f'{count} runs'}: {each}, too few for an interval"
    of_runs = float(t.ppf(0.975, count - 1)) * statistics.stdev(scores) / sqrt(count)
    half = hypot(of_runs, float(norm.ppf(0.975)) * error)
    interval = f"95 % interval {mean - half:.4f} to {mean + half:.4f}"
    return f"mean of {count} runs with fresh splits and seeds: {mean:.4f} ({interval})"


def _per_class(told: TestReport) -> list[str]:
    worst_first = sorted(told.per_class.items(), key=lambda item: item[1])
    rows = [("class", "F1 on the test part"), *((name, f"{value:.4f}") for name, value in worst_first[:CLASSES])]
    left = [f"\nand {len(worst_first) - CLASSES} better ones."] if len(worst_first) > CLASSES else []
    return ["By class, over the same runs:", "", *table(rows, right=(1,)), *left]


def _chosen(chosen: Chosen, snapshot: Snapshot) -> list[str]:
    if not chosen.recommended:
        return [f"Somebody named trial {shown(chosen.trial)}: it need not be what the study recommends."]
    headline = snapshot.headline
    lines = [f"The study asked: {shown(chosen.study.definition.question)}", ""]
    cells = [stage_cells(line) for line in snapshot.stages]
    lines += table([("stage", "carried on", "mean score"), *((c[0], c[1], c[2]) for c in cells)], right=(2,))
    if headline is not None:
        lines += ["", f"Its answer: {shown(headline.why)}.", "", f"Recipe: {shown(recipe_words(snapshot))}."]
    return [*lines, "", "Of the runs that confirmed the recipe the one with the highest validation score was exported."]


def _data(chosen: Chosen) -> list[str]:
    facts, definition = chosen.study.resolved.data, chosen.study.definition
    groups = "Images of one group never stand on both sides of a split." if facts.groups else "No groups were declared."
    words = (
        f"{shown(facts.words)}. {groups} Trained on {definition.folds - 1} of {definition.folds} folds of the images "
        f"to learn from, validated on the other. Digest of the data: {chosen.study.manifest.data_digest[:16]}."
    )
    return [words]


def _limits(chosen: Chosen, model: Model, snapshot: Snapshot) -> list[str]:
    facts, count = chosen.study.resolved.data, len(model.about.class_names)
    lines = [
        f"- It always answers one of its {count} classes, also where a picture shows none of them.",
        "- The scores hold for pictures like those of the data; other cameras, places or times were not tested.",
        "- Probabilities are not calibrated.",
    ]
    if not facts.groups:
        lines.append("- No groups were declared: if one person or object has several images, the scores flatter.")
    if snapshot.test is not None and chosen.recommended:
        name, worst = min(snapshot.test.per_class.items(), key=lambda item: item[1])
        lines.append(f"- Its weakest class is {shown(name)} (F1 {worst:.4f} on the test part).")
    if snapshot.depth == "quick":
        lines.append("- The study was quick: one replicate decided, and nothing has an error bar.")
    return lines


def _files(model: Model) -> list[str]:
    about, code = model.about, "".join(f" `{each.file}` (sha256 {each.digest[:16]}...)," for each in model.about.code)
    made = ", ".join(f"{name} {version}" for name, version in sorted(about.versions.items()))
    mean, spread = ([round(value, 4) for value in each] for each in (about.mean, about.std))
    own = [f"- {code.strip().rstrip(',')}: the user's own code, which runs only when you say so"] if code else []
    return [
        "- `weights.safetensors`: averaged weights, a state dict of the architecture in `model.json`",
        f"- `model.json`: classes, normalisation (mean {mean}, std {spread}), geometry, versions",
        "- `recipe.json`: everything it was trained by",
        *own,
        "",
        f"Made with {shown(made)}. `docs/use.md` of ceteris has the lines of plain timm and torch that load it.",
    ]
