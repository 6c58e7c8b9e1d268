"""`search.work` with another life: instead of pilot, stages and confirm one phase, the equal list, nothing pruned."""

import json
import os
from collections.abc import Iterator

import search.worker
from search import edge, work
from search.candidates import Candidate
from search.phases import Phase, Planned
from search.study import Study

NAME = "listed"
LRS = "CETERIS_BENCHMARK_LRS"  # environment variable: the equal list, JSON


def life(study: Study, worker: str) -> Iterator[Phase]:
    """The study's baseline with each learning rate, all on the split of replicate 0."""
    recipes = [study.definition.baseline.model_copy(update={"lr": lr}) for lr in json.loads(os.environ[LRS])]
    runs = tuple(Planned(Candidate(f"{r.lr:g}", "listed", r, (("lr", r.lr),)), 0) for r in recipes)
    yield Phase(NAME, "pilot", runs, len(runs))  # of all kinds the one that neither prunes nor opens the test part


def main() -> None:
    search.worker.life = life
    edge.run(work.main)


if __name__ == "__main__":
    main()
