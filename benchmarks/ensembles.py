"""`python -m benchmarks.ensembles --fashion FILE`: is the estimate of an ensemble honest, and does an ensemble help?

Twenty repetitions, each with another test part held out: small nets of twelve recipes are trained on one fold, their
answers combined by the code that is shipped, and the cross-fitted estimate is compared with the test part. The naive
estimate, on the images that chose, stands beside it. Answers are kept in `--out`, so that a second start trains
nothing again. `--repetitions 4 --members 6 --epochs 4` shows in some minutes that it works.
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.report import header, table
from search import ensembling
from search.ensembling import Question, Rule
from search.pool import Contender, Pool
from trainer.augment_choices import Cutout, NoAugment, Shift
from trainer.data import Dataset, Geometry, Source, load, open_source
from trainer.execution import one_thread
from trainer.folds import parts_of
from trainer.loss_choices import CrossEntropy, LabelSmoothing
from trainer.recipe import Recipe
from trainer.replicate import Replicate
from trainer.run import Run

CLOTHES, PARTS = 2400, 3  # images drawn for a repetition; one part of three is the test
SIDE = 16
RULES = (Rule("soft", 5), Rule("hard", 5), Rule("greedy"))


@dataclass(frozen=True)
class Repetition:
    question: Question
    test: np.ndarray  # [1, members, m, classes]
    labels: np.ndarray
    groups: np.ndarray | None


def recipes(count: int, epochs: int) -> list[Recipe]:
    """What a screen would hold: learning rates, losses and augmentations, good ones and poor ones."""
    grid = itertools.product((CrossEntropy(), LabelSmoothing()), (NoAugment(), Shift(), Cutout()), (0.008, 0.002))
    shape = Recipe(image_size=SIDE, epochs=epochs, decay_epochs=2, metric="accuracy")
    found = [shape.model_copy(update={"loss": loss, "augment": augment, "lr": lr}) for loss, augment, lr in grid]
    return found[:count]


def source_of(name: str, fashion: Path | None, seed: int) -> Source:
    """With a test part of its own for every seed, by group."""
    source = open_source(name if name == "faces" else str(fashion))
    if name != "faces":
        rows = np.random.RandomState(seed).choice(len(source), CLOTHES, replace=False)
        source = source.kept(np.sort(rows))
    test = np.zeros(len(source), dtype=bool)
    test[parts_of(source.labels, source.groups, PARTS, 10_000 + seed)[0]] = True
    return replace(source, official_test=test)


def answers_of(data: Dataset, recipe: Recipe, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, answers to them, answers to the test part)"""
    run = Run(recipe, Replicate.numbered(number), data, torch.device("cpu"))
    for _ in run:
        pass
    rows, labels = data.test.open(lambda who, why: None, "benchmark", "ensembles")
    return (
        run.validation_index.numpy(),
        run.validation_probabilities().numpy(),
        run.examined_on(rows, labels)[2].numpy(),
    )


def repetition(name: str, fashion: Path | None, seed: int, asked: Sequence[Recipe], out: Path) -> Repetition:
    """Trained, or as kept in `out`."""
    source = source_of(name, fashion, seed)
    file = out / f"{name}-{seed}-{len(asked)}x{asked[0].epochs}.npz"
    if not file.exists():
        shape = replace_channels(asked[0], source)
        data = load(source, Geometry(SIDE, shape.channels), 1 / PARTS)
        told = [answers_of(data, replace_channels(recipe, source), 5 * seed) for recipe in asked]
        rows, mine, tested = (np.stack(each) for each in zip(*told, strict=True))
        out.mkdir(parents=True, exist_ok=True)
        np.savez(file, rows=rows[0], answers=mine, tests=tested)
    with np.load(file, allow_pickle=False) as kept:
        rows, mine, tested = kept["rows"], kept["answers"].astype(float), kept["tests"].astype(float)
    assert source.official_test is not None
    test = np.flatnonzero(source.official_test)
    found = tuple(Contender(f"m{n}", (), rows, each, None) for n, each in enumerate(mine))
    pool = Pool(None, source.class_names, source.labels[rows], found)
    groups = (None, None) if source.groups is None else (source.groups[rows], source.groups[test])
    question = Question((pool,), source.labels[rows], len(source.class_names), groups[0], asked[0].metric)
    return Repetition(question, tested[None], source.labels[test], groups[1])


def replace_channels(recipe: Recipe, source: Source) -> Recipe:
    return recipe.model_copy(update={"channels": source.default_channels})


def judged(name: str, fashion: Path | None, count: int, asked: Sequence[Recipe], out: Path) -> Iterator[list[str]]:
    """A row of the table for every rule."""
    found = [repetition(name, fashion, seed, asked, out) for seed in range(count)]
    for rule in RULES:
        estimated, naive, gains, tested, singles, covered = [], [], [], [], [], []
        for each in found:
            told = ensembling.estimate(each.question, rule, draws=300)
            test, _ = ensembling.on_test(each.question, rule, [each.test], each.labels, each.groups, draws=2)
            estimated.append(told.second - test.second)
            naive.append(ensembling.naive(each.question, rule) - test.second)
            gains.append(test.gain)
            tested.append(test.second)
            singles.append(test.first)
            covered.append(told.low <= test.gain <= told.high)
        vote = rule.by if rule.top is None else f"{rule.by}, best {rule.top}"
        share = f"{sum(covered)} of {count}"
        cells = [f"{100 * np.mean(singles):.1f}", f"{100 * np.mean(tested):.1f}", mean(gains)]
        yield [name, vote, *cells, mean(estimated), mean(naive), share]


def mean(values: Sequence[float]) -> str:
    """In points, with its standard error over repetitions."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{100 * np.mean(values):+.2f} ± {100 * error:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion", type=Path, help="the folder of Fashion-MNIST's idx files; without: faces only")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--members", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("runs") / "ensembles")
    given = parser.parse_args()
    asked, rows = recipes(given.members, given.epochs), []
    with one_thread():
        for name in ("faces", *(["clothes"] if given.fashion else [])):
            rows += judged(name, given.fashion, given.repetitions, asked, given.out)
    print(header("cpu", 1) + "\n")
    print(f"{given.repetitions} repetitions, {len(asked)} members, accuracy in points, ± standard error of the mean.\n")
    head = ("data", "vote", "best single, test", "ensemble, test", "gain, test", "estimate - test", "naive - test")
    print(table((*head, "interval covers the test gain"), rows))


if __name__ == "__main__":
    main()
