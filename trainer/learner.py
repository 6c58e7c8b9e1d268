"""One step of training and one look at the outcome: a backbone, its optimizer and the average of its weights."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from trainer.augment import augmented
from trainer.averaging import Average
from trainer.backbone import build
from trainer.data import Dataset
from trainer.evaluation import cross_entropy_of, logits_of, score_of
from trainer.execution import autocast
from trainer.failure import backbone_errors
from trainer.losses import mean_loss, per_image
from trainer.normalise import Normalise
from trainer.optim import optimizer_of
from trainer.recipe import Recipe
from trainer.state import copied


class Learner:
    """Knows no epochs, no folds and no schedule. A step or a look raises BackboneError if such images do not fit it."""

    def __init__(self, recipe: Recipe, data: Dataset, train: Tensor, seed: int, weights_file: Path | None) -> None:
        """On the device that holds `data`; normalised and weighted by class as the images at `train` are."""
        classes, self._device, self._recipe = len(data.class_names), data.images.device, recipe
        self._normalise = Normalise.fitted(data.images, train)
        self._model = build(recipe, classes, seed, weights_file).to(self._device)
        self._average = Average(self._model)
        self._optimizer = optimizer_of(recipe.optimizer, self._model)
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=recipe.precision == "fp16")
        self._criterion = per_image(recipe.loss, data.labels[train].bincount(minlength=classes))
        self.parameters = sum(weight.numel() for weight in self._model.parameters())
        self.has_batch_norm = any(isinstance(module, _BatchNorm) for module in self._model.modules())

    def train_mode(self) -> None:
        self._model.train()

    def step(self, images: Tensor, labels: Tensor, lr: float, half_life: float, draw: torch.Generator) -> Tensor:
        """The mean loss over uint8 images [B, C, H, W], left on the device; `half_life` of the average in steps."""
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        batch = augmented(self._recipe.augment, self._normalise(images), labels, draw)
        with backbone_errors(self._recipe, self._device), autocast(self._device, self._recipe.precision):
            logits = self._model(batch.images)
        loss = mean_loss(self._criterion, logits, batch)
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
            return logits_of(self._average.model, images, index, self._normalise, self._recipe)

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
