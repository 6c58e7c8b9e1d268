"""Where the workers of a launch sit."""

from dataclasses import replace
from pathlib import Path

import pytest

from search.diagnosis import Report
from search.machine import Card, mps_runs
from search.preflight import Ground, places

GIB = 2**30


def ground(gpus: int, mps: bool = False, memory: int = 64 * GIB, free: int = 80 * GIB) -> Ground:
    card = Card(0, "GPU-0", "NVIDIA H100", "580", free, 0, 0, (9, 0))
    cards = tuple(replace(card, index=number) for number in range(gpus))
    report = Report((), "cuda" if gpus else "cpu", cards, 8, memory, GIB)
    return Ground(report, tuple(f"cuda:{number}" for number in range(gpus)), mps=mps)


def test_a_worker_sits_on_every_core_as_far_as_memory_reaches() -> None:
    assert places(ground(0), None, 0, 32) == ("cpu",) * 8
    assert places(ground(0, memory=4 * GIB), None, 0, 32) == ("cpu",) * 2
    assert places(ground(0, memory=0), None, 0, 32) == ("cpu",)


def test_a_gpu_has_one_worker_without_mps_and_for_large_pictures() -> None:
    assert places(ground(2), None, 0, 32) == ("cuda:0", "cuda:1")
    assert places(ground(2, mps=True), None, 0, 224) == ("cuda:0", "cuda:1")


def test_with_mps_small_pictures_share_a_gpu_card_by_card() -> None:
    assert places(ground(2, mps=True), None, 0, 32) == ("cuda:0", "cuda:1") * 4
    assert places(ground(1, mps=True), None, 0, 64) == ("cuda:0",) * 3


@pytest.mark.parametrize(("free", "data", "seats"), [(80, 0, 4), (8, 0, 2), (8, 4, 1), (1, 0, 1)])
def test_no_more_share_a_gpu_than_its_free_memory_holds_with_their_data(free: int, data: int, seats: int) -> None:
    assert len(places(ground(1, mps=True, free=free * GIB), None, data * GIB, 32)) == seats


def test_the_memory_of_the_host_bounds_the_workers_on_gpus_too() -> None:
    assert len(places(ground(2, mps=True, memory=4 * GIB), None, 0, 32)) == 2


def test_a_number_of_workers_given_by_hand_holds() -> None:
    assert places(ground(1), 3, 0, 224) == ("cuda:0",) * 3
    assert places(ground(0), 3, 0, 224) == ("cpu",) * 3


def test_mps_is_found_where_cuda_looks_for_it(tmp_path: Path) -> None:
    there = {"CUDA_MPS_PIPE_DIRECTORY": str(tmp_path)}
    assert not mps_runs(there)
    (tmp_path / "control").touch()
    assert mps_runs(there)
