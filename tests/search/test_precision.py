"""Which number format a study is trained in."""

import re
from collections.abc import Callable

import pytest
import torch

from search import precision
from search.edge import UserError
from search.phases import planned_runs
from search.precision import choose, emulated, native
from search.work import images_ahead
from spaces.lr_aug import LR_AUG
from trainer.data import Dataset, Geometry, load, open_source
from trainer.recipe import Recipe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(open_source("digits"), Geometry(16, 1))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`here("bf16")`: what this machine computes natively besides fp32; measuring takes no time."""

    def pretend(*formats: str) -> None:
        monkeypatch.setattr(precision, "native", lambda device: frozenset({"fp32", *formats}))
        monkeypatch.setattr(precision, "SECONDS", 0.0)

    return pretend


def pace(**seconds: float) -> Callable[[Recipe], float]:
    return lambda recipe: seconds[recipe.precision]


def test_sixteen_bits_are_taken_where_they_are_a_tenth_faster(digits: Dataset, here: Callable[..., None]) -> None:
    here("bf16")
    for bf16, chosen in ((0.5, "bf16"), (0.9, "bf16"), (0.95, "fp32"), (3.0, "fp32")):
        assert choose(Recipe(), digits, CPU, {}, None, pace(fp32=1.0, bf16=bf16)).precision == chosen


def test_what_is_not_native_here_is_not_even_tried(digits: Dataset, here: Callable[..., None]) -> None:
    here()
    assert choose(Recipe(), digits, CPU, {}, None, pace()).precision == "fp32"


@pytest.mark.parametrize(
    ("fleet", "chosen"),
    [
        (None, "bf16"),
        ("H100, NVIDIA GeForce RTX 3090", "bf16"),
        ("H100,V100", "fp16"),
        ("Tesla T4", "fp16"),
        ("7.5,9.0", "fp16"),
        ("sm_80", "bf16"),
        ("H100,cpu", "fp32"),
        ("H100,cpu-bf16", "bf16"),
        ("V100,cpu-bf16", "fp32"),
        ("1080Ti", "fp32"),
    ],
)
def test_a_fleet_trains_in_what_all_its_devices_compute_natively(
    digits: Dataset, here: Callable[..., None], fleet: str | None, chosen: str
) -> None:
    here("bf16", "fp16")
    assert choose(Recipe(), digits, CPU, {}, fleet, pace(fp32=1.0, bf16=0.5, fp16=0.5)).precision == chosen


def test_a_device_nobody_knows_is_asked_back(digits: Dataset, here: Callable[..., None]) -> None:
    here("bf16")
    with pytest.raises(UserError, match=r"does not know 'toaster'.*V100.*7\.5"):
        choose(Recipe(), digits, CPU, {}, "H100,toaster", pace(fp32=1.0, bf16=0.5))


def test_a_joiner_that_would_emulate_the_format_is_told_and_another_is_not(here: Callable[..., None]) -> None:
    here("fp16")
    assert "only emulates" in str(emulated("bf16", CPU))
    assert emulated("fp16", CPU) is None


def test_the_formats_of_this_machine_are_measured_for_real(digits: Dataset) -> None:
    chosen = choose(Recipe(), digits, CPU, {}, None)
    assert chosen.precision in native(CPU)
    if "bf16" in native(CPU):
        assert re.fullmatch(r"bf16 trains \d+\.\d\d times as fast .* in (fp32|bf16)", chosen.words)


def test_a_study_is_as_long_as_the_images_there_are_at_most() -> None:
    baseline = LR_AUG.baseline.model_copy(update={"epochs": 6, "epoch_images": 50_000})
    definition = LR_AUG.model_copy(update={"baseline": baseline})
    few, many = (images_ahead(definition, development) for development in (1_497, 10**6))
    runs = sum(planned_runs(definition).values())
    assert (few, many) == (runs * 6 * 1_497, runs * 6 * 50_000)
