"""Every loss against its formula, written image by image and class by class in float64."""

import math
from collections.abc import Callable, Iterable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.loss.asymmetric_loss import AsymmetricLossSingleLabel
from timm.loss.binary_cross_entropy import BinaryCrossEntropy as TimmBinaryCrossEntropy
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.nn import functional

from trainer.batch import Batch
from trainer.loss_choices import (
    LDAM,
    Asymmetric,
    BinaryCrossEntropy,
    ClassBalanced,
    CrossEntropy,
    Focal,
    InverseFrequency,
    LabelSmoothing,
    Loss,
    Poly1,
    SoftMacroF1,
)
from trainer.losses.criterion import criterion, per_image
from trainer.losses.focusing import asymmetric
from trainer.losses.margin import margins
from trainer.losses.weighting import inverse_effective_number, inverse_frequency

PER_IMAGE: list[Loss] = [
    CrossEntropy(),
    LabelSmoothing(),
    LabelSmoothing(smoothing=0.5),
    ClassBalanced(),
    ClassBalanced(beta=0.9),
    InverseFrequency(),
    InverseFrequency(power=0.5),
    Focal(),
    Focal(gamma=0.3),
    Focal(gamma=10),
    BinaryCrossEntropy(),
    BinaryCrossEntropy(smoothing=0.2),
    Poly1(),
    Poly1(epsilon=-0.9),
    Asymmetric(),
    Asymmetric(gamma_positive=0, gamma_negative=0, smoothing=0.3),
    Asymmetric(gamma_positive=0.3, gamma_negative=0.5, smoothing=0),
    Asymmetric(gamma_positive=10, gamma_negative=0.1, smoothing=0.9),
    LDAM(),
    LDAM(max_margin=2, scale=30),
]
ALL = [*PER_IMAGE, SoftMacroF1()]
COUNTS = torch.tensor([1000, 300, 40, 0, 7])  # images of each class; the fourth has none
CLASSES = len(COUNTS)


def named(loss: Loss) -> str:
    return loss.label


