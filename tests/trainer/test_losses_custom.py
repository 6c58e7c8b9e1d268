"""A loss in a file of the user's own."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainer.batch import Batch
from trainer.custom import CustomError, named
from trainer.loss_choices import CustomLoss
from trainer.losses.criterion import criterion

SOURCE = """
import torch
from torch import nn
from torch.nn import functional


def per_image(logits, labels, scale=1.0):
    return scale * functional.cross_entropy(logits, labels, reduction="none")


def of_batch(logits, labels):
    assert logits.dtype == torch.float32
    return functional.cross_entropy(logits, labels)


def counting(logits, labels, classes):
    return of_batch(logits, labels) * classes


class Weighted(nn.Module):
    def __init__(self, power, class_counts, classes):
        super().__init__()
        assert len(class_counts) == classes
        self.register_buffer("weight", class_counts.clamp(min=1) ** -power)

    def forward(self, logits, labels):
        return functional.cross_entropy(logits, labels, self.weight.to(logits), reduction="none")


class Noisy:
    def __init__(self):
        self.weight = torch.rand(3)

    def __call__(self, logits, labels):
        return functional.cross_entropy(logits, labels, self.weight)


class Learned(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, logits, labels):
        return self.scale * functional.cross_entropy(logits, labels)


class Mute:
    pass


def table(logits, labels):
    return logits.softmax(dim=1)


def number(logits, labels):
    return 0.5


def constant(logits, labels):
    return (logits.argmax(dim=1) != labels).float()
"""
COUNTS = torch.tensor([16, 4, 0])
LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.5, 0.0], [1.0, 1.0, 1.0]])
LABELS = torch.tensor([0, 1, 1])
BATCH = Batch(LOGITS, LABELS)
PLAIN = functional.cross_entropy(LOGITS, LABELS)


@pytest.fixture
def custom(tmp_path: Path) -> Callable[..., Callable[[Tensor, Batch], Tensor]]:
    file = tmp_path / "내 losses.py"
    file.write_text(SOURCE, encoding="utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    def made(name: str, **settings: Any) -> Callable[[Tensor, Batch], Tensor]:
        loss = CustomLoss.model_validate({"file": "losses.py", "name": name, "digest": digest, "settings": settings})
        return criterion(loss, COUNTS, {digest: file})

    return made


def test_a_function_of_ones_own_gets_logits_labels_and_its_settings(custom: Any) -> None:
    assert custom("per_image", scale=3.0)(LOGITS, BATCH).item() == pytest.approx(3 * PLAIN.item())
    assert custom("of_batch")(LOGITS.bfloat16(), BATCH).dtype == torch.float32
    assert custom("counting")(LOGITS, BATCH).item() == pytest.approx(3 * PLAIN.item())


def test_a_class_of_ones_own_is_told_the_classes_where_it_asks(custom: Any) -> None:
    told = custom("Weighted", power=0.5)(LOGITS, BATCH)
    weight = torch.tensor([0.25, 0.5, 1])
    assert told.item() == pytest.approx(functional.cross_entropy(LOGITS, LABELS, weight, reduction="none").mean())


def test_a_loss_that_draws_is_the_same_in_every_worker(custom: Any) -> None:
    torch.manual_seed(1)
    one = custom("Noisy")(LOGITS, BATCH)
    torch.manual_seed(2)
    ambient = torch.random.get_rng_state()
    assert torch.equal(custom("Noisy")(LOGITS, BATCH), one)
    assert torch.equal(torch.random.get_rng_state(), ambient)


def test_a_loss_per_image_is_blended_per_image_and_a_scalar_by_the_mean_share(custom: Any) -> None:
    partner, share = torch.tensor([1, 0, 0]), torch.tensor([0.9, 0.3, 0.6])
    batch = Batch(LOGITS, LABELS, (partner, share))
    own, other = (functional.cross_entropy(LOGITS, labels, reduction="none") for labels in (LABELS, partner))
    blended = (share * own + (1 - share) * other).mean().item()
    assert custom("per_image")(LOGITS, batch).item() == pytest.approx(blended)
    assert custom("of_batch")(LOGITS, batch).item() == pytest.approx((0.6 * own.mean() + 0.4 * other.mean()).item())


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("table", {}, r"returned the shape \(3, 3\): return \(3,\) or \(\)"),
        ("number", {}, "returned float: return a tensor"),
        ("constant", {}, "does not depend on the logits"),
        ("Learned", {}, "only those of the backbone are trained"),
        ("Mute", {}, "makes nothing that can be called"),
        ("Weighted", {"strength": 2}, "cannot be made .*strength"),
        ("per_image", {"strength": 2}, "cannot be called with .*strength"),
        ("Absent", {}, "no class or function 'Absent'"),
    ],
)
def test_a_loss_that_cannot_be_used_is_refused_in_one_line(
    custom: Any, name: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(CustomError, match=said) as error:
        custom(name, **settings)(LOGITS.clone().requires_grad_(), BATCH)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_here_is_asked_for() -> None:
    loss = CustomLoss(file="losses.py", name="of_batch", digest="0" * 64)
    with pytest.raises(CustomError, match="say where that file is"):
        criterion(loss, COUNTS, {})


def test_what_goes_wrong_in_ones_own_code_is_one_line_that_says_where(tmp_path: Path) -> None:
    file = tmp_path / "failing.py"
    file.write_text("def loss(logits, labels):\n    return logits.nonsense\n", encoding="utf-8")
    choice = named(CustomLoss, file, "loss")
    found = criterion(choice, torch.tensor([3, 2, 1]), {choice.digest: file})
    logits = torch.zeros(2, 3, requires_grad=True)
    with pytest.raises(CustomError, match=r"^failing.py:loss, line 2, failed \(AttributeError: .*\): mend it"):
        found(logits, Batch(logits, torch.zeros(2, dtype=torch.int64)))
