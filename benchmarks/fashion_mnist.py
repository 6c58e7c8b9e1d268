"""`python -m benchmarks.fashion_mnist FOLDER`: the recipe chosen on validation, the official test opened once per seed.

FOLDER holds the four idx files. Prints one line per run and the mean and standard deviation over seeds.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch

from trainer.data import Dataset, Geometry, load, open_source
from trainer.modes import usual
from trainer.nets import Nets
from trainer.recipe import AdamW, Augment, Chain, Flip, NoAugment, Recipe, Shift
from trainer.replicate import Replicate
from trainer.run import Run

AUGMENTS: dict[str, Augment] = {"none": NoAugment(), "flip+shift": Chain(steps=(Flip(), Shift(fraction=0.07)))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="test_resnet")
    parser.add_argument("--stem", default="native", choices=("native", "small"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16", "fp16"))
    parser.add_argument("--augment", default="flip+shift", choices=tuple(AUGMENTS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--folds", type=int, default=12, help="one part in so many validates")
    parser.add_argument("--open-test", action="store_true", help="only for the recipe that was chosen on validation")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    recipe = Recipe(
        backbone=asked.backbone,
        stem=asked.stem,
        image_size=28,
        channels=1,
        batch_size=asked.batch_size,
        epochs=asked.epochs,
        decay_epochs=max(1, asked.epochs // 3),
        epoch_images=None,
        optimizer=AdamW(weight_decay=0.05),
        lr=asked.lr,
        augment=AUGMENTS[asked.augment],
        precision=asked.precision,
        metric="accuracy",
    )
    data = load(open_source(asked.folder), Geometry(28, 1)).to(torch.device(asked.device))
    opened = data.test.open(lambda who, why: None, "benchmark", "chosen recipe") if asked.open_test else None
    print(
        f"{recipe.backbone} stem {recipe.stem}, {recipe.augment.label}, {recipe.precision}, {asked.device}, "
        f"{asked.threads} threads, torch {torch.__version__}"
    )
    nets = Nets(usual(recipe, data.device))
    rows = [_trained(recipe, seed, asked.folds, data, opened, nets) for seed in range(asked.seeds)]
    for name, column in zip(("validation", "test", "seconds"), zip(*rows, strict=True), strict=True):
        spread = statistics.stdev(column) if len(column) > 1 else 0.0
        print(f"{name:10s} {statistics.mean(column):.4f} sd {spread:.4f} over {len(column)} seeds")


def _trained(
    recipe: Recipe, seed: int, folds: int, data: Dataset, opened: tuple[torch.Tensor, torch.Tensor] | None, nets: Nets
) -> tuple[float, float, float]:
    """(validation score, test score or NaN, seconds), after the decay."""
    began = time.perf_counter()
    run = Run(recipe, Replicate.numbered(seed, folds), data, data.device, nets=nets)
    curve = [epoch.score for epoch in run]
    seconds = time.perf_counter() - began
    test = run.score_on(*opened) if opened is not None else float("nan")
    print(f"seed {seed}: validation {curve[-1]:.4f} test {test:.4f} in {seconds:.1f} s, curve", end=" ")
    print(" ".join(f"{score:.3f}" for score in curve), flush=True)
    return curve[-1], test, seconds


if __name__ == "__main__":
    main()
