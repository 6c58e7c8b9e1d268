"""`python -m benchmarks.same`: real studies in which nothing is better, and real ones in which something is.

*A/A*: four names for one loss, which differ in the stream of a noise that changes nothing; every claim is false.
*Planted*: a loss with a bug, and an augmentation that hurts, each once as the challenger and once as what is held.
Prints a table; exit code 1 when more A/A studies claim something, or fewer planted ones find it, than allowed.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.report import header, table
from search import edge, surroundings
from search.copies import copies
from search.fleet import Fleet
from search.join import Asked, create_or_join, facts_of
from search.resolve import resolve
from search.snapshot import take
from spaces.domain import Augments, Losses
from spaces.stage import Stage
from spaces.study import Budgets, StudyDefinition
from storage.store import Store
from storage.urls import sqlite_url
from trainer.custom import named
from trainer.data import SourceOptions, open_source
from trainer.recipe import Augment, CustomLoss, Loss, NoAugment, Recipe, Rotation

ALLOWED = 3  # A/A studies of 20 that may claim something; binomial, at 1 in 20 each: exceeded in 1.6 % of tables
LOSSES = '''
import torch
from torch.nn.functional import cross_entropy


class Salted(torch.nn.Module):
    """Cross entropy; a stream named by `salt` moves the logits by a thousandth, which changes nothing but the luck."""

    def __init__(self, salt):
        super().__init__()
        self.stream = torch.Generator().manual_seed(salt)

    def forward(self, logits, labels):
        return cross_entropy(logits + 0.001 * torch.randn(logits.shape, generator=self.stream), labels)


class Buggy(torch.nn.Module):
    """Cross entropy with a bug: half of every batch gets its neighbour's label."""

    def forward(self, logits, labels):
        half = len(labels) // 2
        return cross_entropy(logits, torch.cat([labels[:half], labels[half:].roll(1)]))
