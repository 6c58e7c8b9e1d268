"""`python -m benchmarks.data_path`: images a second from stored pictures to normalised batches, without any net.

Flipped and shifted. Ours keeps bytes in memory and augments batches, a good user likewise; a DataLoader with Pillow's
transforms reads arrays in memory, or JPEG files of 128 px. One process each; ours with one thread.
"""

import tempfile
from pathlib import Path

from benchmarks.cases import DATA_CASES, Case, Settings, options, settings, task_of
from benchmarks.contestants.task import write
from benchmarks.report import header, table
from benchmarks.rounds import interleaved
from benchmarks.step import HEAD, OURS, contestant, rows

ROUNDS, SECONDS = 5, 3.0


def measure(case: Case, at: Settings) -> None:
    seconds = at.seconds_or(SECONDS)
    with tempfile.TemporaryDirectory() as arrays, tempfile.TemporaryDirectory() as files:
        in_memory, on_disk = Path(arrays) / "task.json", Path(files) / "task.json"
        write(in_memory, task_of(case, at, Path(arrays)))
        write(on_disk, task_of(case.of_files(), at, Path(files)))
        print(f"\n### Data path: {case.image_size} px, batches of {case.batch_size}\n", flush=True)
        taking_part = [
            contestant("DataLoader, Pillow, in memory", "loader_data", 0, seconds, in_memory),
            contestant("DataLoader, Pillow, JPEG files", "loader_data", 0, seconds, on_disk),
            contestant("a good user", "good_data", 0, seconds, in_memory),
            contestant(OURS, "ours_data", 1, seconds, in_memory),
        ]
        samples = interleaved(taking_part, at.rounds_or(ROUNDS))
    print(table(HEAD, rows(samples)), flush=True)


def run(at: Settings) -> bool:
    for case in at.sized(DATA_CASES):
        measure(case, at)
    return True


def main() -> None:
    at = settings(options(__doc__).parse_args())
    print(header(at.device, at.processes))
    run(at)


if __name__ == "__main__":
    main()
