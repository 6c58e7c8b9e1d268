"""A real study tracked offline by the real wandb, one worker of it killed; and what a broken wandb does: nothing."""

import json
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from search import tracking
from search.folder import RunFolder
from search.following import flat
from search.study import Study
from search.tracking import WandbTracking, Wanted
from storage.attempts import AttemptRow
from storage.store import Store
from storage.urls import sqlite_url
from tests.search.commands import QUICK, start_command, wait_until
from tests.search.offline import OfflineRun, offline_runs

KEY = "k3y0" * 10
SMALL = (*QUICK, "baseline.epoch_images=400", "budgets.finals=1", "budgets.claims=0")


LEDGER = "runs/*/wandb/tracked-*.txt"


class Tracked(NamedTuple):
    home: Path
    url: str
    study: Study
    runs: dict[str, OfflineRun]
    said: str
    killed: str
    """Key of the attempt whose worker was killed."""

    @property
    def folder(self) -> Path:
        (folder,) = (self.home / "runs").glob("20*_loss")
        return folder


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracked]:
    home = tmp_path_factory.mktemp("tracked 기록")
    words = [word for setting in SMALL for word in ("--set", setting)]
    words += ["--quick", "--trials", "2", "--workers", "1", "--lease-seconds", "2", "--checkpoint-every", "0"]
    log = home / "launch.log"
    env = {"WANDB_API_KEY": KEY, "CETERIS_WANDB": "offline", "WANDB_RUN_ID": "one-for-all"}
    launch = start_command("search.launch", "--study", "loss", *words, "--share-images", cwd=home, log=log, env=env)
    url = sqlite_url(home / "runs" / "ceteris.db")
    wait_until((home / "runs" / "ceteris.db").exists)
    store = Store.connect(url)
    killed = kill_one_that_is_tracked(store, home)
    said = f"{log.read_text(encoding='utf-8')}" if launch.wait(250) else ""
    assert launch.returncode == 0, said
    manifest = store.manifest("loss")
    assert manifest is not None
    runs = {run.id: run for run in offline_runs(home)}
    yield Tracked(home, url, Study.of(store, manifest), runs, log.read_text(encoding="utf-8"), killed)
    store.close()


def kill_one_that_is_tracked(store: Store, home: Path) -> str:
    """Stop a worker in the middle of a trial, let the tracker see it, and kill it the hard way."""
    found: list[tuple[str, psutil.Process]] = []

    def halted() -> bool:
        if (manifest := store.manifest("loss")) is None:
            return False
        study = Study.of(store, manifest)
        workers = {worker.worker_id: worker.pid for worker in store.workers(study.study_id)}
        for attempt in reversed(store.attempts(study.study_id)):
            if at_work(study, attempt):
                process = psutil.Process(workers[attempt.worker])
                process.suspend()
                if at_work(study, attempt):
                    found.append((f"{study.instance}-{attempt.trial_id}-{attempt.token}", process))
                    return True
                process.resume()
        return False

    wait_until(halted, 120)
    ((key, process),) = found
    wait_until(lambda: any(f"begun {key}\n" in file.read_text("utf-8") for file in home.glob(LEDGER)))
    process.kill()
    return key


def at_work(study: Study, attempt: AttemptRow) -> bool:
    """With an epoch behind it."""
    rows = study.store.runs(study.study_id)
    running = any(row.trial_id == attempt.trial_id and row.state == "RUNNING" for row in rows)
    return running and bool(study.store.epochs(attempt.trial_id, attempt.token))


def last_attempts(tracked: Tracked) -> dict[int, str]:
    """Trial -> key of its last attempt."""
    tokens: dict[int, int] = {}
    for attempt in tracked.study.store.attempts(tracked.study.study_id):
        tokens[attempt.trial_id] = max(tokens.get(attempt.trial_id, 0), attempt.token)
    return {trial: f"{tracked.study.instance}-{trial}-{token}" for trial, token in tokens.items()}


