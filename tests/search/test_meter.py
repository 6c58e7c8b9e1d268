"""What is counted of an attempt, and how a GPU is asked. The driver is the only thing that is played."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from search.gauge import Gauge, gauge_of
from search.meter import Meter, measuring
from search.nvml import gpu_sampler
from tests.search.commands import wait_until
from trainer.run import Epoch


class Gpu(Gauge):
    """A GPU that is as busy as it is told to be."""

    def __init__(self, *uses: float | None) -> None:
        self._uses = list(uses)
        self.asked, self.begun = 0, 0
        self.sampler = self._use

    def _use(self) -> float | None:
        self.asked += 1
        return self._uses.pop(0) if self._uses else None

    def begin(self) -> None:
        self.begun += 1

    def peak_bytes(self) -> int | None:
        return 7 * 2**30


def epoch(images: int, training: float, validation: float) -> Epoch:
    return Epoch(1, "constant", 0.1, 1.0, 1.0, 0.5, training + validation + 0.1, images, training, validation)


def test_a_meter_adds_up_epochs() -> None:
    meter = Meter("cpu", {}, Gauge())
    meter.add(epoch(100, 2.0, 0.5))
    meter.add(epoch(70, 1.0, 0.25))
    row = meter.row()
    assert (row.images, row.training_seconds, row.validation_seconds) == (170, 3.0, 0.75)


def test_time_and_cores_are_those_since_the_claim() -> None:
    meter = Meter("cpu", {}, Gauge())
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    first = meter.row()
    assert first.seconds > 0 and 0.05 <= first.core_seconds < 10
    assert meter.row().seconds > first.seconds


def test_the_use_of_a_gpu_is_the_mean_of_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.meter.FIRST_SAMPLE_SECONDS", 0.0)
    monkeypatch.setattr("search.meter.SAMPLE_SECONDS", 0.001)
    gpu = Gpu(0.5, None, 1.0)
    with measuring("cuda:0", {}, gpu) as meter:
        wait_until(lambda: gpu.asked > 3)
        row = meter.row()
    assert (row.device_use, row.peak_bytes, gpu.begun) == (0.75, 7 * 2**30, 1)


def test_a_gpu_that_never_says_is_not_known() -> None:
    assert Meter("cuda:0", {}, Gpu()).row().device_use is None


def samplers() -> int:
    return sum(thread.name == "gpu-sampler" for thread in threading.enumerate())


def test_sampling_ends_with_the_attempt_however_it_ends_and_a_cpu_is_never_sampled() -> None:
    wait_until(lambda: samplers() == 0)  # those of other tests are told to end and not waited for
    before = 0
    with pytest.raises(ZeroDivisionError), measuring("cuda:0", {}, Gpu()):
        assert samplers() == before + 1
        raise ZeroDivisionError
    wait_until(lambda: samplers() == before)
    with measuring("cpu", {}, gauge_of(torch.device("cpu"))):
        assert samplers() == before


# The driver


class NvmlError(Exception):
    pass


class Driver:
    """pynvml on a machine of these cards, by UUID; the second half of the methods' names is NVIDIA's."""

    NVMLError = NvmlError

    def __init__(self, *uuids: str, fails: str = "") -> None:
        self._uuids, self._fails = uuids, fails
        self.works = True

    def nvmlInit(self) -> None:
        self._may_fail("init")

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:
        self._may_fail("uuid")
        if uuid not in self._uuids:
            raise NvmlError("Not Found")
        return self._uuids.index(uuid)

    def nvmlDeviceGetHandleByPciBusId(self, place: str) -> int:
        self._may_fail("pci")
        return int(place.split(":")[1], 16)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        if not self.works:
            raise NvmlError("GPU is lost")
        return SimpleNamespace(gpu=10 * handle + 3)

    def _may_fail(self, where: str) -> None:
        if self._fails == where:
            raise NvmlError(where)


def card(uuid: str, bus: int = 0x3B) -> Any:
    """As torch.cuda.get_device_properties describes it."""
    return SimpleNamespace(uuid=uuid, pci_domain_id=0, pci_bus_id=bus, pci_device_id=0)


def test_the_card_that_is_asked_is_torchs_own_and_not_the_first_of_the_machine() -> None:
    driver = Driver("GPU-aaaa", "GPU-bbbb", "GPU-cccc")
    sampler = gpu_sampler(card("cccc"), driver)  # cuda:0 under CUDA_VISIBLE_DEVICES=2
    assert sampler is not None
    assert sampler() == pytest.approx(0.23)


def test_a_card_unknown_by_uuid_is_found_where_it_is_plugged_in() -> None:
    sampler = gpu_sampler(card("?", bus=5), Driver("GPU-aaaa"))
    assert sampler is not None
    assert sampler() == pytest.approx(0.53)


def test_whatever_the_driver_raises_means_not_known() -> None:
    assert gpu_sampler(card("aaaa"), Driver("GPU-aaaa", fails="init")) is None
    assert gpu_sampler(card("zzzz"), Driver("GPU-aaaa", fails="pci")) is None
    assert gpu_sampler(SimpleNamespace(), Driver()) is None, "a torch that does not tell which card it has"
    driver = Driver("GPU-aaaa")
    sampler = gpu_sampler(card("aaaa"), driver)
    assert sampler is not None and sampler() is not None
    driver.works = False
    assert sampler() is None


def test_the_real_module_knows_no_such_card_and_raises_nothing() -> None:
    assert gpu_sampler(card("no-such-card", bus=0xFF)) is None


@pytest.mark.gpu
def test_a_real_gpu_says_how_busy_it_is_and_what_it_held() -> None:
    device = torch.device("cuda:0")
    gauge = gauge_of(device)
    assert gauge.sampler is not None
    use = gauge.sampler()
    assert use is not None and 0 <= use <= 1
    gauge.begin()
    held = torch.empty(64 * 2**20, dtype=torch.uint8, device=device)
    del held
    gauge.free()
    peak = gauge.peak_bytes()
    assert peak is not None and peak >= 64 * 2**20
