from pathlib import Path
from typing import Any

from search import phases
from search.retention import among_best, collect, drop_weights, kept_rows, superfluous
from search.workplace import Workplace
from spaces.lr_aug import LR_AUG
from storage.blobs import Blob
from storage.checkpoints import CheckpointFolder
from storage.errors import CheckpointDamaged
from storage.rows import CheckpointRow, Result, RunRow
from tests.search.rows import run_row
from tests.search.test_objective import others
from tests.search.trials import claim, screen_of

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


def test_weights_are_worth_keeping_while_fewer_than_three_are_as_good() -> None:
    rows = [row(n, best=0.9 + n / 100, last=0.5) for n in range(4)]
    assert not among_best(SCREEN, rows, 0.91)
    assert among_best(SCREEN, rows, 0.911)
    assert among_best(SCREEN, rows[:2], 0.1)
    assert among_best(CONFIRM, rows, 0.1)


def test_a_phase_is_known_by_its_name_also_when_it_was_set_aside() -> None:
    kinds = {name: phases.kind_of(name) for name in ("pilot", "1-lr", "1-lr.quick", "confirm.quick", "ablation")}
    assert kinds == dict(zip(kinds, ("pilot", "screen", "screen", "confirm", "ablation"), strict=True))
    assert {phases.kind_of("1-lr/finals"), phases.kind_of("1-lr.quick/finals")} == {"finals"}
    mixed = [row(n, best=0.9 - n / 100, last=0.5 + n / 100, phase="1-lr") for n in range(4)]
    assert [each.number for each in kept_rows(mixed)] == [0, 1, 2]
    of_finals = [row(n, best=0.9 - n / 100, last=0.5 + n / 100, phase="1-lr/finals") for n in range(4)]
    assert [each.number for each in kept_rows(of_finals)] == [1, 2, 3]


def test_garbage_collection_never_deletes_what_a_live_worker_or_a_waiting_trial_needs(at: Workplace) -> None:
    store, folder, phase = at.study.store, at.checkpoints, screen_of(*others(7))
    leases = [claim(at, phase, planned, f"worker-{n}") for n, planned in enumerate(phase.runs)]

    def written(number: int, epoch: int, kind: Any) -> CheckpointRow:
        return folder.write("lr_aug", leases[number].trial_id, 1, epoch, kind, b"x")

    resume = [[written(n, epoch, "resume") for epoch in (1, 2)] for n in range(7)]
    weights = [written(n, 2, "best") for n in range(7)]
    for number in range(5):
        ended = Result("finished", "", 0.5 + number / 10, 2, 0.5, 0.5 + number / 10, 2, 0.1)
        store.finish(leases[number], ended, checkpoints=[weights[number]], kept=[Blob("weights", b"x")])
    store.report(leases[5], [], resume[5][1])  # is being trained, and has written its weights already
    store.release(leases[6])

    collect(at.study, folder, in_database=True)

    def there(pointer: CheckpointRow) -> bool:
        try:
            return folder.read(pointer) == b"x"
        except CheckpointDamaged:
            return False

    assert [[there(each) for each in pair] for pair in resume] == [[False, False]] * 5 + [[True, True]] * 2
    assert [there(each) for each in weights] == [False, False, True, True, True, True, True]
    in_database = {blob.trial_id for blob in store.blobs(at.study.study_id)}
    assert in_database == {lease.trial_id for lease in leases[2:5]}
    collect(at.study, CheckpointFolder(folder.root / "nowhere"))  # type: ignore[attr-defined]