def test_the_last_attempts_curves_are_complete_monotone_and_without_gaps_or_duplicates(tracked: Tracked) -> None:
    store, last = tracked.study.store, last_attempts(tracked)
    rows = {row.trial_id: row for row in store.runs(tracked.study.study_id) if not row.reused}
    assert len(rows) >= 5
    assert set(last) == set(rows)
    for trial, key in last.items():
        stored = store.epochs(trial)
        train, val = tracked.runs[f"{key}-train"], tracked.runs[f"{key}-val"]
        for run in (train, val):
            assert [line["epoch"] for line in run.history] == list(range(1, rows[trial].epochs + 1))
            assert [line["_step"] for line in run.history] == [line["epoch"] for line in run.history]
            assert run.axes == {"*": "epoch"}
            assert run.ended
        assert [line["loss"] for line in train.history] == [epoch.train_loss for epoch in stored]
        assert [line["lr"] for line in train.history] == [epoch.lr for epoch in stored]
        assert [line["loss"] for line in val.history] == [epoch.val_loss for epoch in stored]
        assert [line["score"] for line in val.history] == [epoch.score for epoch in stored]


def test_config_is_the_flat_recipe_and_summary_tags_and_group_say_what_became_of_it(tracked: Tracked) -> None:
    last = last_attempts(tracked)
    confirmed = 0
    for row in tracked.study.store.runs(tracked.study.study_id):
        if row.reused:
            continue
        for part in ("train", "val"):
            run = tracked.runs[f"{last[row.trial_id]}-{part}"]
            assert flat(json.loads(row.recipe)).items() <= run.config.items()
            assert run.config["loss.kind"] == json.loads(row.recipe)["loss"]["kind"]
            told = {name: run.config[name] for name in ("replicate", "role", "label", "study")}
            assert told == {"replicate": row.replicate, "role": row.role, "label": row.label, "study": "loss"}
            said = {name: run.summary.get(name) for name in ("best_score", "last_score", "stop", "reason", "epochs")}
            assert said == {name: getattr(row, name) for name in said}
            assert run.summary.get("test_score") == row.test_score
            confirmed += row.test_score is not None
            assert run.group == f"loss/{row.phase.split('/')[0]}"
            assert run.kind == part
            assert {"loss", row.phase.split("/")[0], row.role, row.stop} <= set(run.tags)
    assert confirmed


def test_a_lost_attempt_is_marked_superseded_and_the_next_one_names_it(tracked: Tracked) -> None:
    trial = int(tracked.killed.split("-")[-2])
    newer = last_attempts(tracked)[trial]
    assert newer != tracked.killed
    for part in ("train", "val"):
        old, new = tracked.runs[f"{tracked.killed}-{part}"], tracked.runs[f"{newer}-{part}"]
        assert "superseded" in old.tags
        assert old.summary["stop"] == "superseded"
        assert old.summary["superseded_by"] == newer
        assert new.config["supersedes"] == tracked.killed
        assert "superseded" not in new.tags


def test_only_the_train_run_of_a_trial_at_work_has_system_metrics(tracked: Tracked) -> None:
    assert any(run.system_metrics for run in tracked.runs.values() if run.kind == "train")
    assert not any(run.system_metrics for run in tracked.runs.values() if run.kind == "val")


def test_the_way_to_send_them_is_said_and_no_key_is_written_anywhere(tracked: Tracked) -> None:
    assert f"  python -m wandb sync {Path('runs') / tracked.folder.name / 'wandb' / 'offline-run-*'}" in tracked.said
    assert "Traceback" not in tracked.said
    for file in tracked.folder.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file


def test_pictures_of_the_worst_mistakes_go_along_when_that_is_allowed(tracked: Tracked) -> None:
    run = tracked.runs[f"{tracked.study.instance}-mistakes"]
    (line,) = run.history
    assert 1 <= line["worst mistakes.count"] <= 24 if "worst mistakes.count" in line else line["worst mistakes"]
    assert list(tracked.folder.rglob("*.png"))
    who = [opening.who for opening in tracked.study.store.test_openings(tracked.study.study_id)]
    assert who.count("loss/wandb") == 1


