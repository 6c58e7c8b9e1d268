"""What a device tells of itself while a trial runs on it: how busy it is, and how much memory was held."""

from contextlib import suppress

import torch

from search.nvml import Sampler, gpu_sampler


class Gauge:
    """A device that tells nothing of itself: the CPU."""

    sampler: Sampler | None = None

    def begin(self) -> None:
        """Count the peak from here on."""

    def peak_bytes(self) -> int | None:
        """The most memory that this process has held on the device since `begin`; None: not known."""
        return None

    def free(self) -> None:
        """Give the device back what nothing holds any more."""


class GpuGauge(Gauge):
    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.sampler = gpu_sampler(torch.cuda.get_device_properties(device))

    def begin(self) -> None:
        torch.cuda.reset_peak_memory_stats(self._device)

    def peak_bytes(self) -> int | None:
        return torch.cuda.max_memory_allocated(self._device)

    def free(self) -> None:
        # Asked for after a failure: a GPU that is broken must not hide, by another error, what broke it.
        with suppress(RuntimeError), torch.cuda.device(self._device):
            torch.cuda.empty_cache()


def gauge_of(device: torch.device) -> Gauge:
    return GpuGauge(device) if device.type == "cuda" else Gauge()
