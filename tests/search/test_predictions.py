"""What every run that ended well answers is kept with it, and is what was scored."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from search import phases, predictions
from search.workplace import Workplace
from tests.search.test_objective import LeavesAfter, others, trained, with_company
from tests.search.trials import RECIPE, claim, run_trial, screen_of
from trainer.evaluation import score_of
from trainer.replicate import Replicate
from trainer.run import Run


def kept_of(at: Workplace, trial_id: int, part: predictions.Part = "validation") -> predictions.Predictions:
    found = predictions.read(at.study, trial_id, part)
    assert found is not None
    return found


def test_a_screened_run_keeps_the_answers_of_its_best_epoch(at: Workplace) -> None:
    row = trained(at, screen_of(RECIPE))
    kept = kept_of(at, row.trial_id)
    run = Run(RECIPE, Replicate.numbered(0), at.data, at.device)
    list(run)
    assert kept.epoch == row.best_epoch
    assert kept.rows.tolist() == run.validation_index.tolist()
    assert np.abs(kept.probabilities - run.best_probabilities().numpy()).max() < 1e-3
    labels = at.data.labels[torch.from_numpy(kept.rows)]
    assert score_of("macro_f1", torch.from_numpy(kept.probabilities), labels) == pytest.approx(row.best_score, abs=5e-3)


def test_answers_are_those_of_the_epoch_that_counts(at: Workplace) -> None:
    run = Run(RECIPE.model_copy(update={"lr": 0.05, "ema_epochs": 0.0}), Replicate.numbered(0), at.data, at.device)
    while run.best is None or run.best is run.epochs[-1]:
        next(run)
    for best, epoch, told in (
        (True, run.best.number, run.best_probabilities()),
        (False, len(run.epochs), run.validation_probabilities()),
    ):
        (blob,) = predictions.of_validation(run, best)
        kept = predictions.unpacked(blob.payload)
        assert kept.epoch == epoch
        assert np.abs(kept.probabilities - told.numpy()).max() < 1e-3


def test_a_confirmed_run_keeps_the_answers_of_its_last_epoch_also_on_the_test_part(at: Workplace) -> None:
    row = trained(at, phases.confirm(at.study.definition, RECIPE, RECIPE))
    validation, test = kept_of(at, row.trial_id), kept_of(at, row.trial_id, "test")
    assert (validation.epoch, test.epoch) == (row.epochs, row.epochs)
    assert test.rows.tolist() == at.data.test.rows.tolist()
    assert not set(test.rows) & set(validation.rows)
    _, labels = at.data.test.open(lambda who, why: None, "test", "test")
    assert score_of("macro_f1", torch.from_numpy(test.probabilities), labels) == pytest.approx(row.test_score, abs=5e-3)


def test_a_trial_that_goes_on_ends_with_the_very_answers_of_the_undisturbed_run(at: Workplace) -> None:
    phase = screen_of(RECIPE)
    lease = claim(at, phase, phase.runs[0])
    assert run_trial(replace(at, leaving=LeavesAfter(at.leaving, epochs=6)), phase, lease) == "released"  # type: ignore[arg-type]
    assert at.study.store.blobs(at.study.study_id) == []
    row = trained(at, phase)
    (blob,) = at.study.store.blobs(at.study.study_id)
    assert (blob.trial_id, blob.token) == (row.trial_id, 2)
    run = Run(RECIPE, Replicate.numbered(0), at.data, at.device)
    list(run)
    payload = at.study.store.blob(row.trial_id, "validation")
    assert payload == predictions.of_validation(run, best=True)[0].payload


def test_pruned_and_diverged_runs_keep_none(at: Workplace) -> None:
    phase = screen_of(RECIPE, *others(3))
    with_company(at, phase, [0.999, 0.999, 0.999])
    assert trained(at, phase).stop == "pruned"
    assert trained(at, replace(screen_of(RECIPE.model_copy(update={"lr": 10_000.0})), name="2-loss")).stop == "diverged"
    assert at.study.store.blobs(at.study.study_id) == []


def test_predictions_above_the_bound_are_left_out_with_a_note(caplog: pytest.LogCaptureFixture) -> None:
    many, classes = torch.arange(40_000), 110
    with caplog.at_level("INFO"):
        assert predictions.packed("validation", many, torch.zeros(len(many), classes), 1) == []
    assert "40000 images x 110 classes are left out: too large" in caplog.text
    assert predictions.packed("validation", many, torch.zeros(len(many), 100), 1)
