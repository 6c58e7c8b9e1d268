"""How many images a core augments in a second: `python -m benchmarks.augment [--batch 64] [--sizes 32 64]`.

One thread, processor time instead of wall time, the best of several repeats. A random resized crop reads images a half
larger than it makes.
"""

import argparse
import time

import torch

from trainer.augment.pipeline import Pipeline, pipeline
from trainer.recipe import (
    Affine,
    Augment,
    Blur,
    Chain,
    ColourJitter,
    CutMix,
    Cutout,
    Flip,
    Grey,
    Mixup,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    Shift,
    TrivialAugment,
    crops,
)

AUGMENTS: tuple[Augment, ...] = (
    Flip(),
    Shift(),
    RandomResizedCrop(),
    Rotation(),
    Affine(),
    ColourJitter(),
    ColourJitter(hue=0.1),
    Grey(),
    Blur(),
    Cutout(),
    RandomErasing(),
    Mixup(),
    CutMix(),
    TrivialAugment(),
    RandAugment(),
    Chain(steps=(RandomResizedCrop(), Flip(), ColourJitter(), RandomErasing())),
)
REPEATS, SECONDS = 5, 0.15


def throughput(change: Pipeline, batch: int, side: int) -> float:
    """Images a core-second for RGB batches of `side` pixels."""
    draw = torch.Generator().manual_seed(0)
    images, labels = torch.rand(batch, 3, side, side, generator=draw), torch.arange(batch)
    best = 0.0
    for _ in range(REPEATS):
        done, began = 0, time.process_time()
        while (spent := time.process_time() - began) < SECONDS:
            change(images, labels, draw)
            done += batch
        best = max(best, done / spent)
    return best


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--batch", type=int, default=64)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    given = arguments.parse_args()
    torch.set_num_threads(1)
    print(f"{'images a core-second, batches of ' + str(given.batch):60}" + "".join(f"{s:>7} px" for s in given.sizes))
    for augment in AUGMENTS:
        figures = []
        for size in given.sizes:
            side = size * 3 // 2 if crops(augment) else size
            figures.append(throughput(pipeline(augment, size, torch.full((3,), 0.5), {}), given.batch, side))
        print(f"{augment.label[:59]:60}" + "".join(f"{figure:10,.0f}" for figure in figures))


if __name__ == "__main__":
    main()
