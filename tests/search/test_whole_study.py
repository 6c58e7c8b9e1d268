"""One small study through the real command, and everything that must be true when it is over."""

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import optuna
import pytest
import timm
from optuna_dashboard import get_note
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from search import delete, launch, report, status
from search import list as listing
from search.commit import commit_here
from search.folder import file_name
from search.markdown import shown
from search.sentences import verdict_sentence
from search.snapshot import take
from search.study import Study
from search.versions import versions
from storage.store import Store
from storage.urls import sqlite_url
from tests.search.commands import ROOT, SETTINGS, Outcome, environment, invoke, run_command

# A learning rate 100 times too low: a search worth its name must find a large gain.
BAD_BASELINE = [*SETTINGS, "--set", "baseline.lr=0.00004"]


class Ended(NamedTuple):
    folder: Path
    outcome: Outcome
    url: str

    def study(self) -> Study:
        store = Store.connect(self.url)
        manifest = store.manifest("lr_aug")
        assert manifest is not None
        return Study.of(store, manifest)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("whole study 시험")
    console = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp949", "HOME": str(folder / "집 폴더")}
    line = ["--study", "lr_aug", *BAD_BASELINE, "--trials", "4", "--workers", "2"]
    outcome = run_command("search.launch", *line, cwd=folder, env=console, encoding="cp949")
    return Ended(folder, outcome, sqlite_url(folder / "runs" / "ceteris.db"))


def test_the_command_ends_with_an_answer(ended: Ended) -> None:
    assert ended.outcome.code == 0, ended.outcome.err + ended.outcome.out
    lines = ended.outcome.out.splitlines()
    header = next(line for line in lines if line.startswith("stage"))
    assert "".join(header.split()) == "stagewinnerscoretrials(finished/stalled/pruned/diverged)"
    assert [line.split()[0] for line in lines if line[:2] in ("1-", "2-", "3-") and "(" in line][-3:] == [
        "1-lr",
        "2-loss",
        "3-augment",
    ]
    assert any(line.startswith("Answer: ") for line in lines)
    assert "Traceback" not in ended.outcome.err


def test_the_plan_is_printed_before_the_first_trial_and_bounds_what_is_run(ended: Ended) -> None:
    out = ended.outcome.out
    assert out.index("runs at most") < out.index("pilot #")
    study = ended.study()
    trained = {row.cell_id for row in study.store.runs(study.study_id)}
    planned = re.search(r"at most (\d+) runs of", out)
    assert planned is not None
    assert 0 < len(trained) <= int(planned[1])


def test_every_screen_runs_exactly_what_it_may_each_cell_once(ended: Ended) -> None:
    study = ended.study()
    for phase in ("1-lr", "2-loss", "3-augment"):
        rows = study.store.runs(study.study_id, phase)
        assert len(rows) == 4
        assert len({(row.signature, row.replicate) for row in rows}) == 4


def test_nothing_is_left_running_or_failed(ended: Ended) -> None:
    study = ended.study()
    rows = study.store.runs(study.study_id)
    assert {row.state for row in rows} <= {"COMPLETE", "PRUNED"}
    assert all(row.reason for row in rows), "every trial says in words why it ended"


def test_there_is_one_verdict_per_stage_and_it_carries_the_highest_mean(ended: Ended) -> None:
    study = ended.study()
    verdicts = study.store.verdicts(study.study_id)
    assert [verdict.stage for verdict in verdicts] == ["1-lr", "2-loss", "3-augment"]
    for verdict in verdicts:
        evidence: Any = verdict.evidence
        means = {
            c["label"]: sum(c["scores"].values()) / len(c["scores"]) for c in evidence["contenders"] if not c["dropped"]
        }
        assert means[verdict.value] == max(means.values())


def test_the_winner_of_a_stage_is_carried_into_the_next(ended: Ended) -> None:
    study = ended.study()
    for before, stage in zip(study.definition.stages[:-1], study.definition.stages[1:], strict=True):
        carried = study.carried(before)
        first = next(
            row
            for row in study.store.runs(study.study_id, study.definition.phase_name(stage))
            if row.role == "incumbent"
        )
        assert first.signature == carried.signature
        assert first.reused, "its screen is the one of the stage before: never trained twice"


def test_a_planted_bad_baseline_is_found_out_by_a_large_gain_on_fresh_data(ended: Ended) -> None:
    headline = ended.study().headline()
    assert headline is not None
    assert headline.answer == "final"
    assert headline.validation_gain is not None
    assert headline.test_gain is not None
    assert headline.validation_gain.low > 0.2
    assert headline.test_gain.mean > 0.2


def test_stock_optuna_opens_every_phase(ended: Ended) -> None:
    names = optuna.get_all_study_names(ended.url)
    assert {"lr_aug/pilot", "lr_aug/1-lr", "lr_aug/1-lr/finals", "lr_aug/2-loss", "lr_aug/confirm"} <= set(names)
    screen = optuna.load_study(study_name="lr_aug/1-lr", storage=ended.url)
    study = ended.study()
    rows = {row.number: row for row in study.store.runs(study.study_id, "1-lr")}
    for trial in screen.trials:
        assert trial.params["lr"] == pytest.approx(rows[trial.number].params["lr"])
        assert trial.state.name == rows[trial.number].state
        assert trial.user_attrs["stop"] == rows[trial.number].stop
        if trial.state.name == "COMPLETE":
            assert trial.value == pytest.approx(rows[trial.number].best_score)
        assert len(trial.intermediate_values) == rows[trial.number].epochs


