"""A study of rows alone: written straight into the tables, as if it had been trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert

from search.join import Asked, create_or_join
from search.records import DataFacts
from search.study import Study
from spaces.domain import label
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from spaces.study import StudyDefinition
from storage.attempts import AttemptTable
from storage.rows import Verdict
from storage.schema import CellTable, EntryTable, EpochTable, table_of
from storage.store import Store
from tests.search.commands import QUICK
from trainer.recipe import CrossEntropy, Focal, Recipe

DIGEST = "d" * 64


@dataclass(frozen=True)
class Made:
    """A run that ended (or, without `stop`, runs): as many epochs as it has scores."""

    phase: str
    recipe: Recipe
    label: str
    replicate: int
    scores: Sequence[float]
    stop: str | None = "finished"
    role: str = "challenger"
    params: tuple[tuple[str, Any], ...] = ()
    reason: str = "because the test says so"
    host: str = "host"


def stored_study(store: Store, name: str, classes: Sequence[str], *settings: str) -> Study:
    definition: StudyDefinition = override(LR_AUG, (*QUICK, *settings))
    resolved = definition.model_copy(
        update={"baseline": definition.baseline.model_copy(update={"channels": 1, "precision": "fp32"})}
    )
    facts = DataFacts(name="pictures", classes=tuple(classes), development_images=100, test_images=20, groups=7)
    study, _ = create_or_join(store, Asked(name, definition, resolved, "pictures", DIGEST, facts))
    store.measure_once(study.study_id, "rules", {"delta": 0.01, "noise": 0.01}, "test")
    return study


def add_runs(study: Study, runs: Sequence[Made], first: int = 1) -> None:
    """Write them in one transaction; trial and cell ids count from `first`."""
    cells, entries, epochs, attempts = [], [], [], []
    numbers: dict[str, int] = {}
    for trial_id, run in enumerate(runs, start=first):
        number = numbers[run.phase] = numbers.get(run.phase, -1) + 1
        state = {None: "RUNNING", "pruned": "PRUNED", "failed": "FAIL"}.get(run.stop, "COMPLETE")
        finite = [score for score in run.scores if score == score]
        cells.append({
            "cell_id": trial_id, "study_id": study.study_id, "signature": run.recipe.signature, "data_digest": DIGEST,
            "replicate": run.replicate, "recipe": run.recipe.canonical(), "home": run.phase, "trial_id": trial_id,
            "optuna_study": f"{study.name}/{run.phase}", "number": number, "state": state, "stop": run.stop,
            "reason": run.reason if run.stop else None, "best_score": max(finite, default=None),
            "best_epoch": 1, "last_score": run.scores[-1] if run.stop in ("finished", "stalled") else None,
            "epochs": len(run.scores), "seconds": 1.0, "test_score": None, "token": 1, "nonce": None, "lost": 0,
            "worker": "worker",
        })  # fmt: skip
        entries.append({
            "entry_id": trial_id, "study_id": study.study_id, "phase": run.phase, "cell_id": trial_id,
            "role": run.role, "label": run.label, "params": dict(run.params), "shown": {}, "trial_id": trial_id,
            "number": number,
        })  # fmt: skip
        epochs += [
            {"trial_id": trial_id, "epoch": n, "token": 1, "phase": "constant", "train_loss": 1 / n, "val_loss": 2 / n,
             "score": score if score == score else None, "lr": run.recipe.lr, "seconds": 0.1}
            for n, score in enumerate(run.scores, start=1)
        ]  # fmt: skip
        attempts.append({
            "trial_id": trial_id, "token": 1, "study_id": study.study_id, "worker": "worker", "host": run.host,
            "device": "cpu", "mode": {}, "began_at": 1.7e9 + trial_id, "seconds": 1.0, "images": 100,
            "training_seconds": 0.5, "validation_seconds": 0.2, "device_use": None, "core_seconds": 1.0,
            "peak_bytes": None,
        })  # fmt: skip

    def write(connection: Any) -> None:
        for table, rows in ((CellTable, cells), (EntryTable, entries), (EpochTable, epochs), (AttemptTable, attempts)):
            if rows:
                connection.execute(insert(table_of(table)), rows)

    study.store._database.write(write)


def decide(study: Study, stage: str, value: str, recipe: Recipe, incumbent: str, means: dict[str, float]) -> None:
    contenders = [{"label": k, "scores": {"1": v, "2": v}, "dropped": None, "differs": {}} for k, v in means.items()]
    evidence = {
        "warnings": [], "search_ended": "", "replicates": [1, 2], "incumbent": incumbent, "mean": means[value],
        "gain": means[value] - means[incumbent], "noise": 0.01, "contenders": contenders,
    }  # fmt: skip
    outcome = "tie" if value == incumbent else "leaning"
    study.store.decide_once(study.study_id, stage, Verdict(outcome, value, recipe.canonical(), evidence, "test"))


def answer(study: Study, classes: Sequence[str]) -> None:
    """As if its first stage had been all."""
    store, count = study.store, len(classes)
    recipe = study.definition.baseline.model_copy(update={"lr": 0.008}).canonical()
    gain = {"mean": 0.05, "low": 0.01, "high": 0.09}
    headline = {
        "answer": "final", "why": "take the final recipe: it is ahead of the baseline by more than chance",
        "recipe": recipe, "replicates": [100, 101], "validation": 0.9, "test": 0.88, "baseline_validation": 0.85,
        "baseline_test": 0.83, "validation_gain": gain, "test_gain": gain, "test_interval": "paired t",
    }  # fmt: skip
    told = {
        "per_class": {name: 0.5 + n / 10 for n, name in enumerate(classes)},
        "confusion": [[3 if i == j else 1 for j in range(count)] for i in range(count)],
        "validation": 0.9, "test": 0.88, "standard_error": 0.01, "hints": ["<u>split</u>"],
        "warning": "much <i>less</i>",
    }  # fmt: skip
    store.measure_once(study.study_id, "headline", headline, "test")
    store.measure_once(study.study_id, "test/report", told, "test")
    store.record_test_opening(study.study_id, "<b>who</b>", "why")


def stage_runs(study: Study, count: int = 2) -> list[Made]:
    """Of two stages: the screen of the first with a pruned and a diverged trial, its finals, and a screen under way."""
    recipe = study.definition.baseline
    other = recipe.model_copy(update={"lr": 0.008})
    bad = recipe.model_copy(update={"lr": 0.016})
    running = recipe.model_copy(update={"lr": 0.0024})
    focal = other.model_copy(update={"loss": Focal(gamma=2.0)})

    def lr(value: float) -> tuple[tuple[str, float], ...]:
        return (("lr", value),)

    runs = [
        Made("1-lr", recipe, "0.004", 0, (0.5, 0.8, 0.81, 0.82), role="incumbent", params=lr(0.004)),
        Made("1-lr", other, "0.008", 0, (0.6, 0.85, 0.86, 0.9), "stalled", params=lr(0.008)),
        Made("1-lr", bad, "0.016", 0, (0.1, 0.2), "pruned", params=lr(0.016), reason="pruned at epoch 2: behind <b>"),
        Made("1-lr", bad.model_copy(update={"lr": 0.03}), "0.03", 0, (0.1, float("nan")), "diverged", params=lr(0.03)),
    ]
    for replicate in range(1, count + 1):
        noise = replicate / 1000
        runs += [
            Made(
                "1-lr/finals", recipe, "0.004", replicate, (0.5, 0.8, 0.8 + noise), role="incumbent", params=lr(0.004)
            ),
            Made("1-lr/finals", other, "0.008", replicate, (0.5, 0.8, 0.9 + 2 * noise), params=lr(0.008)),
        ]
    runs.append(Made("2-loss", running, label(CrossEntropy()), 0, (0.6, 0.8), None, role="incumbent"))
    return [*runs, Made("2-loss", focal, label(Focal(gamma=2.0)), 0, (0.6, 0.9), host="<b>host</b>|")]
