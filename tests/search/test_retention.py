from pathlib import Path
from typing import Any

from search import phases
from search.retention import drop_weights, superfluous
from spaces.lr_aug import LR_AUG
from storage.checkpoints import CheckpointFolder
from storage.rows import RunRow
from tests.search.rows import run_row

BASELINE = phases.with_plateau(LR_AUG, 0.005)
SCREEN = phases.screen(LR_AUG, LR_AUG.stages[0], BASELINE, BASELINE.lr)
CONFIRM = phases.confirm(LR_AUG, BASELINE, BASELINE)


def row(number: int, best: float, last: float, **changes: Any) -> RunRow:
    return run_row(number, last, **({"best_score": best} | changes))


def test_the_best_three_of_a_screen_keep_their_weights_and_every_confirmed_run_does() -> None:
    rows = [row(n, best=0.9 + n / 100, last=0.5) for n in range(5)]
    assert [each.number for each in superfluous(SCREEN, rows)] == [1, 0]
    assert superfluous(CONFIRM, rows) == []


def test_weights_of_runs_still_going_pruned_or_trained_elsewhere_are_not_touched() -> None:
    rows = [row(n, best=0.9, last=0.9) for n in range(3)]
    others = [
        row(7, 0.1, 0.1, state="RUNNING", stop=None),
        row(8, 0.1, 0.1, state="PRUNED", stop="pruned"),
        row(9, 0.1, 0.1, reused=True),
    ]
    assert superfluous(SCREEN, [*rows, *others]) == []


def test_dropped_weights_are_gone_and_the_others_stay(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    kept = folder.write("lr_aug", 1, 1, 4, "best", b"kept")
    gone = folder.write("lr_aug", 2, 1, 4, "best", b"gone")
    drop_weights("lr_aug", [row(2, 0.1, 0.1)], folder)
    assert folder.read(kept) == b"kept"
    assert not tmp_path.joinpath(*gone.location.split("/")).exists()
