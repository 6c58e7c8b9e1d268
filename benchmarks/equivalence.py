"""`python -m benchmarks.equivalence`: do modes and number formats change the score by more than seeds do?

The same recipe under several seeds, once plain and once in every other way; the paired differences beside the spread of
the seeds. Exit code 1 where a mean difference is larger than two standard errors and than half the spread of the seeds,
or where runs that must be equal to the bit are not.
"""

import argparse
import multiprocessing
import statistics
import sys
from collections.abc import Sequence

import torch

from trainer.data import Dataset, Geometry, load, open_source
from trainer.execution import Mode
from trainer.nets import Nets
from trainer.recipe import Chain, Flip, Recipe, Shift
from trainer.replicate import Replicate
from trainer.run import Run

PLAIN = Mode(channels_last=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="test_resnet")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(asked.device)
    recipe = Recipe(
        backbone=asked.backbone,
        image_size=asked.image_size,
        epochs=asked.epochs,
        decay_epochs=max(1, asked.epochs // 4),
        lr=asked.lr,
        augment=Chain(steps=(Flip(p=0.5), Shift())),
    )
    ways: dict[str, tuple[str, Mode]] = {
        "fp32": ("fp32", PLAIN),
        "fp32, channels_last": ("fp32", Mode()),
        "bf16, channels_last": ("bf16", Mode()),
        "fp32, channels_last, compiled": ("fp32", Mode(compiled=True)),
    }
    if device.type == "cuda":
        ways |= {f"{p}, channels_last, graphs": (p, Mode(graphs=True)) for p in ("fp32", "bf16")}
    print(f"{recipe.backbone} at {recipe.image_size} px, {recipe.epochs} epochs, {device}, torch {torch.__version__}\n")
    print("| way | mean | sd of seeds | difference to fp32, paired | standard error |")
    print("|---|---|---|---|---|", flush=True)
    found: dict[str, list[float]] = {}
    for name, (precision, mode) in ways.items():
        found[name] = scores(recipe.model_copy(update={"precision": precision}), mode, asked.seeds, device)
        print(row(name, found[name], found["fp32"]), flush=True)
    together = side_by_side(recipe, asked.seeds, device)
    print(row("fp32, channels_last, two processes at once", together, found["fp32"]), flush=True)
    alone = found["fp32, channels_last"]
    print(f"\ntwo processes at once are {'' if together == alone else 'NOT '}equal to one, to the bit")
    bad = [name for name, of_way in found.items() if differs(of_way, found["fp32"])]
    for name in bad:
        print(f"{name} differs from fp32 by more than the seeds do")
    sys.exit(1 if bad or together != alone else 0)


def scores(recipe: Recipe, mode: Mode, seeds: int, device: torch.device) -> list[float]:
    """After the decay, on one fold, seed after seed on one net."""
    torch.set_num_threads(1)
    data, nets = dataset(recipe).to(device), Nets(mode)
    return [score(recipe, seed, data, device, nets) for seed in range(seeds)]


def score(recipe: Recipe, seed: int, data: Dataset, device: torch.device, nets: Nets) -> float:
    # Replicates 200.. of fold 0: one split under different seeds, as in a study's pilot.
    run = Run(recipe, Replicate.numbered(200 + seed), data, device, nets=nets)
    return list(run)[-1].score


def side_by_side(recipe: Recipe, seeds: int, device: torch.device) -> list[float]:
    """Two processes run the same seeds at the same time; NaN where they do not agree."""
    asked = [(recipe, Mode(), seeds, device)] * 2
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, other = pool.starmap(scores, asked)
    return [a if a == b else float("nan") for a, b in zip(one, other, strict=True)]


def dataset(recipe: Recipe) -> Dataset:
    return load(open_source("digits"), Geometry(recipe.pixels, recipe.channels))


def row(name: str, of_way: Sequence[float], plain: Sequence[float]) -> str:
    mean, error = difference(of_way, plain)
    return f"| {name} | {statistics.mean(of_way):.4f} | {statistics.stdev(of_way):.4f} | {mean:+.4f} | {error:.4f} |"


def difference(of_way: Sequence[float], plain: Sequence[float]) -> tuple[float, float]:
    pairs = [a - b for a, b in zip(of_way, plain, strict=True)]
    return statistics.mean(pairs), statistics.stdev(pairs) / len(pairs) ** 0.5


def differs(of_way: Sequence[float], plain: Sequence[float]) -> bool:
    mean, error = difference(of_way, plain)
    return abs(mean) > 2 * error and abs(mean) > statistics.stdev(plain) / 2


if __name__ == "__main__":
    main()
