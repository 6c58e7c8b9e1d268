"""One trial from its lease to its end, with a real run, a real store and real company."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from search import phases
from search.gauge import Gauge
from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.meter import Meter, measuring
from search.objective import train
from search.phases import Phase
from search.workplace import Workplace
from storage.errors import LeaseLost
from storage.rows import EpochRow, RunRow
from tests.search.commands import wait_until
from tests.search.trials import RECIPE, WORKER, claim, run_trial, screen_of
from trainer.recipe import Plateau, Recipe
from trainer.replicate import Replicate
from trainer.run import Run


def with_company(at: Workplace, phase: Phase, scores: list[float]) -> None:
    """Other workers' trials that have reached epoch 2 with these scores."""
    for planned, score in zip(phase.runs[1:], scores, strict=True):
        lease = claim(at, phase, planned, f"worker-{planned.candidate.label}")
        rows = [EpochRow(number, "constant", score, 1.0, 1.0, 0.001, 0.1) for number in (1, 2)]
        at.study.store.report(lease, rows)


def trained(at: Workplace, phase: Phase) -> RunRow:
    lease = claim(at, phase, phase.runs[0])
    run_trial(at, phase, lease)
    return next(row for row in at.study.store.runs(at.study.study_id, phase.name) if row.trial_id == lease.trial_id)


def others(count: int) -> list[Recipe]:
    return [RECIPE.model_copy(update={"lr": 0.1 + number}) for number in range(count)]


def test_a_trial_behind_its_company_is_pruned_and_says_why_with_the_evidence(at: Workplace) -> None:
    phase = screen_of(RECIPE, *others(3))
    with_company(at, phase, [0.999, 0.999, 0.999])
    row = trained(at, phase)
    assert (row.state, row.stop, row.epochs) == ("PRUNED", "pruned", 2)
    assert row.reason is not None
    assert row.reason.startswith("pruned at epoch 2: ")
    assert "cut 0.999, delta 0.000" in row.reason


def test_a_trial_in_front_of_its_company_finishes_with_score_and_weights(at: Workplace) -> None:
    phase = screen_of(RECIPE, *others(3))
    with_company(at, phase, [0.01, 0.01, 0.01])
    row = trained(at, phase)
    assert (row.state, row.stop, row.epochs) == ("COMPLETE", "finished", 6)
    (weights,) = at.study.store.checkpoints(row.trial_id)
    assert weights.kind == "best"
    assert at.checkpoints.read(weights)


def test_the_incumbent_is_never_pruned(at: Workplace) -> None:
    phase = screen_of(RECIPE, *others(3))
    held = replace(phase.runs[0], candidate=replace(phase.runs[0].candidate, role="incumbent"))
    phase = replace(phase, runs=(held, *phase.runs[1:]))
    with_company(at, phase, [0.999, 0.999, 0.999])
    assert trained(at, phase).state == "COMPLETE"


def test_a_trial_that_has_just_stalled_decays_and_ends_with_its_score_and_is_not_pruned(at: Workplace) -> None:
    stalling = RECIPE.model_copy(update={"plateau": Plateau(patience=1, delta=1.0)})
    phase = screen_of(stalling, *others(3))
    with_company(at, phase, [0.999, 0.999, 0.999])
    row = trained(at, phase)
    assert (row.state, row.stop) == ("COMPLETE", "stalled")
    assert row.epochs == 2 + 1
    assert row.reason is not None
    assert row.reason.startswith("stalled at epoch 2: no rise above 1 in 1 epochs")


def test_a_diverged_run_counts_with_zero_everywhere_and_is_no_company(at: Workplace) -> None:
    phase = screen_of(RECIPE.model_copy(update={"lr": 10_000.0}), RECIPE)
    row = trained(at, phase)
    assert (row.state, row.stop) == ("COMPLETE", "diverged")
    assert (row.best_score, row.last_score) == (0.0, 0.0)
    assert at.study.store.checkpoints(row.trial_id) == []
    assert at.study.store.rung_scores(at.study.study_id, "1-lr", 2) == []


def test_a_trial_released_at_a_rung_is_judged_there_when_it_goes_on(at: Workplace) -> None:
    phase = screen_of(RECIPE, *others(3))
    with_company(at, phase, [0.999, 0.999, 0.999])
    lease = claim(at, phase, phase.runs[0])
    first_two = LeavesAfter(at.leaving, epochs=2)
    assert run_trial(replace(at, leaving=first_two), phase, lease) == "released"  # type: ignore[arg-type]
    row = trained(at, phase)
    assert (row.stop, row.epochs) == ("pruned", 2)
    assert [attempt.images > 0 for attempt in at.study.store.attempts(at.study.study_id)] == [True, False]


class LeavesAfter:
    """Asked to leave once it has been looked at as often as there are epochs."""

    def __init__(self, leaving: Leaving, epochs: int) -> None:
        self.seconds, self.pause = leaving.seconds, leaving.pause
        self._left = epochs
        self.look: Callable[[], object] = lambda: None

    def __call__(self, another: float = 0.0) -> bool:
        self.look()
        self._left -= 1
        return self._left <= 0