def drawn(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits of all sizes up to +-50, sure of the right and of the wrong class, and all the same."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.tensor([0, 1, 2, 4])[torch.randint(0, 4, (48,), generator=draw)]
    logits = torch.randn(48, CLASSES, generator=draw, dtype=torch.float64)
    logits[:32] *= 3
    logits[32:40] = 50 * logits[32:40].sign()
    logits[40] = 0
    for row, (answer, size) in enumerate([(0, 50), (0, 20), (0, 8), (1, 50), (1, 20), (1, 8)], start=41):
        logits[row] = 0.1 * logits[row]
        logits[row, (labels[row] + answer) % CLASSES] += size
    return logits, labels


def of_image(loss: Loss, logits: Tensor, label: int) -> Tensor:
    """The formula, from the logits [classes] of one image."""
    if isinstance(loss, LDAM):
        weakest = min(n for n in COUNTS.tolist() if n)
        margin = [loss.max_margin * (weakest / n) ** 0.25 if n else loss.max_margin for n in COUNTS.tolist()]
        less = torch.tensor([margin[c] if c == label else 0.0 for c in range(CLASSES)], dtype=torch.float64)
        logits = loss.scale * (logits - less)
    largest = logits.max()
    total = added((logits[c] - largest).exp() for c in range(CLASSES))
    log_p = [logits[c] - largest - total.log() for c in range(CLASSES)]
    others = added(log_p[c].exp() for c in range(CLASSES) if c != label)  # 1 - p of the label, exact
    match loss:
        case CrossEntropy() | LDAM():
            return -log_p[label]
        case LabelSmoothing(smoothing=s):
            return -added(((1 - s) * (c == label) + s / CLASSES) * log_p[c] for c in range(CLASSES))
        case ClassBalanced(beta=beta):
            return -weights(lambda n: (1 - beta) / (1 - beta**n))[label] * log_p[label]
        case InverseFrequency(power=power):
            return -weights(lambda n: n**-power)[label] * log_p[label]
        case Focal(gamma=gamma):
            return others**gamma * -log_p[label]
        case Poly1(epsilon=epsilon):
            return -log_p[label] + epsilon * others
        case BinaryCrossEntropy(smoothing=s):
            target = [(1 - s) * (c == label) + s / CLASSES for c in range(CLASSES)]
            yes, no = [-functional.softplus(-z) for z in logits], [-functional.softplus(z) for z in logits]
            return -added(target[c] * yes[c] + (1 - target[c]) * no[c] for c in range(CLASSES)) / CLASSES
        case Asymmetric(gamma_positive=positive, gamma_negative=negative, smoothing=s):
            found = -(1 - s + s / CLASSES) * others**positive * log_p[label]
            for c in set(range(CLASSES)) - {label}:
                found = found - s / CLASSES * log_p[c].exp() ** negative * log_p[c]
            return found
    raise AssertionError(loss)


def added(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()


def weights(formula: Callable[[float], float]) -> list[float]:
    """Mean 1 over the training images; a class without any weighs like one with a single image."""
    counts = COUNTS.tolist()
    raw = [formula(max(n, 1)) for n in counts]
    mean = sum(w * n for w, n in zip(raw, counts, strict=True)) / sum(counts)
    return [w / mean for w in raw]


def of_batch(loss: Loss, logits: Tensor, labels: Tensor) -> Tensor:
    if not isinstance(loss, SoftMacroF1):
        values = [of_image(loss, row, int(label)) for row, label in zip(logits, labels, strict=True)]
        return torch.stack(values).mean()
    p, found = logits.softmax(dim=1), []
    for c in sorted(set(labels.tolist())):
        right = added(p[i, c] for i in range(len(p)) if labels[i] == c)
        wrong = added(p[i, c] for i in range(len(p)) if labels[i] != c)
        missed = added(1 - p[i, c] for i in range(len(p)) if labels[i] == c)
        found.append(2 * right / (2 * right + wrong + missed))
    return 1 - added(found) / len(found)


def with_slope(value: Tensor, logits: Tensor) -> tuple[float, Tensor]:
    return value.item(), torch.autograd.grad(value, logits)[0]


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_a_loss_and_its_gradient_follow_the_formula(loss: Loss) -> None:
    logits, labels = drawn()
    single = logits.float().requires_grad_()
    told, slope = with_slope(criterion(loss, COUNTS, {})(single, Batch(single, labels)), single)
    exact = single.detach().double().requires_grad_()
    wanted, wanted_slope = with_slope(of_batch(loss, exact, labels), exact)
    assert told == pytest.approx(wanted, rel=1e-5, abs=1e-7)
    assert torch.allclose(slope.double(), wanted_slope, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("loss", PER_IMAGE, ids=named)
def test_every_image_pays_its_own_loss(loss: Loss) -> None:
    logits, labels = drawn(1)
    told = per_image(loss, COUNTS)(logits, labels)
    wanted = torch.stack([of_image(loss, row, int(label)) for row, label in zip(logits, labels, strict=True)])
    assert told.shape == (48,)
    assert torch.allclose(told.double(), wanted, rtol=1e-5, atol=1e-6)
    order = torch.randperm(48, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(per_image(loss, COUNTS)(logits[order], labels[order]), told[order], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", PER_IMAGE, ids=named)
def test_the_gradient_is_the_slope(loss: Loss) -> None:
    logits, labels = drawn(2)
    logits = logits[:6].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: per_image(loss, COUNTS)(z, labels[:6]), (logits,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("loss", ALL, ids=named)
def test_a_loss_is_finite_and_in_full_precision_whatever_the_logits(loss: Loss, dtype: torch.dtype) -> None:
    draw = torch.Generator().manual_seed(0)
    logits = (torch.randn(64, CLASSES, generator=draw) * torch.logspace(-3, 4, 64)[:, None]).to(dtype).requires_grad_()
    labels = torch.randint(0, CLASSES, (64,), generator=draw)  # also of the class that has no training image
    value = criterion(loss, COUNTS, {})(logits, Batch(logits, labels))
    value.backward()
    assert value.dtype == torch.float32 and value.shape == () and value.isfinite()
    assert logits.grad is not None and logits.grad.isfinite().all()


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_right_answers_cost_less_than_wrong_ones(loss: Loss) -> None:
    labels = torch.arange(CLASSES)
    right, wrong = 4 * torch.eye(CLASSES), 4 * torch.eye(CLASSES).roll(1, 0)
    found = criterion(loss, COUNTS, {})
    assert found(right, Batch(right, labels)) < found(wrong, Batch(wrong, labels))


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_a_loss_never_waits_for_the_device(loss: Loss) -> None:
    found = criterion(loss, COUNTS, {})
    with FakeTensorMode(allow_non_fake_inputs=True):  # a tensor without values: whoever looks at one fails
        logits, labels = torch.empty(8, CLASSES, requires_grad=True), torch.empty(8, dtype=torch.int64)
        found(logits, Batch(logits, labels, (labels.roll(1), torch.empty(8)))).backward()
        with pytest.raises(DataDependentOutputException):
            logits.sum().item()


@pytest.mark.parametrize(("formula", "factor"), [(inverse_effective_number, 0.99), (inverse_frequency, 0.7)])
@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=9).filter(any))
def test_class_weights_fall_with_the_images_and_keep_their_mean_at_one(
    formula: Callable[[Tensor, Tensor, float], Tensor], factor: float, images: list[int]
) -> None:
    counts = torch.tensor(images)
    weight = formula(counts, counts, factor)
    assert weight.dtype == torch.float32 and weight.isfinite().all() and (weight > 0).all()
    assert ((weight * counts).sum() / counts.sum()).item() == pytest.approx(1, rel=1e-5)
    by_images = weight[counts.argsort()]
    assert (by_images[1:] <= by_images[:-1] * (1 + 1e-6)).all()


def test_inverse_frequency_makes_all_classes_weigh_the_same() -> None:
    counts = torch.tensor([1000, 10, 1])
    assert torch.allclose(inverse_frequency(counts, counts, 1.0) * counts, torch.tensor(1011 / 3))


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=9).filter(any))
def test_the_rarest_class_has_the_largest_margin(images: list[int]) -> None:
    counts = torch.tensor(images)
    margin = margins(counts, 0.5)
    rarest = counts[counts > 0].min()
    assert margin[counts == rarest].allclose(torch.tensor(0.5)) and margin.max().item() == pytest.approx(0.5)
    present = counts > 0
    assert torch.allclose(margin[present] * counts[present] ** 0.25, 0.5 * rarest**0.25)


@pytest.mark.parametrize("loss", [ClassBalanced(), InverseFrequency()], ids=named)
def test_equal_classes_make_weights_plain_cross_entropy(loss: Loss) -> None:
    logits, labels = drawn()
    told = per_image(loss, torch.full((CLASSES,), 50))(logits, labels)
    assert torch.allclose(told, functional.cross_entropy(logits, labels, reduction="none"), rtol=1e-6)


def test_asymmetric_is_timms_where_timms_is_finite() -> None:
    logits, labels = drawn()
    mild = logits[:32]
    for positive, negative, smoothing in [(1.0, 4.0, 0.1), (0.0, 2.0, 0.0), (0.5, 0.5, 0.2)]:
        wanted = AsymmetricLossSingleLabel(positive, negative, smoothing, reduction="none")(mild, labels[:32])  # pyright: ignore[reportArgumentType]
        assert torch.allclose(asymmetric(mild, labels[:32], positive, negative, smoothing), wanted)


def test_binary_cross_entropy_of_a_blend_is_that_of_soft_targets() -> None:
    logits, labels = drawn()
    partner, share = labels.roll(1), torch.linspace(0, 1, 48)
    one_hot = functional.one_hot(labels, CLASSES), functional.one_hot(partner, CLASSES)
    soft = share[:, None] * one_hot[0] + (1 - share[:, None]) * one_hot[1]
    told = criterion(BinaryCrossEntropy(), COUNTS, {})(logits, Batch(logits, labels, (partner, share)))
    wanted = TimmBinaryCrossEntropy()(logits, soft.double())
    assert told.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_a_class_neither_asked_nor_answered_leaves_soft_macro_f1_alone() -> None:
    logits = torch.tensor([[2.0, 1.0, -300.0], [0.0, 1.0, -300.0]], requires_grad=True)
    labels = torch.tensor([0, 1])
    value = criterion(SoftMacroF1(), torch.tensor([5, 5, 5]), {})(logits, Batch(logits, labels))
    value.backward()
    assert value.isfinite() and logits.grad is not None and logits.grad.isfinite().all()


def test_a_wrong_answer_that_is_certain_costs_its_logit() -> None:
    logits = torch.tensor([[-50.0, 50.0]])
    told = criterion(CrossEntropy(), torch.tensor([1, 1]), {})(logits, Batch(logits, torch.tensor([0])))
    assert told.item() == 100 and math.isfinite(told.item())
