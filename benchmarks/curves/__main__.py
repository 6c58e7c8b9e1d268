"""`python -m benchmarks.curves`: replay the rules on the table of learning curves, print the tables for the docs.

`--plots FOLDER` draws them, too. Trains nothing; `benchmarks.curves.train` makes the table.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.curves import decay, report
from benchmarks.curves.evaluate import Table
from benchmarks.curves.table import FILE, read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, default=FILE)
    parser.add_argument("--draws", type=int, default=100, help="orders for each replicate")
    parser.add_argument("--plots", type=Path, help="folder for the pictures (needs matplotlib)")
    asked = parser.parse_args()
    table = Table(read(asked.table))

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    parts = (
        ("Sets", lambda: report.pilots(table)),
        ("Schedules", lambda: decay.schedules(table)),
        ("Stages", lambda: report.factors(table, asked.draws)),
        ("Scores", lambda: report.scores(table, asked.draws)),
        ("Workers", lambda: report.workers(table, asked.draws)),
        ("Rules", lambda: report.rules(table, asked.draws, say)),
    )
    for title, made in parts:
        print(f"### {title}\n\n{made()}\n", flush=True)
    if asked.plots:
        from benchmarks.curves import plots

        plots.draw(table, asked.plots, asked.draws)


if __name__ == "__main__":
    main()
