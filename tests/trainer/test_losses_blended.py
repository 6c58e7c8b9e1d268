"""What a batch of mixed images pays, and the loss that looks at the batch as a whole."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from torch.nn import functional

from tests.trainer.test_losses import ALL, CLASSES, COUNTS, PER_IMAGE, drawn, named
from trainer.batch import Batch
from trainer.loss_choices import CrossEntropy, Loss, SoftMacroF1
from trainer.losses.criterion import criterion, per_image
from trainer.losses.macro_f1 import soft_targets


@pytest.mark.parametrize("loss", PER_IMAGE, ids=named)
@given(share=st.floats(0, 1))
def test_a_blended_image_pays_the_blend_of_both_losses(loss: Loss, share: float) -> None:
    logits, labels = drawn()
    logits, partner = logits.float(), labels.roll(1)
    shares = torch.linspace(share, 1 - share, len(labels))
    told = criterion(loss, COUNTS, {})(logits, Batch(logits, labels, (partner, shares)))
    of_images = per_image(loss, COUNTS)
    both = shares * of_images(logits, labels) + (1 - shares) * of_images(logits, partner)
    assert told.item() == pytest.approx(both.mean().item(), rel=1e-5)


def test_cross_entropy_of_a_blend_is_that_of_soft_targets() -> None:
    logits, labels = drawn()
    batch = Batch(logits, labels, (labels.roll(1), torch.linspace(0, 1, len(labels))))
    told = criterion(CrossEntropy(), COUNTS, {})(logits, batch)
    assert told.item() == pytest.approx(functional.cross_entropy(logits, soft_targets(batch, logits)).item(), rel=1e-5)


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_a_share_of_one_is_no_blend(loss: Loss) -> None:
    logits, labels = drawn()
    plain = criterion(loss, COUNTS, {})(logits, Batch(logits, labels))
    blend = labels.roll(1), torch.ones(len(labels))
    assert criterion(loss, COUNTS, {})(logits, Batch(logits, labels, blend)).item() == pytest.approx(plain.item())
    turned = labels, torch.zeros(len(labels))
    other = criterion(loss, COUNTS, {})(logits, Batch(logits, labels.roll(1), turned))
    assert other.item() == pytest.approx(plain.item())


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_soft_macro_f1_of_certain_answers_is_macro_f1(pairs: list[tuple[int, int]]) -> None:
    answers, labels = torch.tensor(pairs).T
    logits = 50.0 * functional.one_hot(answers, CLASSES)
    present = sorted(set(labels.tolist()))
    hard = f1_score(labels, answers, labels=present, average="macro", zero_division=0)  # pyright: ignore[reportArgumentType]
    told = criterion(SoftMacroF1(), COUNTS, {})(logits, Batch(logits, labels))
    assert told.item() == pytest.approx(1 - hard, abs=1e-5)


def test_soft_macro_f1_sees_blended_targets_class_by_class() -> None:
    logits = torch.tensor([[1.0, 0.0, -1.0], [0.5, 0.5, 2.0]], dtype=torch.float64)
    batch = Batch(logits, torch.tensor([0, 0]), (torch.tensor([1, 0]), torch.tensor([0.75, 0.5])))
    p = logits.softmax(dim=1)
    first = 2 * (0.75 * p[0, 0] + p[1, 0]) / (p[:, 0].sum() + 1.75)
    second = 2 * 0.25 * p[0, 1] / (p[:, 1].sum() + 0.25)
    wanted = 1 - (first + 0.25 * second) / 1.25  # a class held by a quarter counts by a quarter
    told = criterion(SoftMacroF1(), torch.tensor([5, 5, 5]), {})(logits, batch)
    assert told.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_soft_macro_f1_does_not_jump_when_a_share_vanishes() -> None:
    logits, labels = drawn()
    labels = labels.where(labels != 4, 0)
    partner = torch.full_like(labels, 4)
    found = criterion(SoftMacroF1(), COUNTS, {})
    nearly = found(logits, Batch(logits, labels, (partner, torch.full((len(labels),), 1 - 1e-6))))
    assert nearly.item() == pytest.approx(found(logits, Batch(logits, labels)).item(), abs=1e-4)


def test_the_order_of_a_batch_does_not_matter() -> None:
    logits, labels = drawn()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    share = torch.linspace(0, 1, len(labels))
    for loss in ALL:
        found = criterion(loss, COUNTS, {})
        one = found(logits, Batch(logits, labels, (labels.roll(1), share)))
        other = found(logits[order], Batch(logits, labels[order], (labels.roll(1)[order], share[order])))
        assert one.item() == pytest.approx(other.item(), rel=1e-5)