'''
BUDGETS = Budgets(pilot=2, finalists=2, finals=3, claims=8, confirm=2)


@dataclass(frozen=True)
class Told:
    """What one study came to. `spread` is that of the screen's scores: 0 would prove nothing."""

    claimed: str | None
    carried: str
    gain: float
    spread: float
    runs: int


def recipe(data: str) -> Recipe:
    """A run of about a second, whose score still swings from seed to seed."""
    size = 8 if data == "digits" else 14
    return Recipe(image_size=size, epochs=6, warmup_epochs=1, decay_epochs=2, lr=0.004, epoch_images=1200)


def study(
    name: str, baseline: Recipe, values: Sequence[Loss] | Sequence[Augment], factor: str, seed: int
) -> StudyDefinition:
    domain = {"kind": "losses" if factor == "loss" else "augments", "choices": tuple(values)}
    kind = Losses if factor == "loss" else Augments
    return StudyDefinition(
        name=name,
        question="Is anything better?",
        baseline=baseline,
        stages=(Stage(name=factor, factor=factor, domain=kind.model_validate(domain)),),
        auto=("precision", "delta", "noise"),
        budgets=BUDGETS,
        seed=seed,
    )


def carried_out(definition: StudyDefinition, data: str, file: Path, processes: int) -> Told:
    """The study from its creation to its end, by workers as a launch starts them."""
    from search import work

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        crew = copies(processes, partial(edge.run, work.main))
        store = Store.connect(url := sqlite_url(place / "ceteris.db"))
        source = open_source(data, SourceOptions())
        resolved, facts = resolve(definition, source, "fp32"), facts_of(source, definition.test_fraction)
        stored, _ = create_or_join(store, Asked(definition.name, definition, resolved, data, source.digest, facts))
        words = ["--name", definition.name, "--data", data, "--folder", str(place), "--file", str(file)]
        fleet = Fleet(words, {"CETERIS_STORAGE": url}, place, crew)
        fleet.start(["cpu"] * processes)
        for seat in fleet.seats:
            if seat.process is not None and seat.process.wait() != 0:
                raise RuntimeError(fleet.log_of(seat).read_text(encoding="utf-8", errors="replace")[-2000:])
        snapshot = take(stored)
        store.close()
    (line,) = snapshot.stages
    assert line.verdict is not None
    assert line.claim is not None
    scores = [row.last_score or 0.0 for row in line.screen if row.state == "COMPLETE"]
    return Told(
        claimed=line.claim.value if line.claim.outcome == "claimed" else None,
        carried=line.verdict.value,
        gain=line.claim.gain.mean if line.claim.gain else 0.0,
        spread=statistics.pstdev(scores) if len(set(scores)) > 1 else 0.0,
        runs=len(snapshot.ended),
    )


def same(data: str, file: Path, count: int, processes: int) -> list[Told]:
    """A/A studies of different seeds: other splits, other starts."""
    losses = [named(CustomLoss, file, "Salted", salt=salt) for salt in range(4)]
    baseline = recipe(data).model_copy(update={"loss": losses[0]})
    return [
        _said(
            carried_out(study("same", baseline, losses[1:], "loss", seed), data, file, processes), f"A/A {data} {seed}"
        )
        for seed in range(count)
    ]


def planted(data: str, file: Path, count: int, processes: int) -> dict[str, list[tuple[Told, str]]]:
    """Case -> studies, each with the value that is better."""
    plain = recipe(data)
    buggy, turned = named(CustomLoss, file, "Buggy"), Rotation(degrees=180.0)
    cases: dict[str, tuple[Recipe, list[Loss] | list[Augment], str, str]] = {
        "bug in the challenger": (plain, [buggy], "loss", plain.loss.label),
        "bug in the incumbent": (plain.model_copy(update={"loss": buggy}), [plain.loss], "loss", plain.loss.label),
        "harmful augmentation challenges": (plain, [turned], "augment", "none"),
        "harmful augmentation is held": (
            plain.model_copy(update={"augment": turned}),
            [NoAugment()],
            "augment",
            "none",
        ),
    }
    return {
        case: [
            (_said(carried_out(study("planted", base, values, factor, seed), data, file, processes), case), better)
            for seed in range(count)
        ]
        for case, (base, values, factor, better) in cases.items()
    }


def clothes(fashion: Path, folder: Path) -> str:
    """1,800 training images of Fashion-MNIST, evenly spread, each 2 x 2 pixels averaged, as a file."""
    source = open_source(fashion)
    training = np.arange(len(source)) if source.official_test is None else np.flatnonzero(~source.official_test)
    rows = training[:: len(training) // 1800][:1800]
    images = np.stack([np.asarray(source.pictures.open(int(row))) for row in rows])
    file = folder / "fashion.npz"
    np.savez(file, x=images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).astype(np.uint8), y=source.labels[rows])
    return str(file)


def _said(told: Told, what: str) -> Told:
    print(f"{what}: {told}", file=sys.stderr, flush=True)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="*", default=["digits"], help="digits, or whatever a launch takes as --data")
    parser.add_argument("--fashion", type=Path, help="folder of Fashion-MNIST: 1,800 images at 14 px, too")
    parser.add_argument("--studies", type=int, default=20, help="A/A studies for each data set")
    parser.add_argument("--planted", type=int, default=3, help="studies for each planted case")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    print(header("cpu", asked.processes) + "\n")
    rows, good = [], True
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "same_losses.py"
        file.write_text(LOSSES, encoding="utf-8")
        sets = [*asked.data, *([clothes(asked.fashion, Path(folder))] if asked.fashion else [])]
        for data in sets:
            found = same(data, file, asked.studies, asked.processes)
            claims = sum(told.claimed is not None for told in found)
            good &= claims <= max(1, round(ALLOWED * asked.studies / 20)) and all(told.spread > 0 for told in found)
            spread = f"{100 * statistics.fmean(told.spread for told in found):.2f}"
            name = Path(data).stem
            rows.append([name, "A/A: four names of one loss", str(len(found)), f"{claims} claimed", spread])
            for case, each in planted(data, file, asked.planted, asked.processes).items():
                held = case.endswith(("incumbent", "held"))
                right = sum(
                    told.carried == better and (told.claimed == better if held else not told.claimed)
                    for told, better in each
                )
                good &= right == len(each)
                gain = f"{100 * statistics.fmean(told.gain for told, _ in each):+.1f}"
                words = f"{right} {'claimed' if held else 'kept'} the better one, {gain} points"
                rows.append([name, case, str(len(each)), words, ""])
    print(table(("data", "what", "studies", "outcome", "spread of the screen, points"), rows))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    surroundings.enter()
    main()
