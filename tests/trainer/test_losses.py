import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from trainer.augment import Batch
from trainer.losses import balance, focal, mean_loss, per_image
from trainer.recipe import ClassBalanced, CrossEntropy, Focal, LabelSmoothing, Loss

ALL = [CrossEntropy(), LabelSmoothing(), ClassBalanced(), Focal()]
COUNTS = torch.tensor([1000, 100, 10])


def logits_and_labels(seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(64, 3, generator=draw) * 3, torch.randint(0, 3, (64,), generator=draw)


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.kind)
def test_a_loss_is_one_finite_number_per_image_never_negative(loss: Loss) -> None:
    logits, labels = logits_and_labels()
    values = per_image(loss, COUNTS)(logits, labels)
    assert values.shape == (64,)
    assert (values >= 0).all() and values.isfinite().all()


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.kind)
@given(share=st.floats(0, 1))
def test_a_blended_image_pays_the_blend_of_both_losses(loss: Loss, share: float) -> None:
    logits, labels = logits_and_labels()
    partner = labels.roll(1)
    criterion = per_image(loss, COUNTS)
    told = mean_loss(criterion, logits, Batch(logits, labels, (partner, torch.full((64,), share))))
    both = share * criterion(logits, labels) + (1 - share) * criterion(logits, partner)
    assert told.item() == pytest.approx(both.mean().item(), rel=1e-5)


def test_cross_entropy_of_blended_labels_is_that_of_soft_targets() -> None:
    logits, labels = logits_and_labels()
    partner, share = labels.roll(1), torch.rand(64)
    soft = share[:, None] * functional.one_hot(labels, 3) + (1 - share[:, None]) * functional.one_hot(partner, 3)
    told = mean_loss(per_image(CrossEntropy(), COUNTS), logits, Batch(logits, labels, (partner, share)))
    assert told.item() == pytest.approx(functional.cross_entropy(logits, soft).item(), rel=1e-5)


def test_label_smoothing_is_cross_entropy_towards_smoothed_targets() -> None:
    logits, labels = logits_and_labels()
    soft = 0.9 * functional.one_hot(labels, 3) + 0.1 / 3
    told = per_image(LabelSmoothing(smoothing=0.1), COUNTS)(logits, labels).mean()
    assert told.item() == pytest.approx(functional.cross_entropy(logits, soft).item(), rel=1e-5)


def test_class_weights_follow_the_effective_number_and_keep_the_mean_at_one() -> None:
    weight = balance(COUNTS, 0.99)
    effective = (1 - 0.99 ** COUNTS.double()) / (1 - 0.99)
    assert torch.allclose((weight * effective).double(), (weight * effective)[0].double().expand(3), rtol=1e-5)
    assert ((weight * COUNTS).sum() / COUNTS.sum()).item() == pytest.approx(1, rel=1e-5)


def test_equal_classes_make_class_balanced_plain_cross_entropy() -> None:
    logits, labels = logits_and_labels()
    told = per_image(ClassBalanced(), torch.tensor([50, 50, 50]))(logits, labels)
    assert torch.allclose(told, functional.cross_entropy(logits, labels, reduction="none"), rtol=1e-5)


def test_a_class_that_is_missing_in_training_breaks_nothing() -> None:
    assert balance(torch.tensor([10, 0]), 0.999).isfinite().all()


@given(st.floats(0.05, 10), st.floats(-40, 40))
def test_focal_follows_its_formula_with_finite_slopes_everywhere(gamma: float, logit: float) -> None:
    logits = torch.tensor([[logit, 0.0]], requires_grad=True)
    labels = torch.tensor([0])
    value = focal(logits, labels, gamma)
    value.sum().backward()
    p = torch.tensor([logit, 0.0], dtype=torch.float64).softmax(0)[0]
    assert value.item() == pytest.approx(((1 - p) ** gamma * -p.log()).item(), rel=1e-3, abs=1e-6)
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert logits.grad[0, 0] <= 0


def test_losses_are_computed_in_full_precision() -> None:
    logits, labels = logits_and_labels()
    told = mean_loss(per_image(CrossEntropy(), COUNTS), logits.bfloat16(), Batch(logits, labels))
    assert told.dtype == torch.float32
