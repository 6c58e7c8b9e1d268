"""What differs between two trials, studies or recipes; and whether a trial trains again to its stored curve."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from search import compare
from search.study import Study
from storage.store import Store
from tests.search.commands import QUICK, Outcome, environment, invoke, run_command


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study, and one that differs in a field, in one database."""
    folder = tmp_path_factory.mktemp("two studies")
    settings = [word for setting in QUICK for word in ("--set", setting)]
    line = ["--study", "loss", *settings, "--trials", "2", "--workers", "1", "--quiet", "--name", "a"]
    for command in (["search.launch", *line], ["search.fork", "a", "--as", "b", "--set", "patience=2"]):
        outcome = run_command(*command, cwd=folder)
        assert outcome.code == 0, outcome.err
    return folder


Compared = Callable[[str, str], Outcome]


@pytest.fixture
def compared(studies: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Compared:
    runs = str(studies / "runs")
    return lambda a, b: invoke(compare.main, a, b, "--runs", runs, monkeypatch=monkeypatch, capsys=capsys)


def test_two_studies_differ_in_exactly_what_was_set(compared: Compared) -> None:
    told = compared("a", "b")
    assert told.code == 0
    rows = [line.split() for line in told.out.splitlines()]
    assert ["patience", "nothing", "2"] in rows
    assert not any(row[0].startswith("baseline") for row in rows if row)
    assert "comparable: equal data" in told.out


def test_two_trials_of_a_stage_differ_in_the_declared_fields_only(compared: Compared) -> None:
    told = compared("a/2-loss#0", "a/2-loss#1")
    fields = {line.split()[0].split(".")[0] for line in told.out.splitlines()[2:-1]}
    assert fields <= {"loss", "lr"}
    assert fields
    assert "their trials are comparable" in told.out


def test_trials_of_two_replicates_are_not_comparable(compared: Compared) -> None:
    told = compared("a/2-loss#0", "a/confirm#0")
    assert "not comparable: replicate differs" in told.out


def test_a_thing_is_equal_to_itself_and_a_recipe_file_can_be_given(
    compared: Compared, studies: Path, tmp_path: Path
) -> None:
    assert "are equal in everything" in compared("a", "a").out
    (file,) = studies.glob("runs/*_a/recipe.json")
    shutil.copy(file, tmp_path / "one.json")
    recipe = json.loads(file.read_text(encoding="utf-8"))
    (tmp_path / "two.json").write_text(json.dumps(recipe | {"lr": 0.5}), encoding="utf-8")
    told = compared(str(tmp_path / "one.json"), str(tmp_path / "two.json"))
    assert [line.split()[0] for line in told.out.splitlines()[2:]] == ["lr"]


@pytest.mark.parametrize(
    ("a", "says"),
    [
        ("a/2-loss#99", "has no trial 2-loss#99; there is pilot#0 to #1"),
        ("a/2-loss", "names no trial; write STUDY/PHASE#NUMBER"),
        ("c", "no study is called 'c'"),
        ("missing.json", "missing.json cannot be read"),
        ("b", "b is a study and a/pilot#0 a trial"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(compared: Compared, a: str, says: str) -> None:
    told = compared(a, "a/pilot#0" if a == "b" else "b")
    assert told.code == 2
    assert says in told.err
    assert "Traceback" not in told.err


def reproduced(folder: Path, trial: str, *more: str) -> Outcome:
    return run_command("search.reproduce", "--study", "a", "--trial", trial, *more, cwd=folder, env=environment())


def test_a_trial_trains_again_to_its_curve_to_the_bit(studies: Path) -> None:
    told = reproduced(studies, "2-loss#1")
    assert told.code == 0, told.err
    assert "reproduced: equal to the bit in all" in told.out
    assert told.out.count(" equal") >= 2


def test_a_curve_that_is_another_is_told_by_how_much_and_by_the_exit_code(studies: Path, tmp_path: Path) -> None:
    shutil.copytree(studies / "runs", tmp_path / "runs")
    store = Store.connect(f"sqlite:///{(tmp_path / 'runs' / 'ceteris.db').as_posix()}")
    manifest = store.manifest("a")
    assert manifest is not None
    study = Study.of(store, manifest)
    spoil(store, study)
    told = reproduced(tmp_path, "pilot#0")
    assert told.code == 6
    assert "NOT reproduced: scores differ by at most 0.5" in told.out


def spoil(store: Store, study: Study) -> None:
    """Move one stored score of the first pilot run by half."""
    from sqlalchemy import text

    row = next(row for row in study.store.runs(study.study_id, "pilot") if row.number == 0)
    with store._database.writer.begin() as connection:
        connection.execute(
            text("update ceteris_epoch set score = score - 0.5 where trial_id = :trial and epoch = 2"),
            {"trial": row.trial_id},
        )


def test_a_trial_that_is_not_there_is_said_in_one_line(studies: Path) -> None:
    told = reproduced(studies, "3-loss#0")
    assert told.code == 2
    assert "has no trial 3-loss#0" in told.err
    assert reproduced(studies, "one").code == 2
