"""A loss of the user's own."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trainer.batch import Batch
from trainer.custom import CustomError, Files, load_custom
from trainer.loss_choices import CustomLoss
from trainer.randomness import default_generators


def custom(loss: CustomLoss, class_counts: Tensor, files: Files) -> Callable[[Tensor, Batch], Tensor]:
    """`loss(logits [B, classes] fp32, labels [B])` may return one loss per image [B] or a scalar for the batch.

    A class is constructed once with the recipe's settings, a function gets them at every call; both get `class_counts`
    [classes] and `classes` if they take arguments of these names. A blended batch is asked twice and blended per image,
    or by the mean share. It must keep nothing from step to step: a run is resumed without it. CustomError otherwise.
    """
    found = load_custom(loss, files)
    where = f"{loss.file}:{loss.name}"
    known: dict[str, Any] = {"class_counts": class_counts, "classes": len(class_counts)}
    settings = {key: value for key, value in known.items() if key in _arguments(found)} | dict(loss.settings)
    if inspect.isclass(found):
        of_batch = _constructed(found, settings, where)
        _check_call(of_batch, {}, where)
    else:
        _check_call(found, settings, where)
        of_batch = partial(found, **settings) if settings else found
    if isinstance(of_batch, nn.Module):
        if any(parameter.requires_grad for parameter in of_batch.parameters()):
            raise CustomError(f"{where} has parameters, and only those of the backbone are trained: use buffers")
        of_batch = of_batch.to(class_counts.device)
    return partial(_blended, of_batch, where)


def _arguments(found: Callable[..., Any]) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(found).parameters)
    except (TypeError, ValueError):  # written in C: it does not tell
        return frozenset()


def _constructed(found: Callable[..., Any], settings: dict[str, Any], where: str) -> Callable[..., Any]:
    try:
        with default_generators(torch.device("cpu"), 0, "init"):  # equal in every worker, should it draw
            made = found(**settings)
    except Exception as error:  # the user's own code
        said = " ".join(str(error).split())[:200]
        raise CustomError(
            f"{where} cannot be made ({type(error).__name__}: {said}): mend it or its settings"
        ) from error
    if not callable(made):
        raise CustomError(f"{where} makes nothing that can be called: give it __call__, or forward as an nn.Module")
    return made


def _check_call(of_batch: Callable[..., Any], settings: dict[str, Any], where: str) -> None:
    try:
        signature = inspect.signature(of_batch.forward if isinstance(of_batch, nn.Module) else of_batch)
    except ValueError:  # written in C: it does not tell
        return
    try:
        signature.bind(None, None, **settings)
    except TypeError as error:
        given = ", ".join(["logits", "labels", *(f"{key}=..." for key in settings)])
        raise CustomError(f"{where} cannot be called with ({given}): {error}") from error


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
