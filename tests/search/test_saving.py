"""A run goes on anywhere where its checkpoint can be read, and ends everywhere."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.saving import pause_after
from search.workplace import Workplace
from storage.checkpoints import CheckpointFolder, checkpoints_at
from tests.search.test_objective import LeavesAfter, trained
from tests.search.trials import RECIPE, claim, run_trial, screen_of
from tests.storage.s3_server import environment, s3_server
from trainer.replicate import Replicate
from trainer.run import Run

SHORT = RECIPE.model_copy(update={"epochs": 4})


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "buckets" / "team").mkdir(parents=True)
    with s3_server(tmp_path / "buckets") as endpoint:
        for name, value in environment(endpoint).items():
            monkeypatch.setenv(name, value)
        yield tmp_path / "buckets" / "team"


def leave_after(at: Workplace, epochs: int) -> None:
    """Train the first trial of a screen for some epochs, saving each, and give it back."""
    phase = screen_of(SHORT)
    lease = claim(at, phase, phase.runs[0])
    leaving = LeavesAfter(at.leaving, epochs=epochs)
    assert run_trial(replace(at, leaving=leaving, checkpoint_seconds=0.0), phase, lease) == "released"  # type: ignore[arg-type]


def curve_is_undisturbed(at: Workplace, number: int) -> bool:
    curve = at.study.store.curves(at.study.study_id, "1-lr")[number]
    return [epoch.score for epoch in curve] == [e.score for e in Run(SHORT, Replicate.numbered(0), at.data, at.device)]


def test_a_run_goes_on_from_a_bucket_on_a_server_without_its_files_and_falls_back_to_the_older_checkpoint(
    at: Workplace, bucket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    here, there = (replace(at, checkpoints=checkpoints_at("s3://team/ceteris", at.study.instance)) for _ in range(2))
    leave_after(here, epochs=3)
    saved = sorted(bucket.rglob("resume-*"))
    names = [file.name for file in saved]
    assert names[-2:] == ["resume-t0001-e000002.ckpt", "resume-t0001-e000003.ckpt"], "the last two, if not more"
    saved[-1].write_bytes(saved[-1].read_bytes()[:-1])
    row = trained(there, screen_of(SHORT))
    assert "at epoch 3 is no use" in caplog.text
    assert "goes on after epoch 2" in caplog.text
    assert curve_is_undisturbed(at, row.number)
    assert [file.name for file in bucket.rglob("*.ckpt")] == [f"best-t0002-e{row.best_epoch:06d}.ckpt"]
    (pointer,) = [each for each in at.study.store.checkpoints(row.trial_id) if each.kind == "best"]
    assert pointer.size == next(bucket.rglob("best*")).stat().st_size


def test_without_shared_storage_a_takeover_starts_again_and_says_so(
    at: Workplace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    leave_after(at, epochs=2)
    row = trained(replace(at, checkpoints=CheckpointFolder(tmp_path / "another server")), screen_of(SHORT))
    assert "starts again with its first epoch: its checkpoint lies on " in caplog.text
    assert "--checkpoints FOLDER or s3://BUCKET" in caplog.text
    assert curve_is_undisturbed(at, row.number)


def test_a_place_that_cannot_be_written_any_more_costs_checkpoints_and_weights_and_not_the_trial(
    at: Workplace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    full = replace(at, checkpoints=CheckpointFolder(tmp_path / "file"), checkpoint_seconds=0.0, weights_in_db=2**26)
    row = trained(full, screen_of(SHORT))
    assert (row.state, row.stop) == ("COMPLETE", "finished")
    assert "cannot write a checkpoint in" in caplog.text
    assert at.study.store.checkpoints(row.trial_id) == []
    assert {blob.kind for blob in at.study.store.blobs(at.study.study_id)} == {"validation", "weights"}


def test_saving_takes_at_most_2_percent_of_the_time() -> None:
    assert pause_after(30.0, cost=0.01) == 30.0
    assert pause_after(30.0, cost=2.0) == 100.0
    assert pause_after(0.0, cost=2.0) == 0.0, "at every epoch, as asked"
