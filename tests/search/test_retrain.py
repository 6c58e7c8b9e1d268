"""The answer trained for use: asked for once, carried out by any worker, told honestly."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from search import phases, predictions, retraining
from search.candidates import Candidate
from search.edge import UserError
from search.folder import RunFolder
from search.phases import Phase
from search.records import Retrained, Retraining
from search.retention import superfluous
from search.retrain_request import wanted
from search.retrained import lines
from search.study import Study
from search.worker import Worker
from search.workplace import Workplace
from storage.checkpoints import CheckpointFolder
from tests.search.on_paper import carry_out, scored, study_with
from tests.search.rows import run_row
from tests.search.trials import WORKER
from trainer.recipe import Plateau, read_recipe
from trainer.replicate import Replicate

HEAVY = "test_efficientnet"


def answered(at: Workplace) -> Study:
    definition = at.study.definition
    budgets = definition.budgets.model_copy(update={"claims": 2})
    study = study_with(at, budgets=budgets, stages=definition.stages[:1])
    carry_out(study)
    assert study.finished
    return study


def asked_of(study: Study, backbone: str | None = None, **changes: object) -> Retraining:
    given = {"weights": None, "on": "train", "folds": 1, "seeds": 1, "epochs": None} | changes
    return wanted(study, backbone, **given)  # type: ignore[arg-type]


def carried_out(study: Study, asked: Retraining, score=scored) -> tuple[Retrained, list[str]]:
    number = retraining.ask(study, asked, "w")
    assert not study.finished
    trained = carry_out(study, retraining.life(study, WORKER), score)
    done = list(study.retrainings())[number - 1][1]
    assert done is not None
    assert study.finished
    return done, trained


def ahead_by(points: float):
    """The final recipe is ahead on the heavier net; the highest of its three learning rates is the best."""

    def score(study: Study, candidate: Candidate, replicate: int) -> float:
        best = max(retraining.BAND) if candidate.recipe.backbone == HEAVY else 0
        lr = 0.01 * (candidate.recipe.lr > 0.01) if best else 0.0
        final = candidate.label.startswith("final")
        return 0.8 + lr + points / 100 * final + 0.0001 * (replicate % 7) * (1 if final else -1)

    return score


def test_the_same_retraining_is_asked_for_once_whoever_asks(at: Workplace) -> None:
    study = answered(at)
    one, other = asked_of(study), asked_of(study, on="all")
    assert [retraining.ask(study, each, who) for each, who in ((one, "a"), (one, "b"), (other, "a"), (one, "a"))] == [
        1,
        1,
        2,
        1,
    ]


def test_a_recipe_that_was_confirmed_on_the_folds_is_not_trained_again(at: Workplace) -> None:
    study = answered(at)
    done, trained = carried_out(study, asked_of(study, folds=2))
    assert trained == []
    assert done.replicates == (100, 101)
    assert done.validation == pytest.approx(study.headline().validation)  # type: ignore[union-attr]


def test_seeds_and_folds_are_whole_cuts_of_their_own(at: Workplace) -> None:
    study = answered(at)
    found = [Replicate.numbered(n, 5) for n in retraining.replicates(study, asked_of(study, folds=5, seeds=2))]
    assert [each.fold for each in found] == [0, 1, 2, 3, 4] * 2
    assert len({each.split_seed for each in found}) == 2
    with pytest.raises(UserError, match="--folds 6: the study cuts its images into 5"):
        retraining.replicates(study, asked_of(study, folds=6))
    with pytest.raises(UserError, match="at most 10"):
        retraining.replicates(study, asked_of(study, seeds=11))


def test_a_heavier_backbone_has_its_learning_rate_tuned_for_both_recipes_and_then_they_meet(at: Workplace) -> None:
    study = answered(at)
    asked = asked_of(study, HEAVY)
    done, trained = carried_out(study, asked, ahead_by(1.0))
    kinds = [line.split()[0] for line in trained]
    assert kinds == ["retrain-1/lr"] * 6 + ["retrain-1/check"] * 6 + ["retrain-1/final"]
    assert len(trained) == retraining.planned(study, asked)
    recipe, small = read_recipe(done.recipe), read_recipe(study.headline().recipe)  # type: ignore[union-attr]
    assert recipe.backbone == HEAVY
    assert recipe.differences(small).keys() == {"backbone", "lr"}
    assert recipe.lr == pytest.approx(3 * small.lr, rel=1e-3)
    assert done.words.startswith("carried over: +1.")
    assert f"with {HEAVY} on 3 replicates" in done.words
    assert "(the end of the band: a better one may lie beyond)" in done.tuning


def test_an_answer_that_does_not_carry_over_is_not_trained(at: Workplace) -> None:
    study = answered(at)
    done, _ = carried_out(study, asked_of(study, HEAVY), ahead_by(-1.0))
    assert done.words.startswith("did not carry over: -0.")
    assert "the baseline recipe is trained instead" in done.words
    baseline = phases.with_plateau(study.definition, study.settled_rules().delta)
    assert read_recipe(done.recipe).differences(baseline).keys() == {"backbone", "lr"}


def test_a_gain_within_chance_is_only_a_leaning(at: Workplace) -> None:
    def score(study: Study, candidate: Candidate, replicate: int) -> float:
        return 0.8 + (0.01 * (replicate % 3) - 0.008) * candidate.label.startswith("final")

    study = answered(at)
    done, _ = carried_out(study, asked_of(study, HEAVY), score)
    assert done.words.startswith("leaning to have carried over")


def test_nothing_is_asked_of_a_study_without_an_answer_or_of_weights_of_another_net(
    at: Workplace, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="is not answered yet"):
        asked_of(at.study)
    study = answered(at)
    with pytest.raises(UserError, match="--weights goes with another --backbone"):
        asked_of(study, weights=tmp_path / "w.pt")
    with pytest.raises(UserError, match="timm has no backbone called 'test_eficientnet'; did you mean"):
        asked_of(study, "test_eficientnet")
    with pytest.raises(UserError, match="epochs"):
        asked_of(study, epochs=1)


def test_without_validation_a_run_has_the_length_that_stopped_ones_had(at: Workplace) -> None:
    study = answered(at)
    row = study.store.runs(study.study_id, "confirm")[0]
    stopped = read_recipe(row.recipe).model_copy(update={"plateau": Plateau(delta=0.01), "epochs": 40})

    class Stopped(Study):
        def headline(self, depth="full"):
            return study.headline().model_copy(update={"recipe": stopped.canonical()})  # type: ignore[union-attr]

    same = Stopped(study.store, study.manifest, study.resolved)
    assert read_recipe(asked_of(same, on="all").recipe).epochs == 40, "nothing was confirmed with it"
    assert read_recipe(asked_of(same, on="all", epochs=9).recipe).epochs == 9


def test_the_time_of_a_study_and_the_best_three_do_not_bound_what_is_for_use(at: Workplace) -> None:
    study = answered(at)
    retraining.ask(study, asked_of(study, on="all", seeds=5), "w")
    late = replace(study, resolved=study.resolved.model_copy(update={"hours": 1e-9}))
    (phase,) = retraining.life(late, "w")
    assert phase.beyond
    assert len(carry_out(late, [phase])) == 5
    assert superfluous(phase, [run_row(n, None) for n in range(5)]) == []


@pytest.mark.parametrize("on", ["train+val", "all"])
def test_what_is_trained_on_every_image_is_trained_by_a_worker_and_left_for_use(
    at: Workplace, tmp_path: Path, on: str
) -> None:
    study = answered(at)
    folder = RunFolder.of(study, tmp_path / "runs")
    here = replace(at, study=study, checkpoints=CheckpointFolder(folder.checkpoints / study.instance))
    asked = asked_of(study, on=on, epochs=3)
    number = retraining.ask(study, asked, "w")
    before = len(study.store.test_openings(study.study_id))
    Worker(here, WORKER).carry()
    assert study.finished
    (row,) = study.store.runs(study.study_id, f"retrain-{number}/final")
    assert (row.stop, row.epochs, row.last_score) == ("finished", 3, None)
    assert predictions.read(study, row.trial_id) is None
    opened = study.store.test_openings(study.study_id)[before:]
    done = list(study.retrainings())[number - 1][1]
    assert done is not None
    told = list(lines(study, number, asked, done, folder, here.checkpoints))
    if on == "all":
        assert row.test_score is None
        assert [each.why for each in opened] == ["train on it: no honest score is left"]
        assert "no honest score of it is left" in told[2]
    else:
        assert row.test_score is not None
        assert len(opened) == 1
        assert f"macro_f1 on the test part {row.test_score:.4f}" in told[2]
    (weights,) = folder.weights.glob("*.safetensors")
    assert load_file(weights).keys()
    assert json.loads((folder.path / f"retrain-{number}.json").read_text(encoding="utf-8"))["epochs"] == 3
    assert told[-1].endswith(f"--trial retrain-{number}/final#0 --out model")


def test_phases_of_a_retraining_open_the_test_part_in_the_end_only(at: Workplace) -> None:
    study = answered(at)
    retraining.ask(study, asked_of(study, HEAVY), "w")
    seen: list[Phase] = []

    def noted():
        for phase in retraining.life(study, WORKER):
            seen.append(phase)
            yield phase

    carry_out(study, noted(), ahead_by(1.0))
    assert {phase.name: phase.opens_test for phase in seen} == {
        "retrain-1/lr": False,
        "retrain-1/check": False,
        "retrain-1/final": True,
    }
