"""`python -m benchmarks.study`: from command to answer. Which learning rate, loss and augmentation?

Contestants: `search.launch --study lr_aug`; Optuna's official example (TPE, median pruner) and Ray Tune with ASHA over
the joint space of the same learning rates, losses and augmentations.

The stopping target, the same for all: a budget of trials, as many as ours plans at most, its pilot, finals and
confirmation included, each of at most the same number of epochs. The others are answered when their budget is spent and
they name their best trial; ours when the launch has confirmed its recipe on fresh replicates and ends. The clock runs
from the start of the command to the end of its process. What a recipe is worth is found outside of the clock and alike
for all: trained anew by our trainer on `JUDGED` replicates that no search has seen, accuracy on the held-out test part.
Exit code 1 when ours is lower than another one's by more than the gate.
"""

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from benchmarks.cases import Case, Settings, options, settings, task_of
from benchmarks.contestants.task import Answer, read_answer, write
from benchmarks.judge import Worth, recipe_of, worth
from benchmarks.report import header, table
from benchmarks.rounds import Contestant, Sample, Spread, interleaved, ratios
from search.phases import planned_runs
from spaces.lr_aug import LR_AUG
from spaces.overrides import override
from spaces.study import StudyDefinition

ROUNDS, JUDGED = 3, 6
CASE = Case("test_resnet", 16, lrs=(2.5e-4, 1.6e-2))  # the baseline of lr_aug, the ends of its range of learning rates
OURS = "search.launch"
NAMES = {"Optuna's example, median pruner": "optuna_example", "Ray Tune, ASHA": "ray_asha"}
HEAD = ("search", "wall s", "times ours", "core-seconds", "times ours", "trials", "test accuracy", "recommends")
QUICK = (
    *(f"stages.{stage.name}.trials=3" for stage in LR_AUG.stages),
    *(f"budgets.{name}=2" for name in ("pilot", "finals", "confirm")),
    "budgets.finalists=1",
)


def asked(case: Case, at: Settings) -> tuple[str, ...]:
    """The --set words of our launch."""
    fields = ("backbone", "image_size", "channels", "epochs", "decay_epochs", "batch_size")
    words = tuple(f"baseline.{field}={getattr(case, field)}" for field in fields)
    return (*words, "baseline.metric=accuracy", *(QUICK if at.quick else ()))


def measure(at: Settings) -> bool:
    case = at.sized((CASE,))[0]
    case = replace(case, lrs=CASE.lrs, epochs=4 if at.quick else CASE.epochs)
    words = asked(case, at)
    definition = override(LR_AUG, words)
    trials = sum(planned_runs(definition).values())
    print(f"\n### Study: lr_aug on {case.words}, {trials} trials of {case.epochs} epochs at most\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write(place / "task.json", replace(task_of(case, at, place), trials=trials))
        taking_part = contestants(place / "task.json", words)
        samples = interleaved(taking_part, at.rounds_or(ROUNDS), lambda line: print(line, file=sys.stderr, flush=True))
        worths = {name: judged(some, definition, place, at) for name, some in samples.items()}
        baseline = worth([definition.baseline], place / "all.npz", definition.test_fraction, _replicates(at), at.device)
    print(table(HEAD, rows(samples, worths)))
    lowest = min(worths[OURS].mean - other.mean for other in worths.values())
    passed = lowest >= -at.allowed
    print(f"\nThe baseline itself: {_shown(baseline)}. ", end="")
    outcome = "passed" if passed else "FAILED"
    print(f"Gate, at most {100 * at.allowed:g} points lower: {outcome} ({100 * lowest:+.2f} points)", flush=True)
    return passed


def contestants(task_file: Path, words: Sequence[str]) -> list[Contestant[Answer]]:
    there = {name: module for name, module in NAMES.items() if module != "ray_asha" or find_spec("ray")}
    program = (sys.executable, "-m")
    found = [
        Contestant(name, (*program, f"benchmarks.contestants.{module}", str(task_file)), read_answer)
        for name, module in there.items()
    ]
    setting = tuple(word for each in words for word in ("--set", each))
    ours = (*program, "benchmarks.contestants.ours_study", *setting, str(task_file))
    return [*found, Contestant(OURS, ours, read_answer)]


def judged(samples: Sequence[Sample[Answer]], definition: StudyDefinition, folder: Path, at: Settings) -> Worth:
    recipes = [recipe_of(sample.answer, definition) for sample in samples]
    return worth(recipes, folder / "all.npz", definition.test_fraction, _replicates(at), at.device)


def rows(samples: Mapping[str, Sequence[Sample[Answer]]], worths: Mapping[str, Worth]) -> list[list[str]]:
    found = []
    for name, some in samples.items():
        line = [name]
        for field in ("wall", "cores"):
            theirs, mine = ([getattr(sample, field) for sample in one] for one in (some, samples[OURS]))
            line += [Spread.of(theirs).shown(), ratios(theirs, mine).shown(2)]
        answers = [sample.answer for sample in some]
        trials = statistics.median(answer.trials for answer in answers)
        recommended = "; ".join(f"lr {answer.lr:.4g}, {answer.loss}, {answer.augment}" for answer in answers)
        found.append([*line, f"{trials:g}", _shown(worths[name]), recommended])
    return found


def _replicates(at: Settings) -> int:
    return 1 if at.quick else JUDGED


def _shown(found: Worth) -> str:
    return f"{found.mean:.4f} (sd {found.deviation:.4f})"


def run(at: Settings) -> bool:
    return measure(at)


def main() -> None:
    at = settings(options(__doc__).parse_args())
    print(header(at.device, at.processes))
    sys.exit(0 if run(at) else 1)


if __name__ == "__main__":
    main()
