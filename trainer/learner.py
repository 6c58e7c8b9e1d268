"""One step of training and one look at the outcome: a backbone, its optimizer and the average of its weights."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from trainer.averaging import Average
from trainer.backbone import build
from trainer.batch import Batch
from trainer.custom import Files
from trainer.data import Dataset
from trainer.evaluation import cross_entropy_of, logits_of, score_of
from trainer.execution import autocast
from trainer.failure import backbone_errors
from trainer.losses.criterion import criterion
from trainer.normalise import Normalise
from trainer.optim import lr_scale, optimizer_of
from trainer.order import shown_counts
from trainer.recipe import Recipe
from trainer.state import copied


class Learner:
    """Knows no epochs, no folds and no schedule. A step or a look raises BackboneError if such images do not fit it."""

    def __init__(
        self, recipe: Recipe, data: Dataset, train: Tensor, seed: int, normalise: Normalise, files: Files
    ) -> None:
        """On the device that holds `data`; weighted by class as the rows `train` are; images go through `normalise`."""
        classes, self._device, self._recipe = len(data.class_names), data.device, recipe
        self._normalise = normalise
        self._model = build(recipe, classes, seed, files, data.parts).to(self._device)
        self._average = Average(self._model)
        self._optimizer, self._lr_scale = optimizer_of(recipe, self._model, len(train)), lr_scale(recipe, len(train))
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=recipe.precision == "fp16")
        counts = data.labels[train].bincount(minlength=classes)
        self._criterion = criterion(recipe.loss, counts, files, shown_counts(counts, recipe.sampling))
        self.parameters = sum(weight.numel() for weight in self._model.parameters())
        self.has_batch_norm = any(isinstance(module, _BatchNorm) for module in self._model.modules())

    def train_mode(self) -> None:
        self._model.train()

    def step(self, batch: Batch, lr: float, half_life: float) -> Tensor:
        """The mean loss over the normalised batch, left on the device; `half_life` of the average in steps."""
        for group in self._optimizer.param_groups:
            group["lr"] = lr * self._lr_scale
        with backbone_errors(self._recipe, self._device), autocast(self._device, self._recipe.precision):
            logits = self._model(batch.images)
        loss = self._criterion(logits, batch)
        with backbone_errors(self._recipe, self._device):
            self._optimizer.zero_grad(set_to_none=True)
            self._scaler.scale(loss).backward()
            self._scaler.step(self._optimizer)
            self._scaler.update()
            self._average.update(half_life)
        return loss.detach()

    def logits(self, images: Tensor, index: Tensor) -> Tensor:
        """[len(index), classes] of the uint8 `images` at `index`, by the averaged weights."""
        with backbone_errors(self._recipe, self._device):
            return logits_of(self._average.model, images, index, self._normalise.bytes, self._recipe)

    def assess(self, images: Tensor, labels: Tensor, index: Tensor) -> tuple[float, float]:
        """(score, cross entropy in nats) over the images at `index`, by the averaged weights."""
        logits, truth = self.logits(images, index), labels[index]
        return score_of(self._recipe.metric, logits, truth), cross_entropy_of(logits, truth)

    def averaged_weights(self) -> dict[str, Tensor]:
        """A copy on the CPU, buffers included."""
        return copied(self._average.model.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """A copy on the CPU of all that later steps depend on."""
        return {
            "model": copied(self._model.state_dict()),
            "average": self.averaged_weights(),
            "average_steps": self._average.steps,
            "optimizer": copied(self._optimizer.state_dict()),
            "scaler": self._scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._model.load_state_dict(state["model"])
        self._average.model.load_state_dict(state["average"])
        self._average.steps = state["average_steps"]
        self._optimizer.load_state_dict(copied(state["optimizer"]))
        self._scaler.load_state_dict(state["scaler"])
