"""The rules inside somebody's own Optuna objective."""

import math
import re
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import optuna
import pytest

from search.onramp import EarlyStopping, RungPruner, compare
from spaces.study import Budgets

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "onramp.md").read_text(encoding="utf-8")


def test_the_example_of_the_docs_runs_and_says_what_the_docs_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (shown,) = re.findall(r"```\n(trial.*?)```", TEXT, re.DOTALL)
    (tmp_path / "my_search.py").write_text(code, encoding="utf-8")
    runpy.run_path(str(tmp_path / "my_search.py"))
    told, promised = (re.sub(r"[\d.]+", "n", text).splitlines() for text in (capsys.readouterr().out, shown))
    assert told[-1] == promised[-1], "other libraries may differ in digits, not in what is said"
    assert promised[0] in told


def test_early_stopping_is_the_delta_rule_and_keeps_the_best_whatever_delta() -> None:
    stop = EarlyStopping(patience=2, delta=0.01)
    assert [stop(score) for score in (0.5, 0.505, math.nan)] == [False, False, True]
    assert stop.best_epoch == 2


def pruned(
    curves: Sequence[Sequence[float]], pruner: RungPruner, direction: Literal["maximize", "minimize"] = "maximize"
) -> list[int]:
    """The curves as trials of a real study, one after the other: the numbers of those that were pruned."""

    def objective(trial: optuna.Trial) -> float:
        for epoch, score in enumerate(curves[trial.number], start=1):
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return curves[trial.number][-1]

    study = optuna.create_study(direction=direction, pruner=pruner)
    study.optimize(objective, n_trials=len(curves))
    return [trial.number for trial in study.trials if trial.state.name == "PRUNED"]


CURVES = ([0.5, 0.9, 0.9], [0.5, 0.89, 0.9], [0.5, 0.6, 0.7], [0.5, 0.885, 0.95], [0.5, 0.7, 0.7], [0.1, math.nan, 0.2])


def test_trials_clearly_behind_their_company_are_pruned_at_the_rung() -> None:
    assert pruned(CURVES, RungPruner(delta=0.0, rungs=(2,), eta=2.0)) == [3, 4, 5]
    assert pruned(CURVES, RungPruner(delta=0.01, rungs=(2,), eta=2.0)) == [4, 5], (
        "the fourth is behind by no more than delta"
    )


def test_a_loss_is_pruned_as_its_negative_would_be() -> None:
    losses = [[-score for score in curve] for curve in CURVES]
    assert pruned(losses, RungPruner(delta=0.01, rungs=(2,), eta=2.0), "minimize") == [4, 5]


def test_a_trial_that_has_ended_before_the_rung_is_company_there() -> None:
    curves = ([0.9], [0.9], [0.9], [0.5, 0.6])
    assert pruned(curves, RungPruner(delta=0.01, rungs=(2,), eta=2.0)) == [3]
    assert pruned(([0.9], [0.9], [0.9, 0.9]), RungPruner(delta=0.01, rungs=(2,), eta=2.0)) == []


def test_the_pruner_has_the_numbers_of_a_study() -> None:
    pruner, usual = RungPruner(delta=0.01), Budgets()
    assert (pruner.rungs, pruner.eta, pruner.company) == (usual.rungs, usual.eta, usual.company)


def test_the_pruner_says_what_its_numbers_may_be() -> None:
    with pytest.raises(ValueError, match=r"eta is above 1"):
        RungPruner(delta=0.01, eta=1.0)
    with pytest.raises(ValueError, match=r"delta is 0 or more"):
        RungPruner(delta=math.nan)


def test_values_are_compared_on_the_seeds_they_share() -> None:
    told = compare({"a": {0: 0.5, 1: 0.6, 2: 0.9}, "b": {1: 0.62, 0: 0.53, 3: 0.1}}, incumbent="a")
    assert (told.winner, told.seeds) == ("b", 2)
    assert told.gain is not None
    assert told.gain.mean == pytest.approx(0.025)
    assert str(told).startswith("leaning: b leads a by +2.50 points on 2 common seeds (95 % interval ")
    assert str(compare({"a": {0: 1.0, 1: 1.0}, "b": {0: 1.0, 1: 1.0}}, "a")).startswith("tie: a is kept")


def test_values_without_two_common_seeds_are_not_compared() -> None:
    with pytest.raises(ValueError, match="0 common seeds"):
        compare({"a": {0: 0.5}, "b": {1: 0.6}}, incumbent="a")
    with pytest.raises(ValueError, match="incumbent 'c'"):
        compare({"a": {0: 0.5, 1: 0.5}, "b": {0: 0.6, 1: 0.6}}, incumbent="c")
