"""What one attempt costs, counted from the claim to its end."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from search.gauge import Gauge
from search.nvml import Sampler
from storage.attempts import AttemptRow
from storage.rows import JSON
from trainer.recipe import Recipe
from trainer.run import Epoch

FIRST_SAMPLE_SECONDS, SAMPLE_SECONDS = 0.5, 2.0


class Meter:
    """Made when a trial is claimed; `measuring` makes one that also samples the use of a GPU, from a daemon thread."""

    def __init__(self, device: str, mode: Mapping[str, JSON], gauge: Gauge) -> None:
        self._device, self._mode, self._gauge = device, dict(mode), gauge
        self._began, self._cores = time.monotonic(), time.process_time()
        self._images, self._training, self._validation = 0, 0.0, 0.0
        self._uses: list[float] = []
        gauge.begin()

    def trains(self, recipe: Recipe) -> None:
        """Note what of the mode is the recipe's."""
        self._mode["precision"] = recipe.precision

    def add(self, epoch: Epoch) -> None:
        """Count an epoch that this attempt has trained; not those of the checkpoint that it goes on from."""
        self._images += epoch.images
        self._training += epoch.training_seconds
        self._validation += epoch.validation_seconds

    def row(self) -> AttemptRow:
        """The attempt up to this moment."""
        uses = tuple(self._uses)
        return AttemptRow(
            host=socket.gethostname(),
            device=self._device,
            mode=dict(self._mode),
            seconds=time.monotonic() - self._began,
            images=self._images,
            training_seconds=self._training,
            validation_seconds=self._validation,
            core_seconds=time.process_time() - self._cores,
            device_use=sum(uses) / len(uses) if uses else None,
            peak_bytes=self._gauge.peak_bytes(),
        )

    def sample(self, sampler: Sampler, ended: threading.Event) -> None:
        """Ask how busy the device is, now and then, until `ended`. A run of two seconds gets its sample, too."""
        pause = FIRST_SAMPLE_SECONDS
        while not ended.wait(pause):
            use = sampler()
            if use is not None:
                self._uses.append(use)
            pause = SAMPLE_SECONDS


@contextmanager
def measuring(device: str, mode: Mapping[str, JSON], gauge: Gauge) -> Iterator[Meter]:
    """A meter from here to the end of the block. A device that does not say how busy it is costs no thread."""
    meter, ended = Meter(device, mode, gauge), threading.Event()
    if gauge.sampler is not None:
        arguments = gauge.sampler, ended
        threading.Thread(target=meter.sample, args=arguments, name="gpu-sampler", daemon=True).start()
    try:
        yield meter
    finally:
        ended.set()  # not joined: a driver that hangs must not hang the worker
