"""The table of learning curves and the replays on it."""

import csv
import math
import random
from collections.abc import Sequence
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, PatientPruner, SuccessiveHalvingPruner
from PIL import Image

from benchmarks.curves import decay, plots, report
from benchmarks.curves.evaluate import REPLICATES, Table, Task, choose, evaluate
from benchmarks.curves.recipes import CONSTANT, EPOCHS, pools, recipes
from benchmarks.curves.replay import Path as Curve
from benchmarks.curves.replay import Rule, Trial, keep_top, no_pruning, replay
from benchmarks.curves.rules import DEFAULTS, NONE, Ours, Peer, asha, median, ours, shipped
from benchmarks.curves.table import FILE, read, write
from trainer.early_stopping import stalled
from trainer.recipe import Plateau, Recipe

SCORE = st.floats(0.01, 1)
CURVES = st.lists(st.lists(SCORE, min_size=6, max_size=6), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def table() -> Table:
    return Table(read())


def paths(curves: Sequence[Sequence[float]], decay: int = 2) -> list[Curve]:
    return [Curve(tuple(curve), len(curve) - decay) for curve in curves]


@given(curves=CURVES, workers=st.integers(1, 5), seed=st.integers(0, 9))
def test_without_pruning_every_epoch_is_trained_and_the_best_is_chosen(
    curves: list[list[float]], workers: int, seed: int
) -> None:
    told = replay(paths(curves), no_pruning, workers, random.Random(seed))
    assert told.epochs == 6 * len(curves)
    assert told.chosen.best == max(max(curve) for curve in curves)


@given(curves=CURVES, workers=st.integers(1, 5), seed=st.integers(0, 9))
def test_a_curve_that_lies_above_all_others_is_never_pruned_by_our_rule(
    curves: list[list[float]], workers: int, seed: int
) -> None:
    highest = [max(scores) + 0.001 for scores in zip(*curves, strict=True)]
    pool = [*curves, highest]
    random.Random(seed).shuffle(pool)
    told = replay(paths(pool), Ours(0.0, (2, 4), 2.0, 4), workers, random.Random(seed))
    assert told.trials[pool.index(highest)].state == "complete"


def test_keep_top_trains_all_a_little_and_the_best_of_them_to_the_end() -> None:
    curves = [[0.1, 0.9, 0.9], [0.5, 0.2, 0.2], [0.3, math.nan], [0.4, 0.4, 0.5]]
    told = keep_top(paths(curves, decay=1), kept=2, after=1)
    assert [(trial.state, trial.epochs) for trial in told.trials] == [
        ("pruned", 1),
        ("complete", 3),
        ("pruned", 1),
        ("complete", 3),
    ]
    assert told.chosen.number == 1


def test_a_diverged_run_ends_there_is_never_chosen_and_disturbs_nobody() -> None:
    curves = [[0.9, math.nan], [0.5, 0.5, 0.5, 0.5, 0.5, 0.6], *[[0.5] * 6] * 4]
    told = replay(paths(curves), Ours(0.01, (2, 4), 2.0, 4), 2, random.Random(0))
    assert [trial.state for trial in told.trials] == ["diverged", *["complete"] * 5]
    assert told.trials[0].epochs == 2
    assert told.chosen.number == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: MedianPruner(n_startup_trials=3, n_warmup_steps=1),
        lambda: SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
        lambda: HyperbandPruner(min_resource=1, max_resource=6, reduction_factor=2),
        lambda: PatientPruner(MedianPruner(n_startup_trials=3), patience=1, min_delta=0.01),
    ],
)
def test_a_replayed_pruner_of_optunas_prunes_what_it_prunes_in_a_real_study(make: "type[BasePruner]") -> None:
    draw = random.Random(5)
    curves = [[draw.random() for _ in range(6)] for _ in range(60)]

    def objective(trial: optuna.Trial) -> float:
        for epoch, score in enumerate(curves[trial.number], start=1):
            trial.report(score, epoch)
            if epoch < 6 and trial.should_prune():  # nobody asks after the last epoch
                raise optuna.TrialPruned
        return curves[trial.number][-1]

    study = optuna.create_study(study_name="replay", direction="maximize", pruner=make())
    study.optimize(objective, n_trials=len(curves))
    told = replay(paths(curves), Peer(make()), 1, random.Random(0))
    real = [(trial.state.name.lower(), len(trial.intermediate_values)) for trial in study.trials]
    assert [(trial.state, trial.epochs) for trial in told.trials] == real
    assert {state for state, _ in real} == {"complete", "pruned"}


