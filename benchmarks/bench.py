"""`python -m benchmarks.bench [NAME ...]`: the benchmarks, one after the other; without a name all.

Prints Markdown for docs/BENCHMARKS.md, progress goes to standard error. With `--device cuda` where there is no such
device everything runs at toy size on the CPU, which shows that it works and measures nothing. Exit code 1 when an
equivalence gate failed.
"""

import sys

from benchmarks import data_path, epoch, equivalence, layout, roofline, sharing, small_maps, step, study, trial
from benchmarks.cases import options, settings
from benchmarks.report import header

ALL = {
    "step": step.run,
    "data_path": data_path.run,
    "trial": trial.run,
    "epoch": epoch.run,
    "study": study.run,
    "roofline": roofline.run,
    "equivalence": equivalence.run,
    "layout": layout.run,
    "sharing": sharing.run,
    "small_maps": small_maps.run,
}
NOT_MEASURED = "**not measured on GPU**: there is no CUDA device here; what follows is a toy run on the CPU."


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in ALL]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; there is {', '.join(ALL)}")
    at = settings(given)
    if at.gpu_missing:
        print(NOT_MEASURED, end="\n\n")
    print(header(at.device, at.processes), flush=True)
    passed = [ALL[name](at) for name in given.names or ALL]
    if at.gpu_missing:
        print(f"\n{NOT_MEASURED}")
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
