"""`python -m benchmarks.equivalence`: do modes and number formats change the score by more than seeds do?

The same recipe under several seeds, once plain and once in every other way; the paired differences beside the spread of
the seeds. Exit code 1 where a mean difference is larger than two standard errors and than half the spread of the seeds,
or where runs that must be equal to the bit are not.
"""

import multiprocessing
import statistics
import sys
from collections.abc import Sequence

import torch

from benchmarks.cases import Settings, options, settings
from benchmarks.report import header
from trainer.data import Dataset, Geometry, load, open_source
from trainer.execution import Mode
from trainer.nets import Nets
from trainer.recipe import Chain, Flip, Recipe, Shift
from trainer.replicate import Replicate
from trainer.run import Run

PLAIN = Mode(channels_last=False)


RECIPE = Recipe(image_size=32, epochs=12, lr=4e-3, augment=Chain(steps=(Flip(p=0.5), Shift())))
SEEDS = 5
FP32, LAST = "fp32", "fp32, channels_last"


def ways(at: Settings) -> dict[str, tuple[str, Mode]]:
    """Name -> number format and mode; the plain one first. The compiler is left out of a toy run: it takes a minute."""
    found = {FP32: ("fp32", PLAIN), LAST: ("fp32", Mode()), "bf16, channels_last": ("bf16", Mode())}
    if not at.quick:
        found["fp32, channels_last, compiled"] = "fp32", Mode(compiled=True)
    if at.device == "cuda":
        found |= {f"{each}, channels_last, graphs": (each, Mode(graphs=True)) for each in ("fp32", "bf16")}
    return found


def run(at: Settings) -> bool:
    """Print the table; whether all is equal that should be."""
    torch.set_num_threads(1)
    seeds, device = 2 if at.quick else SEEDS, torch.device(at.device)
    recipe = RECIPE.model_copy(update={"image_size": 16, "epochs": 4, "decay_epochs": 1}) if at.quick else RECIPE
    print(f"\n### Equivalence: {recipe.backbone} {recipe.image_size} px, {recipe.epochs} epochs, {seeds} seeds\n")
    print("| way | mean macro-F1 | sd of the seeds | difference to fp32, paired | standard error |")
    print("|---|---|---|---|---|", flush=True)
    found: dict[str, list[float]] = {}
    for name, (precision, mode) in ways(at).items():
        found[name] = scores(recipe.model_copy(update={"precision": precision}), mode, seeds, device)
        print(row(name, found[name], found[FP32]), flush=True)
    together = side_by_side(recipe, seeds, device)
    print(row(f"{LAST}, two processes at once", together, found[FP32]))
    equal = together == found[LAST]
    print(f"\ntwo processes at once are {'' if equal else 'NOT '}equal to one, to the bit")
    bad = [name for name, of_way in found.items() if differs(of_way, found[FP32])]
    for name in bad:
        print(f"{name} differs from fp32 by more than the seeds do")
    return equal and not bad


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
    return not abs(mean) <= max(2 * error, statistics.stdev(plain) / 2)


def main() -> None:
    at = settings(options(__doc__).parse_args())
    print(header(at.device, at.processes))
    sys.exit(0 if run(at) else 1)


if __name__ == "__main__":
    main()
