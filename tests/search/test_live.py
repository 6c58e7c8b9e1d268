"""What a launch shows while it works: on terminals of any size and code page, in a log, and when it is to be quiet."""

import dataclasses
import itertools
import json
import math

import pytest
from rich.cells import cell_len

from search.pace import seconds_to_go
from search.progress import PlainLines, Quiet, run_line
from search.screen import View, screen, shortened
from search.signs import PLAIN, PRETTY, sparkline
from search.snapshot import Snapshot, take
from search.workplace import Workplace
from storage.rows import EpochRow, RunRow, WorkerRow
from tests.search.rows import run_row
from tests.search.trials import RECIPE, claim, screen_of

LONG = "stalled at epoch 9: no rise above 0.0033 in 3 epochs; decayed, ended at epoch 12, which is a long story"
HOSTILE = "[red]코스모스[/red] \x1b[31mfocal(2)\x1b[0m\r\n" * 3


def worker(number: int, host: str) -> WorkerRow:
    return WorkerRow(f"{host}-{number}", 1, host, 1000 + number, f"cuda:{number}", {}, 0.0, 100.0, "", None)


def rows() -> list[RunRow]:
    """A screen of eight trials of every kind, two of them at work."""
    kinds = [("COMPLETE", "finished"), ("COMPLETE", "stalled"), ("PRUNED", "pruned"), ("COMPLETE", "diverged")]
    kinds += [("FAIL", "failed"), ("RUNNING", None), ("RUNNING", None), ("WAITING", None)]
    recipe = json.dumps({"epochs": 12})
    return [
        run_row(
            number,
            0.9 + number / 100,
            phase="1-lr",
            state=state,
            stop=stop,
            reason=LONG if stop else None,
            params={"lr": 0.004, "loss": HOSTILE},
            worker=f"here-{number}",
            entry_id=number,
            recipe=recipe,
        )
        for number, (state, stop) in enumerate(kinds)
    ]


@pytest.fixture
def snapshot(at: Workplace) -> Snapshot:
    taken, runs = take(at.study), rows()
    line = dataclasses.replace(taken.stages[0], screen=tuple(runs))
    workers = (*(worker(number, "here") for number in range(12)), worker(1, "gpu-서버"), worker(2, "gpu-서버"))
    return dataclasses.replace(
        taken, runs=tuple(runs), stages=(line, *taken.stages[1:]), workers=workers, now=100.0, attempts=()
    )


def view(snapshot: Snapshot) -> View:
    curve = [0.1, 0.5, math.nan, 0.7, 0.8, 0.85, 0.9, 0.91, 0.91]
    return View(snapshot, 3700.0, "here", curve, 3.21, ["worker 1 was killed (SIGKILL); " + LONG])


def test_no_line_is_wider_and_no_screen_higher_than_the_terminal(snapshot: Snapshot) -> None:
    for width, height, pretty in itertools.product((20, 60, 80, 120), (5, 24, 50), (True, False)):
        lines = screen(view(snapshot), width, height, pretty)
        assert 0 < len(lines) <= height
        assert max(line.cell_len for line in lines) <= width
        assert all(line.plain.isprintable() for line in lines), "nothing moves the cursor or changes colours"


def test_where_the_console_is_no_unicode_one_every_sign_of_ours_is_ascii(snapshot: Snapshot) -> None:
    plain = "\n".join(line.plain for line in screen(view(snapshot), 80, 24, pretty=False))
    plain.encode("cp949")
    assert plain.replace("코스모스", "").replace("서버", "").isascii()
    assert "_" in sparkline([1.0, 2.0, 3.0], 3, PLAIN)
    assert sparkline([1.0, math.nan, 3.0, 2.0], 8, PRETTY) == "▁ █▅"


def test_at_80_by_24_all_that_matters_is_there(snapshot: Snapshot) -> None:
    told = "\n".join(line.plain for line in screen(view(snapshot), 80, 24, pretty=True))
    for words in (
        "lr_aug on digits",
        "stage 1 of 3: 1-lr",
        "1:01:40, at most ",
        "5 of at most ",
        "2 running 1 waiting 1 finished 1 stalled 1 pruned 1 diverged 1 failed",
        "leader  1-lr #1",
        "3.21 epochs/s",
        "2 workers on other servers: gpu-서버 (2)",
        "more workers here",
        "epoch 4 of 12",
        "worker 1 was killed (SIGKILL); stalled at epoch 9",
        "ended at epoch 12, which is a long story",
    ):
        assert words in told, told


def test_a_long_reason_is_shortened_to_its_first_words() -> None:
    assert shortened(LONG, 200, PRETTY) == LONG
    assert shortened(LONG, 60, PRETTY) == "stalled at epoch 9: no rise above 0.0033 in 3 epochs"
    assert shortened(LONG, 30, PRETTY) == "stalled at epoch 9"
    assert shortened(LONG, 10, PRETTY) == "stalled a…"
    assert cell_len(shortened("가나다라마바사", 7, PRETTY)) <= 7


def test_what_is_left_is_counted_with_whole_runs_where_nothing_can_be_pruned(snapshot: Snapshot) -> None:
    ended = [dataclasses.replace(row, seconds=3.0 if row.stop == "pruned" else 12.0) for row in snapshot.runs]
    again = dataclasses.replace(snapshot, runs=tuple(ended))
    screened = (3 + 4 * 12) / 5
    whole = 12.0
    left = again.left
    screens = sum(count for phase, count in left.items() if phase[0].isdigit() and "/" not in phase)
    seconds = screens * screened + (again.remaining - screens) * whole
    assert seconds_to_go(again) == pytest.approx(seconds / 14)
    assert seconds_to_go(dataclasses.replace(again, workers=())) is None


def test_in_a_log_every_ended_run_is_one_whole_line_told_once(
    snapshot: Snapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = PlainLines()
    lines.show(snapshot)
    lines.show(snapshot)
    told = capsys.readouterr().out.splitlines()
    ended = [line for line in told if "1-lr #" in line]
    assert len(ended) == 5
    assert all(LONG in line and "\x1b" not in line for line in ended)
    assert "\n" not in run_line(snapshot.runs[0])


def test_to_be_quiet_is_to_say_nothing_but_what_went_wrong(
    snapshot: Snapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = Quiet()
    quiet.show(snapshot)
    quiet.say("worker 1 was killed")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "worker 1 was killed\n"


def test_the_first_score_is_told_long_before_the_first_run_is_over(
    at: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    phase = screen_of(RECIPE)
    lease = claim(at, phase, phase.runs[0])
    lines = PlainLines()
    lines.show(take(at.study))
    assert "1-lr #0" not in capsys.readouterr().out, "nothing is known yet"
    at.study.store.report(lease, [EpochRow(1, "constant", 0.8123, 1.0, 1.0, 0.004, 20.0)])
    for _ in range(2):
        lines.show(take(at.study))
    told = capsys.readouterr().out
    assert told.count("1-lr #0  lr 0.004  0.8123  after its first epoch") == 1