def said_by(tracked: Tracked, home: Path, words: Sequence[str] = (), **changes: str) -> list[str]:
    """What the tracking of the ended study says, in a run folder of its own."""
    wanted = Wanted(**{"mode": "offline", "layout": "pair", "project": "p", "share_images": False, **changes})  # type: ignore[arg-type]
    folder = RunFolder.of(tracked.study, home)
    process = WandbTracking(wanted, tracked.study, tracked.url, folder, words)
    process.start()
    return process.close()


def test_without_leave_no_picture_is_sent_and_single_runs_keep_their_axes_apart_and_are_told_once(
    tracked: Tracked, tmp_path: Path
) -> None:
    first, *others = last_attempts(tracked).values()
    (ledger,) = tracked.folder.glob("wandb/tracked-*.txt")
    killed = RunFolder.of(tracked.study, tmp_path).path / "wandb"
    killed.mkdir()
    (killed / ledger.name).write_text(f"begun {first}\n", encoding="utf-8")
    assert said_by(tracked, tmp_path, layout="single") == []
    runs = offline_runs(tmp_path)
    assert {run.id for run in runs} == {f"{first}-again1", *others}, "what a killed tracker left is told anew"
    assert next(run for run in runs if run.id == f"{first}-again1").config["supersedes"] == first
    for run in runs:
        assert run.axes == {"train/*": "train/epoch", "val/*": "val/epoch"}
        epochs = list(range(1, run.summary["epochs"] + 1))
        assert [line["train/epoch"] for line in run.history] == [line["val/epoch"] for line in run.history] == epochs
        assert {"train/loss", "train/lr", "val/loss", "val/score"} <= set(run.history[0])
    assert not list(tmp_path.rglob("*.png"))
    assert said_by(tracked, tmp_path, layout="single") == [], "what has been told is not told again"
    assert len(offline_runs(tmp_path)) == len(runs)


def test_a_wandb_that_cannot_be_imported_says_one_line(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wandb.py").write_text("raise ImportError('broken on purpose')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (line,) = said_by(tracked, tmp_path / "runs")
    assert line.startswith("wandb: it cannot be imported here (broken on purpose)")
    assert line.endswith("the study goes on")


def test_a_tracker_that_hangs_is_waited_for_a_while_and_then_ended(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wandb.py").write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(tracking, "CLOSE_SECONDS", 3.0)
    (line,) = said_by(tracked, tmp_path / "runs")
    assert line == "wandb: not all was sent within 3 s, the rest is kept here"
    children = psutil.Process().children(recursive=True)
    assert not [child for child in children if "search.track" in child.cmdline()]


def test_a_folder_that_cannot_be_written_says_one_line(tracked: Tracked, tmp_path: Path) -> None:
    folder = RunFolder.of(tracked.study, tmp_path)
    (folder.path / "wandb").write_text("in the way", encoding="utf-8")
    (line,) = said_by(tracked, tmp_path)
    assert "File exists" in line
    assert line.endswith("the study goes on")


def test_a_server_that_cannot_be_reached_says_one_line_and_everything_is_kept_here(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, not listening: whoever connects is refused
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_INIT_TIMEOUT", "1")
        (line,) = said_by(tracked, tmp_path, mode="online")
    assert line.startswith("wandb: the server cannot be used (")
    assert line.endswith("kept offline")
    assert KEY not in line
    kept = [run for run in offline_runs(tmp_path) if run.ended and run.id.endswith("-offline")]
    assert {run.id.removesuffix("-offline") for run in kept} == {
        f"{key}-{part}" for key in last_attempts(tracked).values() for part in ("train", "val")
    }


def test_a_login_is_offered_once_and_only_where_nothing_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    quiet, off = Wanted(None, "pair", "p", False), Wanted("off", "pair", "p", False)
    assert tracking.offer(off, tmp_path) is None
    said = tracking.offer(quiet, tmp_path)
    assert said is not None
    assert "--wandb online" in said
    assert KEY not in said
    assert tracking.offer(quiet, tmp_path) is None
