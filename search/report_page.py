"""report.html: everything there is to say of a study on one page that needs nothing but itself."""

import datetime
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.answer import ablation_lines, answer_sentence, doubts, recipe_words
from search.ask import BUILT_IN_DATA, launch_line
from search.commit import KEY
from search.cost import Epochs, Recipes, epochs_of
from search.figures import Figures
from search.held_out import Truth
from search.progress import clock
from search.records import Gain
from search.report_stages import stage_sections
from search.sentences import points
from search.snapshot import Snapshot
from search.submissions import read
from search.work_done import WorkDone

if TYPE_CHECKING:
    from jinja2 import Template

PAGES = Path(__file__).parent / "pages"
CLASSES = 300  # of which the page tells one by one


def page(snapshot: Snapshot, figures: Figures | None = None, data_text: str = "") -> str:
    """The page as text. `data_text`: what a launch wrote down of the data and their split."""
    figures, study = figures or Figures(), snapshot.study
    headline, test, submissions = snapshot.headline, snapshot.test, read(study)
    classes = study.resolved.data.classes
    gains = (
        [(n, g) for n, g in (("validation", headline.validation_gain), ("test", headline.test_gain)) if g]
        if headline
        else []
    )
    return _template().render(
        snapshot=snapshot,
        study=study,
        question=study.definition.question,
        data=study.resolved.data,
        created=_date(study.manifest.created_at),
        written=_date(snapshot.now),
        sentence=answer_sentence(snapshot),
        recipe_words=recipe_words(snapshot),
        headline=headline,
        gains=figures.gains(gains),
        changes=_changes(snapshot),
        ablation=snapshot.ablation,
        worths=figures.gains(_worths(snapshot), "worths"),
        ablation_lines=[words.strip() for words in ablation_lines(snapshot.ablation)],
        doubts=[words.removeprefix("note: ") for words in doubts(snapshot)],
        stages=stage_sections(snapshot, figures),
        test=test,
        per_class=sorted(test.per_class.items(), key=lambda item: item[1])[:CLASSES] if test else [],
        confusion=figures.confusion(test.confusion, classes) if test else "",
        openings=study.store.test_openings(study.study_id),
        submissions=submissions,
        leaderboard=figures.leaderboard(
            [
                (each.number, each.validation, each.test, each.score)
                for each in submissions
                if each.validation is not None
            ]
        ),
        cost=Cost.of(snapshot),
        balance=_balance(snapshot),
        data_text=data_text,
        reproduce=_reproduce(snapshot),
        style=(PAGES / "report.css").read_text(encoding="utf-8"),
        points=points,
        clock=clock,
    )


@cache
def _template() -> "Template":
    """Everything that is put into it is escaped, the figures aside: those escape what they show themselves."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PAGES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


@dataclass(frozen=True)
class Cost:
    epochs: Epochs
    work: WorkDone
    adopted: int
    gpu_hours: float  # of the workers' time on GPUs: two on one count twice
    places: tuple[tuple[str, str, int, str], ...]  # host, device, attempts, time

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Cost":
        attempted = {attempt.trial_id for attempt in snapshot.attempts}
        own = [row for row in snapshot.runs if row.trial_id in attempted or not attempted]
        counts = Counter((attempt.host, attempt.device) for attempt in snapshot.attempts)
        seconds = Counter[tuple[str, str]]()
        for attempt in snapshot.attempts:
            seconds[attempt.host, attempt.device] += attempt.seconds  # pyright: ignore[reportArgumentType]
        return cls(
            epochs=epochs_of(own, Recipes()),
            work=WorkDone.of(snapshot.attempts),
            adopted=len({row.cell_id for row in snapshot.runs} - {row.cell_id for row in own}),
            gpu_hours=sum(each.seconds for each in snapshot.attempts if each.device.startswith("cuda")) / 3600,
            places=tuple(
                (host, device, n, clock(seconds[host, device])) for (host, device), n in sorted(counts.items())
            ),
        )


def _changes(snapshot: Snapshot) -> list[tuple[str, str, str, Gain]]:
    """part, baseline, final, gain"""
    told = snapshot.headline
    if told is None:
        return []
    rows = [
        ("validation", told.baseline_validation, told.validation, told.validation_gain),
        ("test", told.baseline_test, told.test, told.test_gain),
    ]
    return [(part, f"{old or 0.0:.4f}", f"{new or 0.0:.4f}", gain) for part, old, new, gain in rows if gain]


def _worths(snapshot: Snapshot) -> list[tuple[str, Gain]]:
    worths = snapshot.ablation.worths if snapshot.ablation else ()
    return [(f"{worth.stage}: {worth.value}", worth.gain) for worth in worths if worth.gain]


@dataclass(frozen=True)
class Balance:
    """Images by class; the test part counts once its labels have been opened."""

    rows: tuple[tuple[str, int, int, float], ...]  # class, to learn from, in the test part, share of the largest class
    left_out: int
    words: str


def _balance(snapshot: Snapshot) -> Balance | None:
    study = snapshot.study
    found = study.store.measurement(study.study_id, "test/truth")
    if found is None:
        return None
    truth, classes = Truth.model_validate(found), study.resolved.data.classes
    tested = Counter(truth.labels.read().tolist())
    most, there = max(truth.development, default=1), [count for count in truth.development if count]
    rows = [
        (name, count, tested[place], count / max(most, 1))
        for place, (name, count) in enumerate(zip(classes, truth.development, strict=True))
    ]
    ratio = most / min(there) if there else 1.0
    words = (
        f"the largest class has {ratio:.1f} times the images of the smallest"
        if ratio > 1.05
        else "the classes are balanced"
    )
    rows.sort(key=lambda row: -row[1])
    return Balance(tuple(rows[:CLASSES]), len(rows[CLASSES:]), words)


def _reproduce(snapshot: Snapshot) -> dict[str, Any]:
    study, headline = snapshot.study, snapshot.headline
    facts = study.resolved.data
    data = facts.name if facts.name in BUILT_IN_DATA else "DATA"
    best = next((row for row in snapshot.runs if row.phase == "confirm"), None) or next(iter(snapshot.ended), None)
    return {
        "launch": launch_line(study.asked, study.name, data, facts.options),
        "again": f"python -m search.reproduce --study {study.name} --trial {best.phase}#{best.number}" if best else "",
        "fork": f"python -m search.fork {study.name} --as {study.name}-more --try loss=poly1",
        "recipe": json.dumps(json.loads(headline.recipe), indent=2, ensure_ascii=False) if headline else "",
        "versions": sorted(study.manifest.versions.items()),
        "commit": study.store.measurement(study.study_id, KEY),
        "recipe_version": study.manifest.recipe_version,
        "data_digest": study.manifest.data_digest,
        "manifest_digest": hashlib.sha256(study.manifest.definition.encode()).hexdigest(),
        "code": [(code.file, code.digest) for code in study.resolved.code],
        "placeholder": data == "DATA",
    }


def _date(at: float) -> str:
    return datetime.datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
