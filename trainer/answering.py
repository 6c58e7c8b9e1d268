"""Class probabilities of pictures that nobody has labelled, by a trained net."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.broken import reason
from trainer.decode import blocks
from trainer.evaluation import ON_CPU, ON_GPU
from trainer.execution import PLAIN, Mode, autocast
from trainer.exported import About
from trainer.failure import out_of_memory
from trainer.normalise import Normalise
from trainer.pixels import resized
from trainer.sources.source import Opens
from trainer.weights import BackboneError

Told = Callable[[int], None]  # pictures done so far


@dataclass(frozen=True)
class Answered:
    """`probabilities` [n, classes]; the rows of `broken`, picture -> reason, are NaN."""

    probabilities: NDArray[np.float32]
    broken: dict[int, str]


class Answerer:
    """A net on its device. Half as many pictures at a time whenever its memory does not suffice."""

    def __init__(
        self, net: nn.Module, about: About, device: torch.device, *, flip: bool = False, mode: Mode = PLAIN
    ) -> None:
        """`flip`: the mean of the answers to a picture and to its mirror image."""
        self._net = net.to(device).to(memory_format=mode.memory_format)  # pyright: ignore[reportCallIssue]
        self._about, self._device, self._flip, self._format = about, device, flip, mode.memory_format
        self._normalise = Normalise.known(about.mean, about.std, device)
        self.at_a_time = ON_CPU if device.type == "cpu" else ON_GPU

    def pictures(self, pictures: Opens, count: int, told: Told | None = None) -> Answered:
        """Of `count` pictures of any size, made square and small as in training."""
        found = np.full((count, len(self._about.class_names)), np.nan, dtype=np.float32)
        broken: dict[int, str] = {}
        with closing(blocks(pictures, count, self._about.geometry)) as made:
            waiting: list[tuple[NDArray[np.uint8], NDArray[np.int64]]] = []
            start = 0
            for block in made:
                failed = {index: reason(error) for index, error in block.failed}
                end = start + len(block.pixels) + len(failed)
                waiting.append((block.pixels, np.setdiff1d(np.arange(start, end), list(failed))))
                broken |= failed
                start = end
                # Whole batches, as validation has them: the arithmetic of a row may depend on its company.
                while sum(len(pixels) for pixels, _ in waiting) >= self.at_a_time:
                    self._answer(waiting, found)
                    if told:
                        told(start)
            while any(len(pixels) for pixels, _ in waiting):
                self._answer(waiting, found)
        if told:
            told(count)
        return Answered(found, broken)

    def _answer(self, waiting: list[tuple[NDArray[np.uint8], NDArray[np.int64]]], found: NDArray[np.float32]) -> None:
        """The first batch of what waits, taken out of it."""
        pixels, rows = (np.concatenate(each) for each in zip(*waiting, strict=True))
        size = self.at_a_time
        found[rows[:size]] = self.pixels(torch.from_numpy(pixels[:size])).numpy()
        waiting[:] = [(pixels[size:], rows[size:])]

    def pixels(self, stored: Tensor) -> Tensor:
        """[n, classes] on the CPU, of uint8 [n, C, stored_size, stored_size] on the CPU."""
        about = self._about
        if stored.shape[-1] != about.image_size:
            stored = torch.cat(list(resized(stored, about.image_size)))
        return torch.cat(list(self._batches(stored)))

    def _batches(self, images: Tensor) -> Iterator[Tensor]:
        while len(images):
            try:
                answers = self._probabilities(images[: self.at_a_time])
            except Exception as error:
                if not out_of_memory(error):
                    raise
                if self.at_a_time == 1:
                    raise BackboneError(
                        f"{self._device} has too little memory for one picture of {self._about.image_size} px: "
                        "use --device cpu"
                    ) from None
                self.at_a_time //= 2
                if self._device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            images = images[len(answers) :]
            yield answers

    @torch.inference_mode()
    def _probabilities(self, images: Tensor) -> Tensor:
        batch = self._normalise.bytes(images.to(self._device))
        answers = self._softmax(batch)
        if self._flip:
            answers = (answers + self._softmax(batch.flip(3))) / 2
        return answers.cpu()

    def _softmax(self, batch: Tensor) -> Tensor:
        with autocast(self._device, self._about.precision):
            logits = self._net(batch.contiguous(memory_format=self._format)).float()
        return logits.softmax(dim=1)
