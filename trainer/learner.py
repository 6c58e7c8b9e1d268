"""One step of training and one look at the outcome: a net at work for one run."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from trainer.batch import Batch
from trainer.custom import Files
from trainer.data import Dataset
from trainer.evaluation import Exam, judged, logits_of
from trainer.execution import autocast
from trainer.failure import backbone_errors
from trainer.losses.criterion import Criterion, by_class, criterion
from trainer.nets import Nets
from trainer.normalise import Normalise
from trainer.optim import lr_scale, restore, set_lr
from trainer.order import shown_counts
from trainer.recipe import Recipe
from trainer.replay import Replay, can_be_captured
from trainer.state import copied
from trainer.streaming import Images


class Learner:
    """Knows no epochs, no folds and no schedule. A step or a look raises BackboneError if such images do not fit it."""

    def __init__(
        self, recipe: Recipe, data: Dataset, train: Tensor, seed: int, normalise: Normalise, files: Files, nets: Nets
    ) -> None:
        """On the device that holds `data`; weighted by class as the rows `train` are; images go through `normalise`."""
        classes, self._device, self._recipe = len(data.class_names), data.device, recipe
        self._normalise, self._memory_format = normalise, nets.mode.memory_format
        self._net = nets.take(self, recipe, classes, seed, self._device, files, data.parts)
        self._stepper, self._lr_scale = self._net.stepper(recipe, len(train)), lr_scale(recipe, len(train))
        self._optimizer = self._stepper.optimizer
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=recipe.precision == "fp16")
        counts = data.labels[train].bincount(minlength=classes)
        of_batch = criterion(recipe.loss, counts, files, shown_counts(counts, recipe.sampling))
        self._descend = partial(_descend, of_batch, self._optimizer, self._scaler, recipe, self._device)
        self._replays = nets.mode.graphs and can_be_captured(recipe)
        # What a captured step holds besides net and optimizer: another loss, or other weights of classes, is another.
        weights = (recipe.sampling, *counts.tolist()) if self._replays and by_class(recipe.loss) else ()
        self._captured_for: Hashable = recipe.loss, weights
        self.parameters, self.has_batch_norm = self._net.parameters, self._net.has_batch_norm

    def train_mode(self) -> None:
        self._net.model.train()

    def step(self, batch: Batch, lr: float, half_life: float) -> Tensor:
        """The mean loss over the normalised batch, on the device until the next step; `half_life` in steps."""
        batch = replace(batch, images=batch.images.contiguous(memory_format=self._memory_format))
        set_lr(self._optimizer, lr * self._lr_scale)
        if len(batch.labels) < self._recipe.batch_size:
            loss = self._descend(self._net.model, batch)
        elif self._replays:
            loss = self._replay(batch)(batch)
        else:
            loss = self._descend(self._net.on_whole_batches, batch)
        with backbone_errors(self._recipe, self._device):
            self._net.average.update(half_life)
        return loss

    def _replay(self, batch: Batch) -> Replay:
        key = self._captured_for, batch.images.shape, batch.blend is None
        descend = partial(self._descend, self._net.on_whole_batches)
        return self._net.replay(self._stepper, key, partial(Replay, descend, batch))

    def logits(self, images: Images, index: Tensor) -> Tensor:
        """[len(index), classes] of the uint8 `images` at `index`, by the averaged weights."""
        return self.answers(Exam(images, index, self._normalise))

    def answers(self, exam: Exam) -> Tensor:
        """[n, classes] of the images of `exam`, by the averaged weights."""
        with backbone_errors(self._recipe, self._device):
            return logits_of(self._net.average.model, exam, self._memory_format, self._recipe)

    def answers_of(self, weights: dict[str, Tensor], exam: Exam) -> Tensor:
        """As `answers`, by averaged weights of another epoch of this run; its own are the same afterwards."""
        kept = self.averaged_weights()
        self._net.average.model.load_state_dict(weights)
        try:
            return self.answers(exam)
        finally:
            self._net.average.model.load_state_dict(kept)

    def assess(self, exam: Exam, truth: Tensor) -> tuple[float, float]:
        """(score, cross entropy in nats) over the images of `exam` with labels `truth`, by the averaged weights."""
        return judged(self._recipe.metric, self.answers(exam), truth)

    def averaged_weights(self) -> dict[str, Tensor]:
        """A copy on the CPU, buffers included."""
        return copied(self._net.average.model.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """A copy on the CPU of all that later steps depend on."""
        return {
            "model": copied(self._net.model.state_dict()),
            "average": self.averaged_weights(),
            "average_steps": self._net.average.steps,
            "optimizer": copied(self._optimizer.state_dict()),
            "scaler": self._scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._net.model.load_state_dict(state["model"])
        self._net.average.model.load_state_dict(state["average"])
        self._net.average.steps = state["average_steps"]
        restore(self._optimizer, state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])


# Not a method: a captured step outlives its run, and must not keep it.
def _descend(
    of_batch: Criterion,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    recipe: Recipe,
    device: torch.device,
    model: Callable[[Tensor], Tensor],
    batch: Batch,
) -> Tensor:
    """Forward, loss, backward, optimizer: the mean loss, left on the device."""
    with backbone_errors(recipe, device), autocast(device, recipe.precision):
        logits = model(batch.images)
    loss = of_batch(logits, batch)
    with backbone_errors(recipe, device):
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    return loss.detach()
