"""A study made from another one: it differs in what was asked, and trains only what is new."""

import shlex
from pathlib import Path

import pytest

from search.study import Study
from storage.store import Store
from tests.search.commands import QUICK, Outcome, run_command

CHOICES = '[{"kind": "cross_entropy"}, {"kind": "label_smoothing"}]'
SMALL = (*QUICK, "stages.lr.trials=3", f"stages.loss.domain.choices={CHOICES}")
SETTINGS = [word for setting in SMALL for word in ("--set", setting)]


def study_in(folder: Path, name: str) -> Study:
    store = Store.connect(f"sqlite:///{(folder / 'runs' / 'ceteris.db').as_posix()}")
    manifest = store.manifest(name)
    assert manifest is not None
    return Study.of(store, manifest)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fork")
    outcome = run_command("search.launch", "--study", "loss", *SETTINGS, "--name", "a", "--quiet", cwd=folder)
    assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture(scope="module")
def forked(folder: Path) -> Outcome:
    return run_command("search.fork", "a", "--as", "b", "--try", 'loss={"kind": "focal", "gamma": 0.5}', cwd=folder)


@pytest.fixture(scope="module")
def carried_on(folder: Path, forked: Outcome) -> Study:
    """The fork, launched by the line that was printed."""
    assert forked.code == 0, forked.err
    line = next(line for line in forked.out.splitlines() if line.startswith("start it: python -m search.launch "))
    outcome = run_command("search.launch", *shlex.split(line)[5:], "--quiet", cwd=folder)
    assert outcome.code == 0, outcome.err
    return study_in(folder, "b")


def test_a_fork_says_what_differs_and_what_is_reused(folder: Path, forked: Outcome) -> None:
    assert forked.out.splitlines()[0] == "stages.loss.domain: focal(gamma=0.5) added"
    source = study_in(folder, "a")
    done = {row.cell_id for row in source.store.runs(source.study_id) if row.state == "COMPLETE"}
    assert f"{len(done)} finished runs of a are reused where b asks for them" in forked.out


def test_only_what_the_new_value_needs_is_trained(folder: Path, carried_on: Study) -> None:
    source = study_in(folder, "a")
    known = {(row.signature, row.replicate) for row in source.store.runs(source.study_id) if row.state == "COMPLETE"}
    rows = carried_on.store.runs(carried_on.study_id)
    trained = [row for row in rows if not row.reused]
    assert not known & {(row.signature, row.replicate) for row in trained if row.state == "COMPLETE"}
    assert any(row.label == "focal(0.5)" for row in trained)
    pruned = {row.signature for row in source.store.runs(source.study_id) if row.state == "PRUNED"}
    before = [row for row in trained if row.phase in ("pilot", "1-lr", "1-lr/finals")]
    assert {row.signature for row in before} <= pruned, "the stage before the changed one: only what company had cut"


def test_an_unchanged_stage_comes_to_the_same_verdict_with_the_same_scores(folder: Path, carried_on: Study) -> None:
    source = study_in(folder, "a")
    theirs, mine = (study.verdict(study.definition.stages[0]) for study in (source, carried_on))
    assert theirs is not None
    assert mine is not None
    assert (mine.value, mine.recipe) == (theirs.value, theirs.recipe)
    assert mine.evidence["contenders"] == theirs.evidence["contenders"]  # type: ignore[index, call-overload]


def test_a_reused_run_keeps_its_curve_and_its_answers_on_the_test_part(folder: Path, carried_on: Study) -> None:
    source = study_in(folder, "a")
    theirs = source.store.curves(source.study_id, "pilot")
    mine = carried_on.store.curves(carried_on.study_id, "pilot")
    assert sorted(map(str, mine.values())) == sorted(map(str, theirs.values()))
    assert mine
    assert carried_on.test_report() is not None


def test_a_result_that_was_taken_over_is_an_opening_of_the_test_part_on_record(carried_on: Study) -> None:
    tested = [row for row in carried_on.store.runs(carried_on.study_id) if row.test_score is not None]
    assert len(carried_on.store.test_openings(carried_on.study_id)) >= len(tested) > 0


def test_a_fork_that_was_cut_short_is_made_by_the_same_line_again(folder: Path) -> None:
    words = ("a", "--as", "d", "--set", "patience=2")
    first, again = (run_command("search.fork", *words, cwd=folder) for _ in range(2))
    assert first.code == again.code == 0
    assert "0 finished runs of a are reused" in again.out, "there they are already"


def test_the_source_can_be_deleted_and_the_fork_stays_whole(folder: Path, carried_on: Study, tmp_path: Path) -> None:
    before = carried_on.store.runs(carried_on.study_id)
    outcome = run_command("search.delete", "--name", "a", "--yes", cwd=folder)
    assert outcome.code == 0, outcome.err
    assert carried_on.store.runs(carried_on.study_id) == before
    assert run_command("search.status", "--name", "b", "--json", cwd=folder).code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("b", "--as", "b", "--set", "patience=2"), "there is a study called 'b' already"),
        (("b", "--as", "c"), "nothing is to differ"),
        (("b", "--as", "c", "--set", "folds=10"), "another folds cuts the data otherwise"),
        (("b", "--as", "c", "--set", "test_fraction=0.3"), "another test_fraction cuts the data otherwise"),
        (("b", "--as", "c", "--set", "budgets.eta=3"), "c would be b again"),
        (("b", "--as", "c", "--try", "loss"), "is not factor=value"),
        (("b", "--as", "c/d", "--set", "patience=2"), "c/d"),
        (("z", "--as", "c", "--set", "patience=2"), "no study is called 'z'"),
        (("b", "--as", "c", "--set", "patience=zero"), "patience"),
    ],
)
def test_what_cannot_be_forked_is_said_in_one_line(
    folder: Path, carried_on: Study, words: tuple[str, ...], says: str
) -> None:
    outcome = run_command("search.fork", *words, cwd=folder)
    assert outcome.code == 2
    assert says in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert carried_on.store.manifest("c") is None
