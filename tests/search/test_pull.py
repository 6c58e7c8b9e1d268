"""What one server has trained, another one has: weights and predictions through the database."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from search import fetching, phases, predictions
from search.folder import RunFolder
from search.pull import main
from search.weights import find
from search.workplace import Workplace
from storage.checkpoints import CheckpointFolder, checkpoints_at
from tests.search.commands import invoke
from tests.search.test_objective import trained
from tests.search.trials import RECIPE, screen_of
from trainer.replicate import Replicate
from trainer.run import Run

SHORT = RECIPE.model_copy(update={"epochs": 3})


def test_small_weights_reach_a_server_that_has_no_file_of_them_and_are_the_very_ones(
    at: Workplace, tmp_path: Path
) -> None:
    row = trained(replace(at, weights_in_db=2**26), screen_of(SHORT))
    folder = RunFolder.of(at.study, tmp_path / "elsewhere")
    here = checkpoints_at(folder.checkpoints, at.study.instance)
    told = fetching.fetch(at.study, folder, here)
    assert (told.weights, told.new_weights, told.predictions, told.new_predictions) == (1, 1, 1, 1)
    (pointer,) = at.study.store.checkpoints(row.trial_id)
    run = Run(SHORT, Replicate.numbered(0), at.data, at.device)
    list(run)
    weights = torch.load(io.BytesIO(here.read(pointer)), weights_only=True)
    assert all(torch.equal(weights[name], tensor) for name, tensor in run.best_weights().items())
    kept = predictions.read(at.study, row.trial_id)
    assert kept is not None
    with np.load(folder.predictions / f"1-lr_{row.number}_validation.npz") as fetched:
        assert (fetched["rows"] == kept.rows).all()
        assert (fetched["probabilities"] == kept.probabilities.astype(np.float16)).all()
    again = fetching.fetch(at.study, folder, here)
    assert (again.weights, again.new_weights, again.predictions, again.new_predictions) == (1, 0, 1, 0)


def test_what_is_too_large_for_the_database_is_named_with_the_host_that_has_it(
    at: Workplace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = trained(replace(at, weights_in_db=1000), screen_of(SHORT))
    (pointer,) = at.study.store.checkpoints(row.trial_id)
    url = f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}"
    arguments = ["--study", "lr_aug", "--storage", url, "--runs", str(tmp_path / "elsewhere")]
    told = invoke(main, *arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert told.code == 0
    assert "weights of 0 runs (0 fetched), predictions of 1 (1 fetched)" in told.out
    assert f"1-lr#{row.number}: its weights ({pointer.size / 2**20:.1f} MiB) are on {pointer.host} only" in told.out
    missing = invoke(main, *arguments[2:], "--study", "nobodys", monkeypatch=monkeypatch, capsys=capsys)
    assert missing.code == 2
    assert "Traceback" not in missing.err


def test_only_the_best_of_a_phase_and_confirmed_runs_have_weights_in_the_database(at: Workplace) -> None:
    short = SHORT.model_copy(update={"epochs": 2})
    at = replace(at, weights_in_db=2**26)
    rates = 0.004, 0.003, 0.002, 1e-6, 0.005
    phase = replace(screen_of(*(short.model_copy(update={"lr": lr}) for lr in rates)), rungs=())
    for planned in phase.runs:
        trained(at, replace(phase, runs=(planned,)))
    confirmed = trained(at, phases.confirm(at.study.definition, short, short))
    rows = at.study.store.runs(at.study.study_id, "1-lr")
    kept = {blob.trial_id for blob in at.study.store.blobs(at.study.study_id) if blob.kind == "weights"}
    worst = min(rows, key=lambda row: row.best_score or 0.0)
    assert worst.params == {"lr": 1e-6}
    assert worst.trial_id not in kept, "three were better when it ended"
    assert confirmed.trial_id in kept
    empty = CheckpointFolder(Path("nowhere"))
    assert (found := find(at.study, confirmed, empty)) is not None and found.fetched
    assert (none := find(at.study, worst, empty)) is not None and none.payload is None
