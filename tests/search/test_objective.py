"""One trial from its lease to its end, with a real run, a real store and real company."""

import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from search import phases, sampling
from search.candidates import Candidate
from search.join import Asked, create_or_join, facts_of
from search.keeper import LeaseKeeper
from search.leaving import Leaving
from search.objective import train
from search.phases import Phase, Planned
from search.resolve import resolve
from search.workplace import Workplace
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from storage.checkpoints import CheckpointFolder
from storage.errors import LeaseLost
from storage.rows import CellKey, EpochRow, Lease, Proposal, RunRow
from storage.store import Store
from tests.search.commands import QUICK
from trainer.data import Geometry, load, open_source
from trainer.recipe import Plateau, Recipe
from trainer.replicate import Replicate
from trainer.run import Run

RECIPE = Recipe(image_size=8, epochs=6, decay_epochs=1, lr=0.004, plateau=Plateau(delta=0.0))


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Workplace]:
    """A workplace on digits with the pilot's rules settled: delta 0, so that whoever is behind the cut is pruned."""
    store = Store.connect(f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}", ttl=5.0)
    source = open_source("digits")
    definition = override(LR_AUG, (*QUICK, "baseline.epochs=6", "delta=0", "budgets.rungs=[2]"))
    facts = facts_of(source, definition.test_fraction)
    resolved = resolve(definition, source, "fp32")
    study, _ = create_or_join(store, Asked("lr_aug", definition, resolved, "digits", source.digest, facts))
    store.measure_once(study.study_id, "rules", {"delta": 0.0, "noise": 0.01}, "test")
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    leaving = Leaving(None)
    keeper = LeaseKeeper(store, "worker-a", 0.2, leaving)
    data = load(source, Geometry(8, 1))
    device = torch.device("cpu")
    yield Workplace(study, data, device, {}, CheckpointFolder(tmp_path / "files"), keeper, 1000.0, leaving)
    keeper.close()
    store.close()
    for name, handler in before.items():
        signal.signal(name, handler)


def screen_of(*recipes: Recipe) -> Phase:
    runs = tuple(Planned(Candidate(f"{r.lr:g}", "challenger", r, (("lr", r.lr),)), 0) for r in recipes)
    return Phase("1-lr", "screen", runs, 20)


def claim(at: Workplace, phase: Phase, planned: Planned, worker: str = "worker-a") -> Lease:
    at.study.store.open_phase(at.study.study_id, phase.name, phase.allowed)
    recipe = planned.candidate.recipe
    proposal = Proposal(
        cell=CellKey(*planned.cell),
        data_digest=at.study.manifest.data_digest,
        recipe=recipe.canonical(),
        role=planned.candidate.role,
        label=planned.candidate.label,
        params=sampling.params_of(planned, phase),
        distributions=sampling.distributions(phase),
    )
    nonce = f"{worker}-{planned.cell[0][:8]}-{planned.replicate}"
    lease = at.study.store.claim(at.study.study_id, phase.name, worker, nonce, lambda taken: proposal)
    assert isinstance(lease, Lease)
    return lease


def with_company(at: Workplace, phase: Phase, scores: list[float]) -> None:
    """Other workers' trials that have reached epoch 2 with these scores."""
    for planned, score in zip(phase.runs[1:], scores, strict=True):
        lease = claim(at, phase, planned, f"worker-{planned.candidate.label}")
        rows = [EpochRow(number, "constant", score, 1.0, 1.0, 0.001, 0.1) for number in (1, 2)]
        at.study.store.report(lease, rows)


def trained(at: Workplace, phase: Phase) -> RunRow:
    lease = claim(at, phase, phase.runs[0])
    at.keeper.hold(lease, "")
    train(lease, phase, at)
    at.keeper.let_go()
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
    at.keeper.hold(lease, "")
    first_two = LeavesAfter(at.leaving, epochs=2)
    assert train(lease, phase, replace(at, leaving=first_two)) == "released"  # type: ignore[arg-type]
    at.keeper.let_go()
    row = trained(at, phase)
    assert (row.stop, row.epochs) == ("pruned", 2)


class LeavesAfter:
    """Asked to leave once it has been looked at as often as there are epochs."""

    def __init__(self, leaving: Leaving, epochs: int) -> None:
        self.seconds, self.pause = leaving.seconds, leaving.pause
        self._left = epochs

    def __call__(self) -> bool:
        self._left -= 1
        return self._left <= 0


def test_a_worker_that_lost_its_lease_opens_no_test_label_and_writes_no_result(at: Workplace) -> None:
    phase = phases.confirm(at.study.definition, RECIPE, RECIPE)
    lease = claim(at, phase, phase.runs[0])
    at.study.store.release(lease)
    with pytest.raises(LeaseLost):
        train(lease, phase, at)
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
    at.keeper.hold(lease, "")
    assert train(lease, phase, replace(at, leaving=LeavesAfter(at.leaving, epochs=3))) == "released"  # type: ignore[arg-type]
    at.keeper.let_go()
    disturbed = trained(at, phase)
    curve = at.study.store.curves(at.study.study_id, "1-lr")[disturbed.number]
    assert [epoch.epoch for epoch in curve] == [1, 2, 3, 4, 5, 6]
    undisturbed = Run(RECIPE, Replicate.numbered(0), at.data, at.device)
    assert [epoch.score for epoch in curve] == [epoch.score for epoch in undisturbed]


def test_the_keeper_renews_and_tells_of_its_own_lost_lease_only(at: Workplace) -> None:
    phase = screen_of(RECIPE, *others(1))
    first, second = claim(at, phase, phase.runs[0]), claim(at, phase, phase.runs[1])
    at.keeper.hold(first, "")
    at.study.store.release(first)
    end = time.monotonic() + 10
    while not at.keeper.lost:
        assert time.monotonic() < end
        time.sleep(0.05)
    at.keeper.hold(second, "")
    assert not at.keeper.lost, "what happened to another trial is not this one's"
