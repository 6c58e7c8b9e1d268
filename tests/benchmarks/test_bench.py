"""A toy run from the command line to the table; what is counted and judged in between."""

import sys

import pytest
import torch
from torch import nn

from benchmarks import bench
from benchmarks.ceilings import ceilings, needs
from benchmarks.contestants.task import Answer, Trained
from benchmarks.judge import recipe_of
from benchmarks.rounds import Sample
from benchmarks.trial import rows
from spaces.lr_aug import LR_AUG


def test_a_quick_run_prints_a_header_and_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "roofline", "--quick", "--device", "cuda"])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    for name in ("commit", "cores", "torch", "timm", "optuna", "ray"):
        assert name in printed
    assert " img/s | " in printed
    assert ("not measured on GPU" in printed) is not torch.cuda.is_available()


def test_an_unknown_benchmark_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "stpe"])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 2
    assert "there is step, data_path, trial, epoch, study, roofline" in capsys.readouterr().err


def test_a_row_holds_medians_and_how_many_times_ours_they_are() -> None:
    answer = Answer((Trained(0.001, 2, 0.9),))
    samples = {
        "theirs": [Sample(10.0, 30.0, answer), Sample(12.0, 36.0, answer)],
        "ours": [Sample(5.0, 10.0, answer), Sample(6.0, 12.0, answer)],
    }
    theirs, ours = rows(samples)
    assert theirs == ["theirs", "33.0 (30.0 to 36.0)", "3.00", "11.0 (10.0 to 12.0)", "2.00", "0.9000"]
    assert ours[2] == ours[4] == "1.00"


def test_the_arithmetic_of_a_layer_is_counted_forward_and_backward() -> None:
    layer = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    batch, labels = torch.randn(4, 3, 2, 2), torch.zeros(4, dtype=torch.int64)
    need = needs(layer, batch, labels, torch.float32)
    assert need.flops == 2 * 2 * 12 * 5, "the product and the gradient of the weight; the image needs none"
    assert need.bytes > 8 * 4 * (12 * 5 + 5) / 4


def test_every_ceiling_is_a_positive_rate() -> None:
    found = ceilings(torch.device("cpu"), torch.float32, quick=True)
    assert min(found.matmul, found.convolution, found.copy) > 0
    assert found.arithmetic == max(found.matmul, found.convolution)


def test_a_recommendation_is_judged_as_the_recipe_that_the_study_means_by_it() -> None:
    for loss in ("cross_entropy", "label_smoothing", "class_balanced", "focal"):
        for augment in ("none", "flip", "shift", "cutout", "mixup"):
            recipe = recipe_of(Answer((), 0.002, loss, augment), LR_AUG)
            assert (recipe.lr, recipe.loss.kind, recipe.augment.kind) == (0.002, loss, augment)
            assert recipe.model_copy(update={"lr": 1e-3}).epochs == LR_AUG.baseline.epochs
