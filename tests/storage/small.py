"""Small real things for the tests of storage: a study of a few cells, and what worker processes do with it."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution

from storage.attempts import AttemptRow
from storage.rows import (
    CellKey,
    CheckpointRow,
    EpochRow,
    Lease,
    Manifest,
    PhaseDone,
    Proposal,
    Result,
    Verdict,
    Wait,
)
from storage.store import Store

TTL = 0.8  # seconds; a worker may take over once it has been connected for as long


def manifest(definition: str = "as asked") -> Manifest:
    return Manifest(definition, "resolved", "digest", 1, {"torch": "2.14.1"}, "tester")


def proposal(index: int, replicate: int = 0, role: str = "screen") -> Proposal:
    lr = round(1e-3 * 1.5**index, 6)
    return Proposal(
        cell=CellKey(f"signature-{index}", replicate),
        data_digest="digest",
        recipe=f'{{"lr":{lr}}}',
        role=role,
        label=f"lr {lr}",
        params={"lr": lr, "loss": "focal(2)"},
        distributions={
            "lr": FloatDistribution(1e-4, 10.0, log=True),
            "loss": CategoricalDistribution(["cross_entropy", "focal(2)"]),
        },
        attrs={"colour": "blue"},
    )


def drawing(indices: Iterable[int], replicate: int = 0) -> Callable[[frozenset[CellKey]], Proposal | None]:
    proposals = [proposal(index, replicate) for index in indices]
    return lambda taken: next((each for each in proposals if each.cell not in taken), None)


def epoch(number: int, score: float = 0.5, phase: str = "constant") -> EpochRow:
    return EpochRow(number, phase, score, 1.0, 1.1, 1e-3, 0.25)


def result(stop: Any = "finished", value: float | None = 0.9, epochs: int = 2) -> Result:
    return Result(stop, "because the test says so", value, epochs, value, value, epochs, 0.5)


def attempt(images: int, seconds: float = 5.0) -> AttemptRow:
    mode = {"precision": "fp32", "threads": 1, "compiled": False}
    return AttemptRow("host", "cpu", mode, seconds, images, 3.0, 1.0, 4.5)


def pointer(lease: Lease, number: int) -> CheckpointRow:
    return CheckpointRow(lease.trial_id, lease.token, number, "resume", f"s/{number}.ckpt", "host", 3, "ab")


def open_study(store: Store, name: str = "lr_aug", phase: str = "1-lr", allowed: int = 8) -> int:
    study_id = store.create(name, manifest()).study_id
    store.open_phase(study_id, phase, allowed)
    return study_id


def lease_of(outcome: Lease | Wait | PhaseDone) -> Lease:
    assert isinstance(outcome, Lease), outcome
    return outcome


def claim_soon(store: Store, study_id: int, phase: str, worker: str, draw: Any = None, patience: float = 15.0):
    """Claim as a worker does: ask again while told to wait."""
    until = time.monotonic() + patience
    attempt = 0
    while True:
        outcome = store.claim(study_id, phase, worker, f"{worker}-{attempt}-{time.monotonic_ns()}", draw or drawing(()))
        if not isinstance(outcome, Wait) or time.monotonic() > until:
            return outcome
        time.sleep(outcome.seconds)
        attempt += 1


def lose(store: Store, lease: Lease) -> None:
    """Wait until a lease has expired."""
    time.sleep(store.ttl + 0.1)


# What processes do. They are started by spawn, hence functions of a module.


def work_through(url: str, barrier: Any, answers: Any, name: str, worker: str, phases: list[tuple[str, list[int]]]):
    """Meet an empty database together with others, agree with them, and work through the phases."""
    barrier.wait()
    store = Store.connect(url, ttl=30.0)
    stored = store.create(name, manifest(f"the definition of {worker}"))
    measured = store.measure_once(stored.study_id, "delta", {"by": worker}, worker)
    decided = store.decide_once(stored.study_id, "pilot", Verdict("tie", worker, "{}", {"n": 1}, worker))
    ran: list[tuple[str, int, str]] = []
    for phase, indices in phases:
        store.open_phase(stored.study_id, phase, allowed=5)
        while isinstance(lease := claim_soon(store, stored.study_id, phase, worker, drawing(indices), 60.0), Lease):
            store.report(lease, [epoch(1, 0.1)])
            store.finish(lease, result("finished", 0.5 + lease.number / 100), [epoch(2, 0.2)])
            ran.append((phase, lease.number, lease.signature))
    store.close()
    answers.put((stored.definition, measured, decided.value, ran))


def hold_for_ever(url: str, study_id: int, phase: str, ready: Any) -> None:
    """Claim a run, report two epochs and a checkpoint, and never come back."""
    store = Store.connect(url, ttl=TTL)
    lease = lease_of(store.claim(study_id, phase, "victim", "victim-nonce", drawing([0, 1])))
    store.report(lease, [epoch(1, 0.1), epoch(2, 0.2)], pointer(lease, 2))
    ready.put((lease.trial_id, lease.number, lease.token))
    time.sleep(600)


def write_for_ever(root: str, ready: Any) -> None:
    """Write checkpoints of one key, over and over, until killed."""
    from storage.checkpoints import CheckpointFolder

    folder = CheckpointFolder(Path(root))
    number = 0
    while True:
        row = folder.write("s", 1, 1, 1, "resume", bytes([number % 256]) * 3_000_000)
        ready.put(row)
        number += 1
