"""What attempts cost together, as people and programs are told."""

import os
import socket
from dataclasses import replace

import pytest

from search.snapshot import take
from search.status_text import as_document, as_lines
from search.work_done import WorkDone, pace, sentence
from search.workplace import Workplace
from storage.attempts import AttemptRow
from storage.rows import Result
from tests.search.trials import RECIPE, WORKER, claim, screen_of

ROW = AttemptRow("host", "cpu", {}, 40.0, 100_000, 30.0, 8.4, 39.0, worker="a")


def test_the_whole_is_the_sum_of_its_attempts() -> None:
    work = WorkDone.of([ROW, replace(ROW, worker="b", images=50_000, seconds=20.0, peak_bytes=5), ROW])
    assert (work.attempts, work.workers, work.images, work.seconds, work.peak_bytes) == (3, 2, 250_000, 100.0, 5)
    assert (work.training_seconds, work.validation_seconds, work.core_seconds) == pytest.approx((90.0, 25.2, 117.0))
    assert work.images_per_second == 2500.0


def test_the_share_outside_is_what_neither_step_nor_validation_took() -> None:
    assert WorkDone.of([ROW]).outside_share == pytest.approx(0.04)
    assert WorkDone.of([replace(ROW, validation_seconds=11.0)]).outside_share == 0.0, "clocks read one after the other"


def test_the_use_of_gpus_is_a_mean_over_time_and_over_attempts_of_which_it_is_known() -> None:
    long, short = replace(ROW, device_use=0.9, seconds=30.0), replace(ROW, device_use=0.5, seconds=10.0)
    assert WorkDone.of([long, short, ROW]).device_use == pytest.approx(0.8)
    assert WorkDone.of([ROW]).device_use is None


def test_one_sentence_says_it_all() -> None:
    assert sentence(WorkDone.of([ROW])) == (
        "trained 100,000 images in 0:40 of work on 1 worker (2,500 images/s); "
        "4 % of the time outside step and validation"
    )
    gpus = [replace(ROW, device_use=0.83, worker=name) for name in "ab"]
    assert sentence(WorkDone.of(gpus)) == (
        "trained 200,000 images in 1:20 of work on 2 workers (2,500 images/s each); "
        "4 % of the time outside step and validation; GPU use 83 %"
    )


def test_before_the_first_report_nothing_is_said() -> None:
    work = WorkDone.of([])
    assert (sentence(work), work.images_per_second, work.outside_share, pace([], "a")) == (None, None, None, "")


def test_the_pace_of_a_worker_is_that_of_its_latest_attempt_that_has_trained() -> None:
    slow, fast = replace(ROW, images=40), replace(ROW, images=400, device_use=0.251)
    others, begun = replace(ROW, worker="b"), replace(ROW, images=0)
    assert pace([slow, fast, others, begun], "a") == "10 images/s, GPU use 25 %"
    assert pace([begun], "a") == ""


@pytest.fixture
def told(at: Workplace) -> Workplace:
    """A worker at work on a GPU: its first trial went out of memory, its second is running."""
    store, study_id = at.study.store, at.study.study_id
    store.register_worker(study_id, WORKER, socket.gethostname(), os.getpid(), "cuda:0", {})
    phase = screen_of(RECIPE, RECIPE.model_copy(update={"lr": 0.1}))
    failed, running = (claim(at, phase, planned) for planned in phase.runs)
    attempt = replace(ROW, device="cuda:0", mode={"precision": "bf16"}, device_use=0.83, peak_bytes=21 * 2**30)
    result = Result("failed", "failed: out of memory on cuda:0", None, None, None, None, 0, 40.0)
    store.finish(failed, result, attempt=replace(attempt, images=0))
    store.report(running, [], attempt=attempt)
    return at


def test_status_shows_what_a_worker_does_how_fast_it_is_and_what_failed(told: Workplace) -> None:
    lines = as_lines(take(told.study))
    (worker,) = [line for line in lines if line.startswith("worker on ")]
    assert "1-lr #1 lr 0.1; 2,500 images/s, GPU use 83 %; seen 0:0" in worker
    assert any(
        line.startswith("trained 100,000 images in 1:20 of work on 1 worker (1,250 images/s); ") for line in lines
    )
    note = "note: 1 run failed and took no part (1-lr #0: failed: out of memory on cuda:0)"
    assert note in lines, "not only when all is over"


def test_the_document_tells_every_attempt_with_its_trial(told: Workplace) -> None:
    document = as_document(take(told.study))
    assert document["work"]["images"] == 100_000
    assert document["work"]["peak_bytes"] == 21 * 2**30
    first, second = document["attempts"]
    assert (first["phase"], first["number"], first["token"], first["worker"]) == ("1-lr", 0, 1, WORKER)
    assert (second["number"], second["mode"], second["device_use"]) == (1, {"precision": "bf16"}, 0.83)
