"""The models that answer together: one, several that vote, or one for each part of the label."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from search.edge import UserError
from search.ensembles import Ensemble, Member, Vote
from search.voting import combined
from trainer.exported import Model
from trainer.sources.mask_labels import CLASS_NAMES, PARTS

PRODUCT_KINDS = ("mask contest", "faces")  # data whose label is a product


@dataclass(frozen=True)
class Seat:
    model: Model
    weight: float
    target: str | None = None
    """The part of the label that it answers; None: the whole label."""

    @property
    def name(self) -> str:
        return f"{self.model.about.study}/{self.model.about.trial}"


@dataclass(frozen=True)
class Panel:
    """`class_names` are those of the joint answer, which counts through the targets, the first leading."""

    seats: tuple[Seat, ...]
    vote: Vote
    targets: tuple[str | None, ...]
    class_names: tuple[str, ...]
    words: str
    """What answers, for people."""

    def answer(self, answers: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """[n, classes], of the probabilities [n, its classes] of each seat."""
        joint: NDArray[np.float64] | None = None
        for target in self.targets:
            mine = [place for place, seat in enumerate(self.seats) if seat.target == target]
            members = np.stack([answers[place].astype(np.float64) for place in mine])
            part = combined(self.vote, members, np.array([self.seats[place].weight for place in mine]))
            joint = part if joint is None else (joint[:, :, None] * part[:, None, :]).reshape(len(part), -1)
        assert joint is not None
        return joint


def of_models(models: Sequence[Model]) -> Panel:
    """Models of the same classes vote with equal weights; those of the parts of a label answer as a product.

    Raises `UserError` where they do not go together, or parts are missing.
    """
    targets = [part.name for part in PARTS if any(_target(model) == part.name for model in models)]
    whole = [model for model in models if _target(model) is None]
    if len(models) == 1 or not targets:
        seats = tuple(Seat(model, 1 / len(models)) for model in models)
        return _checked(Panel(seats, "soft", (None,), models[0].about.class_names, _words(seats)))
    if whole or len(targets) not in (1, len(PARTS)):
        missing = ", ".join(part.name for part in PARTS if part.name not in targets)
        what = "one answers the whole label" if whole else f"classes are missing: none answers {missing}"
        raise UserError(
            f"these models answer {', '.join(targets)}, and {what}: give one for each part, or one kind only"
        )
    count = {target: sum(_target(model) == target for model in models) for target in targets}
    seats = tuple(Seat(model, 1 / count[model.about.target or ""], model.about.target) for model in models)
    names = CLASS_NAMES if len(targets) > 1 else models[0].about.class_names
    return _checked(Panel(seats, "soft", tuple(targets), names, _words(seats)))


def of_ensemble(ensemble: Ensemble, model_of: Callable[[Member], Model]) -> Panel:
    """Raises `UserError` where its members do not answer its classes."""
    seats = tuple(Seat(model_of(member), member.weight, member.target) for member in ensemble.members)
    targets = tuple(ensemble.targets) or (None,)
    words = f"ensemble {ensemble.name} of {len(seats)} runs ({ensemble.vote} vote)"
    return _checked(Panel(seats, ensemble.vote, targets, ensemble.classes, words))


def whole_label(panel: Panel) -> None:
    """Raises `UserError` when the answer is only a part of the label that a contest asks for."""
    about = panel.seats[0].model.about
    if about.data_kind in PRODUCT_KINDS and len(panel.class_names) < len(CLASS_NAMES):
        parts = " x ".join(part.name for part in PARTS)
        missing = ", ".join(part.name for part in PARTS if part.name != about.target)
        raise UserError(
            f"classes are missing: {panel.words} tells {len(panel.class_names)} apart ({about.target}), the contest "
            f"asks for {len(CLASS_NAMES)} ({parts}); give models of {missing} too, with further --model"
        )


def _target(model: Model) -> str | None:
    return model.about.target if model.about.data_kind in PRODUCT_KINDS else None


def _words(seats: Sequence[Seat]) -> str:
    return seats[0].name if len(seats) == 1 else f"{len(seats)} models"


def _checked(panel: Panel) -> Panel:
    first: dict[str | None, Seat] = {}
    for seat in panel.seats:
        other = first.setdefault(seat.target, seat)
        mine, theirs = seat.model.about.class_names, other.model.about.class_names
        if mine != theirs:
            lacking = sorted(set(theirs) ^ set(mine))
            what = f"{len(lacking)} classes are in one only, such as {lacking[0]!r}" if lacking else "another order"
            raise UserError(f"{seat.name} answers other classes than {other.name} ({what}): they cannot vote together")
    if prod(len(first[target].model.about.class_names) for target in panel.targets) != len(panel.class_names):
        raise UserError(f"{panel.words} names {len(panel.class_names)} classes, its members tell others apart")
    return panel
