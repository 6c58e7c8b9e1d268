"""Ensembles from stored answers: who may vote together, what is kept, what is refused in one line."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from search import crossfit, ensembles, members, outside
from search.assembling import Assembled, assemble, ensemble_of, looked_at
from search.edge import UserError
from search.ensemble import main
from search.ensembling import Rule
from search.folder import RunFolder
from search.labelled import labelled
from search.study import Study
from storage.store import Store
from tests.search.answered import answer, drawn, study_of
from tests.search.commands import invoke
from trainer.data import Source, SourceOptions, open_source
from trainer.folds import hold_out

CUT = range(100, 105)
DIGITS = open_source("digits")


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossfit, "DRAWS", 50)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "runs").mkdir()
    store = Store.connect(f"sqlite:///{(tmp_path / 'runs' / 'ceteris.db').as_posix()}")
    yield store
    store.close()


def confirmed(store: Store, name: str, *settings: str, skill: float = 2.0, lr: float = 0.004) -> Study:
    study = study_of(store, name, *settings)
    answer(study, DIGITS, "confirm", CUT, skill=skill, lr=lr)
    return study


def both(studies: list[Study], **choice: object) -> Assembled:
    return assemble(studies, labelled(studies, None, None), **choice)  # type: ignore[arg-type]


def refusal(studies: list[Study], **choice: object) -> str:
    with pytest.raises(UserError) as told:
        both(studies, **choice)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_members_of_other_folds_were_trained_on_what_is_scored_and_are_refused(store: Store) -> None:
    study = confirmed(store, "a")
    answer(study, DIGITS, "1-lr", [0], lr=0.002)
    told = refusal([study], trials=["confirm#0", "confirm#1"])
    assert "a/confirm#1 was trained on images that a/confirm#0 is scored on (fold 1 of cut 20, and fold 0" in told
    assert "trained on images" in refusal([study], trials=["confirm#0", "1-lr#0"])
    assert both([study, confirmed(store, "b")], trials=["a/confirm#1", "b/confirm#1"]).kind == "runs"


def test_answers_to_other_images_than_the_fold_holds_are_refused_as_leaky(store: Store) -> None:
    one, other = study_of(store, "a"), study_of(store, "b")
    development, _ = hold_out(DIGITS, 1 / 6)
    answer(one, DIGITS, "confirm", [100])
    answer(other, DIGITS, "confirm", [100], rows=development[:300])
    told = refusal([one, other], kind="runs")
    assert "b/confirm#0 and a/confirm#0 have other folds: one was trained on " in told


def test_recipes_vote_where_every_fold_of_a_cut_is_there_and_each_image_is_answered_once(store: Store) -> None:
    study = confirmed(store, "a")
    answer(study, DIGITS, "confirm", CUT, lr=0.002, label="baseline")
    answer(study, DIGITS, "1-lr/finals", range(1, 5), lr=0.001)  # a cut without its first fold
    found = both([study])
    assert found.kind == "recipes"
    assert [contender.label for contender in found.contenders] == [
        "a/confirm final on 5 folds",
        "a/confirm baseline on 5 folds",
    ]
    development, _ = hold_out(DIGITS, 1 / 6)
    assert all(contender.rows.tolist() == development.tolist() for contender in found.contenders)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["folds=4"], "folds is 5 in a and 4 in b: their folds differ"),
        (["test_fraction=0.25"], "test_fraction is 0.166667 in a and 0.25 in b"),
        (["seed=1"], "--seed is 0 in a and 1 in b"),
        (["baseline.metric=accuracy"], "a is scored by macro_f1 and b by accuracy"),
    ],
)
def test_studies_that_are_cut_or_scored_otherwise_are_refused(store: Store, settings: list[str], says: str) -> None:
    assert says in refusal([study_of(store, "a"), study_of(store, "b", *settings)])


def test_studies_of_other_data_are_refused(store: Store, tmp_path: Path) -> None:
    luck = np.random.default_rng(0)
    np.savez(tmp_path / "other.npz", x=luck.integers(0, 255, (60, 8, 8), dtype=np.uint8), y=np.arange(60) % 3)
    other = study_of(store, "b", data=str(tmp_path / "other.npz"))
    assert "b is of other data" in refusal([study_of(store, "a"), other])
    assert "other (npz): 50 images" in refusal([study_of(store, "a"), other])
    assert "the images and labels of other are needed; give --data" in refusal([other])


def test_what_is_kept_names_every_run_with_its_share_and_is_read_back(store: Store, tmp_path: Path) -> None:
    studies = [confirmed(store, "a"), confirmed(store, "b", skill=2.2, lr=0.002)]
    told = ensemble_of(both(studies), Rule("soft", 2), "two")
    folder = RunFolder.of(studies[0], tmp_path / "runs")
    ensembles.keep(told, folder)
    assert ensembles.named(folder, None) == told
    assert {(m.study, m.phase, m.trial) for m in told.members} == {(s, "confirm", n) for s in "ab" for n in range(5)}
    assert all(member.weight == pytest.approx(0.1) for member in told.members)
    with pytest.raises(UserError, match="no ensemble is called 'three'; there is two"):
        ensembles.named(folder, "three")


def test_a_look_at_the_test_part_is_counted_and_the_same_ensemble_is_looked_at_once(store: Store) -> None:
    studies = [confirmed(store, "a"), confirmed(store, "b", lr=0.002)]
    found, rule = both(studies), Rule("soft", 2)
    first = looked_at(found, rule, ensemble_of(found, rule, "x"))
    again = looked_at(found, rule, ensemble_of(found, rule, "x"))
    assert first is not None
    assert first == again
    assert first.test is not None
    assert first.together is not None
    assert first.together.ensemble > first.test.single, "ten votes are better than one"
    assert [len(store.test_openings(study.study_id)) for study in studies] == [1, 1]
    other = Rule("hard", 2)
    looked_at(found, other, ensemble_of(found, other, "y"))
    assert len(store.test_openings(studies[0].study_id)) == 2


def test_runs_that_never_answered_the_test_part_are_not_looked_at_there(store: Store) -> None:
    study = study_of(store, "a")
    for lr in (0.001, 0.002):
        answer(study, DIGITS, "1-lr", [0], lr=lr)
    found = both([study])
    assert found.kind == "runs"
    assert looked_at(found, Rule("soft"), ensemble_of(found, Rule("soft"), "x")) is None
    assert store.test_openings(study.study_id) == []


def test_parts_of_a_label_are_combined_to_the_class_that_the_contest_counts(store: Store) -> None:
    studies = []
    for target in ("age", "mask", "gender"):
        source = open_source("faces", SourceOptions(target=target))
        studies.append(study_of(store, target, data="faces", target=target))
        answer(studies[-1], source, "confirm", [100], skill=40)
    found = both(studies)
    told = ensemble_of(found, Rule("soft"), "joint")
    seen = looked_at(found, Rule("soft"), told)
    assert told.targets == ("mask", "gender", "age")
    assert told.estimate.ensemble == 1, "all parts are right, so mask x 6 + gender x 3 + age is"
    assert seen is not None
    assert seen.test is not None
    assert seen.test.ensemble == 1
    assert told.classes == open_source("faces").class_names
    assert sum(member.weight for member in told.of_target("age")) == pytest.approx(1)
    assert "nobody answers gender" in refusal(studies[:2])
    assert "whole answers the whole label" in refusal([*studies, study_of(store, "whole", data="faces")])


def outside_of(file: Path, source: Source, skill: float = 4.0) -> list[list[str]]:
    told = drawn(source.labels, len(source.class_names), skill, 7)
    rows = [["path", *source.class_names]]
    rows += [[name, *(f"{p:.6f}" for p in line)] for name, line in zip(source.names, told, strict=True)]
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return rows


def test_predictions_from_outside_vote_with_the_others(store: Store, tmp_path: Path) -> None:
    study, file = confirmed(store, "a"), tmp_path / "other.csv"
    outside_of(file, DIGITS)
    found = both([study], files=[file])
    told = ensemble_of(found, Rule("greedy"), "x")
    assert told.best == "other.csv"
    assert any(member.file == "other.csv" for member in told.members)
    seen = looked_at(found, Rule("greedy"), told)
    assert seen is not None
    np.savez(tmp_path / "same.npz", rows=np.arange(len(DIGITS)), probabilities=drawn(DIGITS.labels, 10, 4.0, 7))
    same = both([study], files=[tmp_path / "same.npz"]).contenders[-1]
    assert np.allclose(same.answers, found.contenders[-1].answers, atol=1e-5)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda rows: [row[:-1] for row in rows], "no column '9'"),
        (lambda rows: rows[:-400], "images that are scored; "),
        (lambda rows: [*rows, rows[1]], "twice; keep one line"),
        (lambda rows: [rows[0], [rows[1][0], *(["0.5"] * 10)], *rows[2:]], "are no probabilities (they sum to 5)"),
        (lambda rows: [rows[0], [rows[1][0], *(["nan"] * 10)], *rows[2:]], "are no probabilities"),
        (lambda rows: [rows[0], [rows[1][0], *([""] * 10)], *rows[2:]], "a field is empty or no number"),
        (lambda rows: [rows[0], ["nobody.png", *rows[1][1:]], *rows[2:]], "'nobody.png' is no image of the data"),
    ],
)
def test_predictions_from_outside_are_checked(tmp_path: Path, spoil, says: str) -> None:
    file = tmp_path / "other.csv"
    rows = spoil(outside_of(file, DIGITS))
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    with pytest.raises(UserError) as told:
        outside.read(file, DIGITS.names, DIGITS.class_names).required(hold_out(DIGITS, 1 / 6)[0])
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_the_command_tells_who_votes_what_that_is_worth_and_whether_it_helps(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    confirmed(store, "a")
    confirmed(store, "b", skill=1.9, lr=0.002)
    words = ("--study", "a", "--study", "b", "--vote", "soft", "--top", "2", "--runs", str(tmp_path / "runs"))
    told = invoke(main, *words, monkeypatch=monkeypatch, capsys=capsys)
    assert told.code == 0, told.err
    assert told.out.startswith(
        "a and b: 2 recipes, each image answered by the run that was not trained on it, on 1,497"
    )
    assert "0.50    a/confirm final on 5 folds" in told.out
    assert "Answer: take the ensemble: +" in told.out
    assert "the test part of a has been opened 1 times" in told.out
    assert list((tmp_path / "runs").glob("*_a/ensembles/soft-2.json"))
    lone = invoke(main, "--study", "a", "--runs", str(tmp_path / "runs"), monkeypatch=monkeypatch, capsys=capsys)
    assert (lone.code, len(lone.err.splitlines())) == (2, 1)


def test_a_cut_that_not_all_studies_share_is_no_basis(store: Store) -> None:
    one, other = confirmed(store, "a"), study_of(store, "b")
    answer(other, DIGITS, "confirm", [105])
    assert "there is no run on a split that all share" in refusal([one, other], kind="runs")
    assert [len(each) for each in members.chosen_basis([members.entries_of(one)], "recipes").groups] == [1]
