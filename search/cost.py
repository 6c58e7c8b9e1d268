"""What a study has cost in epochs, and what stopping early has saved."""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.rows import RunRow
from trainer.recipe import Recipe, read_recipe


@dataclass(frozen=True)
class Epochs:
    """`trained` by the runs of the study; `pruned` and `stalled` are epochs that were planned and not trained."""

    runs: int
    trained: int
    pruned: int
    stalled: int
    reused: int  # runs that were asked for again and not trained again

    @property
    def saved_share(self) -> float:
        """Of the epochs that training every run to its end would have taken."""
        planned = self.trained + self.pruned + self.stalled
        return (self.pruned + self.stalled) / planned if planned else 0.0


def epochs_of(rows: Sequence[RunRow], recipes: "Recipes") -> Epochs:
    """Of entries, in which a run may stand several times."""
    trained = [row for row in {row.cell_id: row for row in rows}.values() if row.state not in ("WAITING",)]
    left = {
        stop: sum(max(0, recipes.of(r).epochs - r.epochs) for r in trained if r.stop == stop)
        for stop in ("pruned", "stalled")
    }
    return Epochs(
        runs=len(trained),
        trained=sum(row.epochs for row in trained),
        pruned=left["pruned"],
        stalled=left["stalled"],
        reused=len(rows) - len({row.cell_id for row in rows}),
    )


class Recipes:
    """Each recipe is read once."""

    def __init__(self) -> None:
        self._read: dict[str, Recipe] = {}

    def of(self, row: RunRow) -> Recipe:
        if row.signature not in self._read:
            self._read[row.signature] = read_recipe(row.recipe)
        return self._read[row.signature]
