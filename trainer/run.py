"""One run: an iterator of epochs. No callbacks, printing or files; between two epochs it is at rest."""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from trainer.custom import NO_FILES, Files
from trainer.data import Dataset
from trainer.early_stopping import best_epoch
from trainer.evaluation import Exam, judged, score_of
from trainer.execution import deterministic
from trainer.feed import Feed
from trainer.learner import Learner
from trainer.nets import Nets
from trainer.order import order, turns
from trainer.randomness import default_generators, generator
from trainer.recipe import Recipe
from trainer.replicate import Replicate
from trainer.schedule import Phase, decay_reason, learning_rate, phase_of
from trainer.state import RunError, identity, refuse_foreign
from trainer.streaming import Images

__all__ = ["Epoch", "Run", "RunError", "Stop"]

Stop = Literal["finished", "stalled", "diverged"]
KEPT_BYTES = 32 * 2**20  # of answers to the validation images that are kept rather than asked for again


@dataclass(frozen=True)
class Epoch:
    number: int  # from 1
    phase: Phase
    lr: float  # the highest of its steps
    train_loss: float  # mean over images, the recipe's loss on augmented images, weights as they were then
    val_loss: float  # cross entropy in nats whatever the recipe's loss, averaged weights
    score: float  # of averaged weights, 0 to 1, higher is better; NaN when diverged, or without validation images
    seconds: float  # wall time of all of it
    images: int  # trained on
    training_seconds: float = 0.0  # of `seconds`, the steps: batches made, augmentation, optimizer, average
    validation_seconds: float = 0.0  # of `seconds`


class Examined(NamedTuple):
    """What the averaged weights make of some images; tensors on the CPU."""

    score: float
    answered: Tensor  # [n] classes
    probabilities: Tensor  # [n, classes]


