"""A loss of the user's own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from trainer.batch import Batch
from trainer.custom import CustomError, Files
from trainer.loss_choices import CustomLoss
from trainer.own_callable import own_callable


def custom(loss: CustomLoss, class_counts: Tensor, files: Files) -> Callable[[Tensor, Batch], Tensor]:
    """`loss(logits [B, classes] fp32, labels [B])` may return one loss per image [B] or a scalar for the batch.

    A class is constructed once with the recipe's settings, a function gets them at every call; both get `class_counts`
    [classes] and `classes` if they take arguments of these names. A blended batch is asked twice and blended per image,
    or by the mean share. It must keep nothing from step to step: a run is resumed without it. CustomError otherwise.
    """
    where = f"{loss.file}:{loss.name}"
    offered = {"class_counts": class_counts, "classes": len(class_counts)}
    of_batch = own_callable(loss, files, offered, ("logits", "labels"), class_counts.device, with_parameters=False)
    return partial(_blended, of_batch, where)


def _blended(of_batch: Callable[..., Any], where: str, logits: Tensor, batch: Batch) -> Tensor:
    logits = logits.float()
    loss = _checked(of_batch(logits, batch.labels), logits, where)
    if batch.blend is not None:
        partner_labels, share = batch.blend
        loss = share * loss + (1 - share) * _checked(of_batch(logits, partner_labels), logits, where)
    return loss.mean()


def _checked(loss: object, logits: Tensor, where: str) -> Tensor:
    if not isinstance(loss, Tensor):
        raise CustomError(f"{where} returned {type(loss).__name__}: return a tensor, one loss per image or a scalar")
    if loss.shape not in ((), (len(logits),)):
        wanted = f"({len(logits)},) or ()"
        raise CustomError(f"{where} returned the shape {tuple(loss.shape)}: return {wanted}, per image or a scalar")
    if logits.requires_grad and not loss.requires_grad:
        raise CustomError(f"{where} returned what does not depend on the logits: nothing could be learned from it")
    return loss.float()
