"""Leaderboard scores are kept beside validation and test, and only ever added."""

import threading
from pathlib import Path

import pytest

from search.edge import UserError
from search.report_page import page
from search.snapshot import take
from search.submission import main
from search.submissions import read, record
from search.workplace import Workplace
from storage.store import Store
from tests.search.commands import invoke
from tests.search.test_objective import trained
from tests.search.trials import RECIPE, screen_of


def test_a_score_is_listed_beside_what_validation_and_test_said(
    at: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = trained(at, screen_of(RECIPE.model_copy(update={"epochs": 2, "warmup_epochs": 0})))
    place = ["--storage", f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}", "--runs", str(tmp_path / "runs")]

    def call(*words: str) -> tuple[int, str, str]:
        return invoke(main, *words, *place, monkeypatch=monkeypatch, capsys=capsys)

    assert "no submission yet" in call()[1]
    code, out, _ = call("--trial", "1-lr#0", "--score", "0.7312", "--note", "first\ntry \x00")
    assert code == 0
    (told,) = read(at.study)
    assert (told.number, told.sent, told.score, told.validation, told.test) == (
        1,
        "1-lr#0",
        0.7312,
        row.best_score,
        None,
    )
    assert told.note.startswith("first try")
    assert out.splitlines()[-1].split()[:5] == ["1", "1-lr#0", f"{row.best_score:.4f}", "-", "0.7312"]
    assert call("--trial", "1-lr#7", "--score", "0.7")[0] == 2
    assert "say what the leaderboard said" in call("--trial", "1-lr#0")[2]
    assert "is no score" in call("--trial", "1-lr#0", "--score", "nan")[2]
    assert "is not answered yet" in call("--score", "0.7")[2]
    assert len(read(at.study)) == 1


def test_the_report_plots_validation_and_test_against_the_leaderboard(at: Workplace) -> None:
    assert "<h2>Leaderboard</h2>" not in page(take(at.study))
    record(at.study, "confirm#0", 0.7312, 0.75, 0.72, "<script>x</script>")
    record(at.study, "ensemble both", 73.5, None, None)
    shown = page(take(at.study)).partition('<section id="leaderboard">')[2].partition("</section>")[0]
    assert shown.count("<svg") == 1
    assert "&lt;script&gt;x&lt;/script&gt;" in shown
    assert "<script>" not in shown
    assert '<td class="n">0.7500</td><td class="n">0.7200</td><td class="n">0.7312</td>' in shown
    assert '<td>ensemble both</td><td class="n">-</td><td class="n">-</td><td class="n">73.5</td>' in shown


def test_of_scores_recorded_at_the_same_moment_none_replaces_another(at: Workplace, tmp_path: Path) -> None:
    before = threading.Barrier(4)
    seen: list[Exception] = []

    def send(number: int) -> None:
        store = Store.connect(f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}")
        study = type(at.study)(store, at.study.manifest, at.study.resolved)
        before.wait()
        try:
            record(study, f"confirm#{number}", number / 10, None, None)
        except Exception as error:  # told by the assertion below
            seen.append(error)
        store.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == []
    found = read(at.study)
    assert [each.number for each in found] == [1, 2, 3, 4]
    assert {each.sent for each in found} == {f"confirm#{number}" for number in range(4)}


def test_a_score_that_is_no_number_is_refused(at: Workplace) -> None:
    with pytest.raises(UserError, match="is no score"):
        record(at.study, "confirm#0", float("inf"), None, None)
    assert read(at.study) == []