def test_a_worker_that_lost_its_lease_opens_no_test_label_and_writes_no_result(at: Workplace) -> None:
    phase = phases.confirm(at.study.definition, RECIPE, RECIPE)
    lease = claim(at, phase, phase.runs[0])
    at.study.store.release(lease)
    asleep = LeaseKeeper(at.study.store, WORKER, 1000.0, at.leaving)  # another one would notice it first
    with measuring("cpu", {}, Gauge()) as meter, pytest.raises(LeaseLost):
        asleep.hold(lease, "", meter.row)
        train(lease, phase, replace(at, keeper=asleep), meter)
    asleep.close()
    assert at.study.store.test_openings(at.study.study_id) == []
    (row,) = at.study.store.runs(at.study.study_id, "confirm")
    assert (row.state, row.test_score) == ("WAITING", None)


def test_a_confirmed_run_carries_its_test_score(at: Workplace) -> None:
    phase = phases.confirm(at.study.definition, RECIPE, RECIPE)
    row = trained(at, phase)
    assert row.test_score is not None
    assert 0.5 < row.test_score <= 1.0
    (opening,) = at.study.store.test_openings(at.study.study_id)
    assert opening.who == "lr_aug/confirm #0"


def test_a_taken_over_run_scores_what_the_undisturbed_run_scores(at: Workplace) -> None:
    phase = screen_of(RECIPE)
    lease = claim(at, phase, phase.runs[0])
    assert run_trial(replace(at, leaving=LeavesAfter(at.leaving, epochs=3)), phase, lease) == "released"  # type: ignore[arg-type]
    disturbed = trained(at, phase)
    curve = at.study.store.curves(at.study.study_id, "1-lr")[disturbed.number]
    assert [epoch.epoch for epoch in curve] == [1, 2, 3, 4, 5, 6]
    undisturbed = Run(RECIPE, Replicate.numbered(0), at.data, at.device)
    assert [epoch.score for epoch in curve] == [epoch.score for epoch in undisturbed]


def test_the_keeper_renews_and_tells_of_its_own_lost_lease_only(at: Workplace) -> None:
    phase = screen_of(RECIPE, *others(1))
    first, second = claim(at, phase, phase.runs[0]), claim(at, phase, phase.runs[1])
    nothing = Meter("cpu", {}, Gauge()).row
    at.keeper.hold(first, "", nothing)
    at.study.store.release(first)
    end = time.monotonic() + 10
    while not at.keeper.lost:
        assert time.monotonic() < end
        time.sleep(0.05)
    at.keeper.hold(second, "", nothing)
    assert not at.keeper.lost, "what happened to another trial is not this one's"


def test_an_attempt_is_recorded_with_what_it_trained_and_how(at: Workplace) -> None:
    phase = screen_of(RECIPE)
    row = trained(at, phase)
    (attempt,) = at.study.store.attempts(at.study.study_id)
    epochs = list(Run(RECIPE, Replicate.numbered(0), at.data, at.device))
    assert attempt.images == sum(epoch.images for epoch in epochs)
    assert (attempt.trial_id, attempt.token, attempt.worker) == (row.trial_id, 1, WORKER)
    assert (attempt.device, attempt.mode) == ("cpu", {"threads": 1, "precision": "fp32"})
    assert 0 < attempt.training_seconds + attempt.validation_seconds < attempt.seconds
    assert attempt.core_seconds > 0
    assert (attempt.device_use, attempt.peak_bytes) == (None, None), "a CPU does not say"


def test_a_trial_that_goes_on_is_a_second_attempt_with_its_own_epochs_only(at: Workplace) -> None:
    phase = screen_of(RECIPE)
    lease = claim(at, phase, phase.runs[0])
    assert run_trial(replace(at, leaving=LeavesAfter(at.leaving, epochs=4)), phase, lease) == "released"  # type: ignore[arg-type]
    trained(at, phase)
    first, second = at.study.store.attempts(at.study.study_id)
    assert (first.token, second.token) == (1, 2)
    assert first.images == 2 * second.images, "four epochs, then the other two"


def test_a_pruned_trial_leaves_its_attempt(at: Workplace) -> None:
    phase = screen_of(RECIPE, *others(3))
    with_company(at, phase, [0.999, 0.999, 0.999])
    row = trained(at, phase)
    (attempt,) = at.study.store.attempts(at.study.study_id)
    assert (row.stop, attempt.trial_id) == ("pruned", row.trial_id)
    assert attempt.images > 0


def test_the_attempt_is_told_with_every_report_and_not_only_at_the_end(at: Workplace) -> None:
    phase = screen_of(RECIPE)
    lease = claim(at, phase, phase.runs[0])
    told: list[int] = []

    def images() -> int:
        return sum(row.images for row in at.study.store.attempts(at.study.study_id))

    def looks_on() -> None:
        if told:  # soon: the storage thread tells, and training does not wait for it
            wait_until(lambda: images() > told[-1])
        told.append(images())

    watched = LeavesAfter(at.leaving, epochs=99)
    watched.look = looks_on
    run_trial(replace(at, checkpoint_seconds=0.0, leaving=watched), phase, lease)  # type: ignore[arg-type]
    assert told[0] == 0 < told[1] < told[2]
