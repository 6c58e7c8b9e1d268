"""`python -m benchmarks.batch_size`: does the best learning rate move with the batch size, scaled as recipes do or not?

For each batch size the mean final score over seeds of each lr on a grid, on the digits; a star marks the best.
"""

import argparse
import statistics

import torch

from trainer.data import Dataset, Geometry, load, open_source
from trainer.optim import lr_scale
from trainer.recipe import SGD, AdamW, Recipe
from trainer.replicate import Replicate
from trainer.run import Run

OPTIMIZERS = {"adamw": (AdamW(), (0.001, 0.002, 0.004, 0.008, 0.016, 0.032)), "sgd": (SGD(), (0.01, 0.03, 0.1, 0.3, 1))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--optimizer", choices=tuple(OPTIMIZERS), default="adamw")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=12)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = load(open_source("digits"), Geometry(16, 1))
    optimizer, grid = OPTIMIZERS[asked.optimizer]
    print(f"{asked.optimizer}, {asked.epochs} epochs, {asked.seeds} seeds; lr  " + "  ".join(f"{lr:7g}" for lr in grid))
    for batch_size in (16, 64, 256):
        for scaled in (True, False):
            means = []
            for lr in grid:
                recipe = Recipe(optimizer=optimizer, batch_size=batch_size, epochs=asked.epochs, lr=lr)
                if not scaled:  # what the step would take without the rule, whatever the batch size
                    recipe = recipe.model_copy(update={"lr": lr / lr_scale(recipe, 1197)})
                means.append(statistics.mean(_score(recipe, seed, data) for seed in range(asked.seeds)))
            marks = ["*" if mean == max(means) else " " for mean in means]
            cells = "  ".join(f"{mean:.4f}{mark}" for mean, mark in zip(means, marks, strict=True))
            print(f"batch {batch_size:3d} {'scaled' if scaled else 'plain '} {cells}", flush=True)


def _score(recipe: Recipe, seed: int, data: Dataset) -> float:
    run = Run(recipe, Replicate.numbered(seed), data, torch.device("cpu"))
    for _ in run:
        pass
    return run.last.score if run.last else 0.0


if __name__ == "__main__":
    main()