def test_the_note_of_every_phase_says_in_the_dashboard_what_was_found(ended: Ended) -> None:
    snapshot = take(ended.study())
    names = [name for name in optuna.get_all_study_names(ended.url) if name.startswith("lr_aug/")]
    notes = {name: get_note(optuna.load_study(study_name=name, storage=ended.url)) for name in names}
    for line in snapshot.stages:
        for phase in (f"lr_aug/{line.name}", f"lr_aug/{line.name}/finals"):
            assert shown(verdict_sentence(line)) in notes[phase]
            assert "carried on)" in notes[phase]
    assert snapshot.headline is not None
    assert shown(snapshot.headline.why) in notes["lr_aug/confirm"]
    assert "delta" in notes["lr_aug/pilot"]


def test_the_test_labels_are_opened_by_confirm_only_and_on_record(ended: Ended) -> None:
    study = ended.study()
    openings = study.store.test_openings(study.study_id)
    confirmed = study.store.runs(study.study_id, "confirm")
    assert len(openings) == len(confirmed)
    assert all("/confirm #" in opening.who for opening in openings)
    scored = {row.phase for row in study.store.runs(study.study_id) if row.test_score is not None}
    assert scored == {"confirm"}


def test_the_run_folder_holds_answer_report_recipe_and_code(ended: Ended) -> None:
    folder = run_folder(ended)
    assert (folder / "answer.txt").read_text(encoding="utf-8").startswith("stage")
    assert json.loads((folder / "recipe.json").read_text(encoding="utf-8"))["backbone"] == "test_resnet"
    made_by = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    assert made_by["versions"] == versions()
    assert made_by["commit"] == commit_here() or commit_here() is None
    assert (ended.folder / "runs" / "latest").read_text(encoding="utf-8").strip() == folder.name
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "report could not be written" not in ended.outcome.err
    for name in ("1-lr", "2-loss", "3-augment", "Take the final recipe", "as of"):
        assert name in page


def test_the_weights_of_every_winner_are_named_with_their_score_and_timm_loads_them(ended: Ended) -> None:
    study, folder = ended.study(), run_folder(ended)
    names = {file.name for file in (folder / "weights").iterdir()}
    verdicts = study.store.verdicts(study.study_id)
    asked = [f"{verdict.stage}-{file_name(verdict.value)}" for verdict in verdicts] + ["confirm-final"]
    for beginning in asked:
        (name,) = [name for name in names if name.startswith(f"{beginning}_test_resnet_f1-")]
        assert re.fullmatch(r".*_f1-[01]\.\d{3}\.safetensors", name)
        with safe_open(folder / "weights" / name, "pt") as opened:
            facts = json.loads(opened.metadata()["ceteris"])
        recipe, classes = facts["recipe"], facts["classes"]
        model = timm.create_model(recipe["backbone"], num_classes=len(classes), in_chans=recipe["channels"])
        model.load_state_dict(load_file(folder / "weights" / name))
    assert len(names) == len(asked)