class Run(Iterator[Epoch]):
    """Trains `recipe` on the fold that `replicate` names; each `next` is one epoch, StopIteration after the last.

    A replicate that is `whole` has no validation images: its epochs have no score, and it is never stopped early.

    Equal arguments give equal bits on one kind of machine, also when interrupted and resumed through `state_dict`, and
    with other runs of this process in between.
    """

    def __init__(
        self,
        recipe: Recipe,
        replicate: Replicate,
        data: Dataset,
        device: torch.device,
        *,
        files: Files = NO_FILES,
        nets: Nets | None = None,
    ) -> None:
        """`files` says where this machine keeps the weights and the code that the recipe names by their sha256.

        `nets` lends the net and says in which mode it works; without, one is built for this run alone.
        """
        if (data.pixels.channels, data.pixels.size) != (recipe.channels, recipe.pixels):
            raise RunError(
                f"the data are decoded as {data.pixels.channels} x {data.pixels.size} x {data.pixels.size}, the recipe "
                f"wants {recipe.channels} x {recipe.pixels} x {recipe.pixels}: load them so"
            )
        self.recipe, self.replicate = recipe, replicate
        self.epochs: list[Epoch] = []
        self._data = data.to(device)
        self._device = device
        if replicate.whole and recipe.plateau is not None:
            raise RunError("a run without validation images cannot be stopped by its score: leave plateau out")
        if replicate.everything != data.is_open:
            wanted = "wants the test part opened" if replicate.everything else "must not see the test part"
            raise RunError(f"replicate {replicate.number} {wanted}: give it such data")
        train, validation = data.sides(replicate)
        self.validation_index = torch.from_numpy(validation)  # rows of the dataset, as in validation_probabilities
        rows = torch.from_numpy(train)
        self._train_labels = data.labels.cpu()[rows]
        self._feed = Feed(recipe, self._data, rows.to(device), replicate.seed, files)
        self._learner = Learner(
            recipe, self._data, rows.to(device), replicate.seed, self._feed.normalise, files, nets or Nets()
        )
        self._exam = Exam(self._images, self.validation_index.to(device), self._feed.normalise)
        self._validation_labels = self._data.labels[self.validation_index.to(device)]
        self._best_weights: dict[str, Tensor] = {}
        self._answers: Tensor | None = None  # logits of the last look at the validation images, on the device
        self._best_answers: Tensor | None = None  # and of that at the best epoch; None: not kept, to be asked for again

    # ---- what it has come to

    @property
    def constant_scores(self) -> list[float]:
        """Of warm-up and constant epochs: what the stall and the rungs look at."""
        return [epoch.score for epoch in self.epochs if epoch.phase != "decay"]

    @property
    def stop(self) -> Stop | None:
        """Why it ended; None while there is an epoch to come."""
        if not self.epochs:
            return None
        if not math.isfinite(self.epochs[-1].train_loss if self.replicate.whole else self.epochs[-1].score):
            return "diverged"
        scores = self.constant_scores
        return decay_reason(scores, self.recipe) if len(self.epochs) == len(scores) + self.recipe.decay_epochs else None

    @property
    def best(self) -> Epoch | None:
        """The first epoch of highest score, whatever its phase."""
        number = best_epoch([epoch.score for epoch in self.epochs])
        return self.epochs[number - 1] if number else None

    @property
    def last(self) -> Epoch | None:
        """The epoch that ended the decay; None before that and when diverged."""
        return self.epochs[-1] if self.stop in ("finished", "stalled") else None

    # ---- one epoch

    def __next__(self) -> Epoch:
        if self.stop:
            raise StopIteration
        self._answers = None
        started = time.perf_counter()
        number, constant_epochs = len(self.epochs) + 1, len(self.constant_scores)
        if not decay_reason(self.constant_scores, self.recipe):
            constant_epochs = number  # at least: this one is not of the decay
        with default_generators(self._device, self.replicate.seed, "model", number), deterministic(self._device):
            train_loss, images, lr, training_seconds = self._train_once(number, constant_epochs)
        trained = time.perf_counter()
        score, val_loss = math.nan, math.nan
        if self.replicate.whole:
            train_loss = train_loss if self._is_sound() else math.nan
        elif math.isfinite(train_loss):
            answers = self._learner.answers(self._exam)
            score, val_loss = judged(self.recipe.metric, answers, self._validation_labels)
            self._answers = answers if answers.nbytes <= KEPT_BYTES else None
        if not math.isfinite(val_loss):
            score = math.nan  # the last step blew up: the averaged weights are no model any more
        phase = phase_of(number, constant_epochs, self.recipe)
        seconds, validation_seconds = time.perf_counter() - started, time.perf_counter() - trained
        times = seconds, images, training_seconds, validation_seconds
        self.epochs.append(Epoch(number, phase, lr, train_loss, val_loss, score, *times))
        if self.best is self.epochs[-1]:
            self._best_weights, self._best_answers = self.averaged_weights(), self._answers
        return self.epochs[-1]

    def _train_once(self, number: int, constant_epochs: int) -> tuple[float, int, float, float]:
        """(mean loss, images, highest learning rate, seconds); waits for the device once, at the end."""
        recipe, seed, device = self.recipe, self.replicate.seed, self._device
        draw = generator(device, seed, "augment", number)
        chosen = self._order(number)
        batches = chosen.to(self._feed.rows_on).split(recipe.batch_size)
        in_turn = turns(chosen, number).to(self._feed.rows_on).split(recipe.batch_size)
        half_life = recipe.ema_epochs * len(batches)
        total, images, highest = torch.zeros((), device=device), 0, 0.0
        self._learner.train_mode()
        began = time.perf_counter()
        for step, (positions, shown) in enumerate(zip(batches, in_turn, strict=True)):
            lr = learning_rate(recipe, number, constant_epochs, step, len(batches))
            loss = self._learner.step(self._feed.batch(positions, shown, draw), lr, half_life)
            total += loss * len(positions)
            images += len(positions)
            highest = max(highest, lr)
        mean = total.item() / images
        return mean, images, highest, time.perf_counter() - began

    def _is_sound(self) -> bool:
        """Whether the averaged weights are numbers: the last step may have blown up, and no score would show it."""
        return all(bool(each.isfinite().all()) for each in self.averaged_weights().values())

    def _order(self, number: int) -> Tensor:
        """The training images of an epoch, as positions within them, on the CPU."""
        chosen = order(self._train_labels, self.recipe, self.replicate.seed, number)
        # BatchNorm cannot learn from one image: when a single one is left over, it sits this epoch out.
        alone = len(chosen) % self.recipe.batch_size == 1
        return chosen[:-1] if alone and self._learner.has_batch_norm else chosen

    @property
    def _images(self) -> Images:
        """What is looked at: all rows at the size the backbone sees."""
        return self._data.shown(self.recipe.image_size)

    # ---- looking at the averaged weights

    def validation_probabilities(self) -> Tensor:
        """[n_val, classes] on the CPU, of the averaged weights after the last epoch; rows as in `validation_index`."""
        answers = self._learner.answers(self._exam) if self._answers is None else self._answers
        return answers.softmax(dim=1).cpu()

    def best_probabilities(self) -> Tensor:
        """As `validation_probabilities`, of the averaged weights of the best epoch. RunError before there is one."""
        if not self._best_weights:
            raise RunError("no epoch has scored yet, so there is no best one to ask")
        answers = self._best_answers
        if answers is None:
            answers = self._learner.answers_of(self._best_weights, self._exam)
        return answers.softmax(dim=1).cpu()

    def examined_on(self, rows: Tensor, labels: Tensor) -> Examined:
        """The recipe's metric on the dataset's `rows`, and what was answered; averaged weights."""
        logits = self._learner.logits(self._images, rows.to(self._device))
        score = score_of(self.recipe.metric, logits, labels.to(self._device))
        return Examined(score, logits.argmax(dim=1).cpu(), logits.softmax(dim=1).cpu())

    def score_on(self, rows: Tensor, labels: Tensor) -> float:
        """The recipe's metric on the dataset's `rows`, averaged weights."""
        return self.examined_on(rows, labels).score

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, standard deviation) of each channel that images are normalised by, of levels 0..1."""
        return self._feed.normalise.numbers

    def averaged_weights(self) -> dict[str, Tensor]:
        """A copy on the CPU of the averaged weights, buffers included, as they are now."""
        return self._learner.averaged_weights()

    def best_weights(self) -> dict[str, Tensor]:
        """The averaged weights of the best epoch, on the CPU; empty before it."""
        return dict(self._best_weights)

    # ---- leaving and coming back

    def state_dict(self) -> dict[str, Any]:
        """A copy on the CPU of all that the rest of the run depends on; `torch.load(weights_only=True)` reads it."""
        return {
            "identity": identity(self.recipe, self.replicate, self._data.digest),
            "epochs": [asdict(epoch) for epoch in self.epochs],
            **self._learner.state_dict(),
            "best_weights": dict(self._best_weights),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes the place of the run that made `state`. RunError if that had another recipe, replicate or data."""
        refuse_foreign(state, identity(self.recipe, self.replicate, self._data.digest))
        self._learner.load_state_dict(state)
        self._best_weights = dict(state["best_weights"])
        self._answers = self._best_answers = None
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