def test_a_stalled_run_is_company_with_its_constant_phase_only() -> None:
    seen: list[list[float]] = []

    class Watch:
        def __call__(self, trial: Trial, trials: Sequence[Trial]) -> bool:
            if trial.epochs == 3:
                seen.append([other.best_constant(3) for other in trials if other.state == "complete"])
            return False

    rule: Rule = Watch()
    replay([Curve((0.5, 0.6, 0.9, 0.95), 2), Curve((0.1, 0.2, 0.3, 0.4, 0.5), 4)], rule, 1, random.Random(0))
    assert seen[-1] == [0.6]


def test_the_recipes_differ_from_the_baseline_in_the_factors_they_stand_for() -> None:
    listed = recipes(Recipe())
    assert len({recipe.signature for recipe in listed}) == len(listed) == 64
    allowed = {"lr": {"lr"}, "loss": {"lr", "loss"}, "augment": {"lr", "augment"}}
    for stage, members in pools(listed).items():
        for member in members:
            assert {path.split(".")[0] for path in listed[member].differences(listed[0])} <= allowed[stage]
    assert set().union(*pools(listed).values()) == set(range(64))


def test_the_table_holds_every_recipe_of_every_set_twice_and_its_pilots(table: Table) -> None:
    assert len(table.sets) >= 3
    for name in table.sets:
        assert sum(curve.set == name and curve.kind == "pilot" for curve in table.curves) == 4
        for recipe in range(64):
            for replicate in REPLICATES:
                for kind in ("ema", "raw"):
                    curve = table.curve(name, recipe, replicate, kind)
                    assert curve is not None
                    assert len(curve.scores) == EPOCHS or math.isnan(curve.scores[-1])
        assert 0.002 < table.delta(name) <= 0.02


def test_a_branch_begins_where_its_scores_have_stalled(table: Table) -> None:
    branches = [curve for curve in table.curves if curve.kind == "ema-3"]
    assert len(branches) > 64
    odd = 0
    for curve in branches:
        assert 4 <= curve.constant_epochs < CONSTANT
        whole = table.curve(curve.set, curve.recipe, curve.replicate, "ema")
        assert whole is not None
        before, delta = whole.scores[: curve.constant_epochs], table.delta(curve.set)
        odd += not stalled(before, Plateau(patience=3, delta=delta))
    # Scores are kept in ten-thousandths: a rise of just delta may have fallen either way.
    assert odd <= 0.05 * len(branches)


def test_a_table_is_written_and_read_back_equal_and_in_one_order(table: Table, tmp_path: Path) -> None:
    write(reversed(table.curves), tmp_path / "curves.csv")
    assert (tmp_path / "curves.csv").read_bytes() == FILE.read_bytes()
    with FILE.open(encoding="utf-8", newline="") as lines:
        assert next(csv.reader(lines))[0] == "set"


def test_rules_are_judged_on_equal_orders_and_what_they_lose_is_counted(table: Table) -> None:
    task = Task(table.sets[0], 24, 4)
    none, mine = (evaluate(table, task, setting, 3) for setting in (NONE, shipped()))
    assert (none.saved, none.regret, none.within) == (1.0, 0.0, 1.0)
    assert mine.saved > 1.2
    assert evaluate(table, task, shipped(), 3) == mine
    eager = evaluate(table, task, ours((1,), 24.0, 2), 3)
    assert eager.saved > mine.saved


def test_a_setting_is_chosen_that_holds_its_promise_on_the_sets_it_is_chosen_on(table: Table) -> None:
    assert choose(table, (NONE, asha(1, 4)), table.sets[:2], 3) == NONE
    assert choose(table, (NONE, median(8, 4)), ("digits",), 2).name == "median"


def test_the_curves_are_drawn(table: Table, tmp_path: Path) -> None:
    plots._curves(table, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 1000


def test_the_report_names_every_set_and_rule(table: Table) -> None:
    assert all(name in report.pilots(table) for name in table.sets)
    told = report.workers(table, 1)
    assert all(setting.name in told for setting in DEFAULTS)
    assert all(words in decay.schedules(table) for words in decay.WORDS.values())
    assert "slow starters" in report.factors(table, 1)