def test_the_example_that_loads_weights_runs_as_documented(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    told = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", told, re.DOTALL)
    monkeypatch.chdir(ended.folder)
    exec(example, {})


def test_the_table_regenerated_is_byte_equal(ended: Ended, here: Callable[..., Outcome]) -> None:
    table = run_folder(ended) / "EXPERIMENTS.md"
    before = table.read_bytes()
    assert here(report.main).code == 0
    assert table.read_bytes() == before
    study = ended.study()
    trained = {row.cell_id for row in study.store.runs(study.study_id)}
    assert sum(line.startswith(b"| 20") for line in before.splitlines()) == len(trained)


def run_folder(ended: Ended) -> Path:
    (folder,) = (ended.folder / "runs").glob("20*_lr_aug")
    return folder


@pytest.fixture
def here(ended: Ended, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command in this process, in the folder of the ended study."""
    monkeypatch.chdir(ended.folder)

    def run(main: click.Command, *arguments: str) -> Outcome:
        return invoke(main, *arguments, monkeypatch=monkeypatch, capsys=capsys)

    return run


def test_the_same_line_after_the_end_shows_the_same_answer_and_trains_nothing(
    ended: Ended, here: Callable[..., Outcome]
) -> None:
    study = ended.study()
    before = len(study.store.runs(study.study_id))
    again = here(launch.main, "--study", "lr_aug", *BAD_BASELINE, "--trials", "4")
    assert again.code == 0
    said, *answer = again.out.splitlines()
    assert "is answered" in said
    assert answer == ended.outcome.out.splitlines()[-len(answer) :]
    unfit = here(launch.main, "--study", "lr_aug", *BAD_BASELINE, "--trials", "4", "--device", "cuda")
    assert unfit.code == 0, "an answer can be shown where no work could start"
    assert len(study.store.runs(study.study_id)) == before


def test_a_worker_that_cannot_capture_a_step_begins_again_without_and_goes_on(ended: Ended) -> None:
    words = ["--name", "lr_aug", "--data", "digits", "--device", "cpu", "--folder", "checkpoints"]
    program = (
        "import sys\nfrom search import edge, work\nfrom trainer.replay import CaptureError\n"
        "def fail(*given): raise CaptureError('no capture here')\n"
        f"work.mode_of = fail\nsys.argv = ['work', *{words}]\nedge.run(work.main)\n"
    )
    env = environment(CETERIS_STORAGE=ended.url)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ended.folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no capture here: the worker begins again in the plain mode" in done.stderr
    assert "joins lr_aug" in done.stderr


def test_status_tells_people_and_programs(here: Callable[..., Outcome]) -> None:
    said = here(status.main)
    assert said.code == 0
    assert "test labels opened" in said.out
    assert re.search(r"^trained [\d,]+ images in .* on 2 workers \([\d,]+ images/s each\); \d+ % of", said.out, re.M)
    document = json.loads(here(status.main, "--json").out)
    assert document["schema"] == 1
    assert document["answered"] is True
    assert [stage["stage"] for stage in document["stages"]] == ["1-lr", "2-loss", "3-augment"]
    assert 4 + 4 <= sum(document["stages"][0]["trials"].values()) <= 4 + 4 + 4, "screen, finals, and what a claim took"


def test_every_trained_run_has_its_attempt_with_all_the_images_of_its_epochs(ended: Ended) -> None:
    study = ended.study()
    attempts = study.store.attempts(study.study_id)
    trained = {row.trial_id: row for row in study.store.runs(study.study_id) if not row.reused}
    assert {attempt.trial_id for attempt in attempts} == set(trained)
    mode = {"precision": "fp32", "threads": 1, "channels_last": True, "compiled": False, "graphs": False}
    assert all(attempt.mode == mode for attempt in attempts)
    for attempt in attempts:
        assert attempt.images == trained[attempt.trial_id].epochs * 400, "so many an epoch shows in these studies"


def test_every_key_of_the_status_document_is_documented(here: Callable[..., Outcome]) -> None:
    described = (ROOT / "docs" / "status.md").read_text(encoding="utf-8")
    document = json.loads(here(status.main, "--json").out)
    keys = {*document, *document["stages"][0], *document["stages"][0]["screen"][0], *document["headline"]}
    keys |= {*document["workers"][0], *document["test_openings"][0], *document["rules"], *document["data"]}
    keys |= {*document["stages"][0]["evidence"], *document["work"], *document["attempts"][0]}
    assert {key for key in keys if not re.search(rf"[`.]{key}(\[\])?`", described)} == set()


def test_a_definition_that_differs_is_refused_with_the_differences_and_the_line_that_works(
    here: Callable[..., Outcome],
) -> None:
    refused = here(launch.main, "--study", "lr_aug", *BAD_BASELINE, "--trials", "4", "--set", "patience=7")
    assert refused.code == 5
    assert "patience is nothing there, 7 here" in refused.err
    assert refused.err.count("\n") == 1
    line = refused.err.split("--storage): python -m search.launch ")[1].split(" - or ")[0]
    works = here(launch.main, *shlex.split(line))
    assert works.code == 0
    assert "Answer: " in works.out


def test_a_study_can_be_listed_and_deleted(
    ended: Ended, here: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "runs"
    shutil.copytree(ended.folder / "runs", copy)
    elsewhere = ["--runs", str(copy)]
    assert "lr_aug" in here(listing.main, *elsewhere).out
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    kept = here(delete.main, "--name", "lr_aug", *elsewhere)
    assert kept.code == 2
    assert "nothing was deleted" in kept.err
    assert here(delete.main, "--name", "lr_aug", "--yes", *elsewhere).code == 0
    assert "no study yet" in here(listing.main, *elsewhere).out


def test_a_folder_of_class_folders_is_searched_like_the_built_in_data(tmp_path: Path) -> None:
    photos = tmp_path / "내 사진"
    for number, name in enumerate(("고양이", "dog", "new york")):
        (photos / name).mkdir(parents=True)
        for index in range(20):
            picture = np.random.default_rng(100 * number + index).integers(0, 60, (24, 30, 3), dtype=np.uint8)
            picture[..., number] += 120
            Image.fromarray(picture).save(photos / name / f"사진 {index}.png")
    few = [*SETTINGS, "--trials", "2", "--set", "baseline.batch_size=8", "--workers", "1"]
    outcome = run_command("search.launch", "--study", "lr_aug", "--data", str(photos), *few, cwd=tmp_path)
    assert outcome.code == 0, outcome.err + outcome.out
    assert "new study lr_aug-내-사진" in outcome.out
    assert "50 images to learn from, 10 held out for the test, 3 classes" in outcome.out
    assert "Answer: " in outcome.out
