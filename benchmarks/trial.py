"""`python -m benchmarks.trial`: an equal list of recipes trained to the end, start of Python and storage included.

Contestants: Optuna's official example, the same by a good user, Ray Tune, ours. The same learning rates, images, split,
net, AdamW, schedule, batches, flip and shift; nothing is pruned. Of JPEG files everybody starts from the files in every
round. Exit code 1 when the equivalence gate on the score fails.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.cases import GPU_TRIAL_CASES, TRIAL_CASES, Case, Settings, options, settings, task_of
from benchmarks.contestants.task import Answer, read_answer, write
from benchmarks.gate import gate, mean_score
from benchmarks.report import header, table
from benchmarks.rounds import Contestant, Sample, Spread, interleaved, ratios

ROUNDS = 3
OURS = "ours"
NAMES = {
    "Optuna's example": "optuna_example",
    "the same by a good user": "good_user",
    "Ray Tune": "ray_asha",
    OURS: "ours_main",
}
HEAD = ("contestant", "core-seconds", "times ours", "wall s", "times ours", "mean accuracy")


def contestants(task_file: Path, names: Mapping[str, str] = NAMES) -> list[Contestant[Answer]]:
    """Ray Tune takes part where it is installed."""
    there = {name: module for name, module in names.items() if module != "ray_asha" or find_spec("ray")}
    return [
        Contestant(name, (sys.executable, "-m", f"benchmarks.contestants.{module}", str(task_file)), read_answer)
        for name, module in there.items()
    ]


def rows(samples: Mapping[str, Sequence[Sample[Answer]]]) -> list[list[str]]:
    """One per contestant: medians with min and max over the rounds; ratios are taken round by round."""
    mine, found = samples[OURS], []
    for name, theirs in samples.items():
        cores, wall = ([[getattr(s, field) for s in some] for some in (theirs, mine)] for field in ("cores", "wall"))
        found.append(
            [
                name,
                Spread.of(cores[0]).shown(),
                ratios(*cores).shown(2),
                Spread.of(wall[0]).shown(),
                ratios(*wall).shown(2),
                f"{mean_score([sample.answer for sample in theirs]):.4f}",
            ]
        )
    return found


def measure(case: Case, at: Settings) -> bool:
    """Print the table of one case; whether the gate was passed."""
    with tempfile.TemporaryDirectory() as folder:
        task = task_of(case, at, Path(folder))
        write(Path(folder) / "task.json", task)
        taking_part = contestants(Path(folder) / "task.json")
        print(
            f"\n### Trial: {case.words}\n\n{len(case.lrs)} recipes of {case.epochs} epochs, batches of "
            f"{case.batch_size}, {at.processes} processes of ours and of the good user.\n",
            flush=True,
        )
        samples = interleaved(taking_part, at.rounds_or(ROUNDS), lambda line: print(line, file=sys.stderr, flush=True))
    print(table(HEAD, rows(samples)), end="\n\n")
    verdict = gate({name: [sample.answer for sample in some] for name, some in samples.items()}, OURS, at.allowed)
    print(verdict.words, flush=True)
    return verdict.passed


def run(at: Settings) -> bool:
    if not find_spec("ray"):
        print("Ray is not installed (requirements-bench.txt): Ray Tune does not take part", file=sys.stderr)
    passed = [measure(case, at) for case in at.cases(TRIAL_CASES, GPU_TRIAL_CASES)]
    return all(passed)


def main() -> None:
    at = settings(options(__doc__).parse_args())
    print(header(at.device, at.processes))
    sys.exit(0 if run(at) else 1)


if __name__ == "__main__":
    main()
