"""A launch that is interrupted or killed: its workers save and release what they have, and the same line goes on."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from sqlalchemy.engine import make_url

from storage.store import Store
from storage.urls import sqlite_url
from tests.search.commands import start_command, wait_until
from tests.search.test_fleet import LONG_SETTINGS, running_rows, study_in

ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal for one process but the hard one")


@ON_POSIX
@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP"])  # SIGINT: in the next test
def test_an_interrupted_launch_saves_releases_its_trials_and_says_how_to_go_on(
    how: str, postgres_url: str, tmp_path: Path
) -> None:
    secret = "s3cret-in-url"
    url = make_url(postgres_url).set(password=secret).render_as_string(hide_password=False)
    log, line = tmp_path / "launch.log", ["--study", "lr_aug", *LONG_SETTINGS, "--workers", "1"]
    before = signal.signal(getattr(signal, how), signal.SIG_DFL)  # ignored under nohup, which children inherit
    launch = start_command("search.launch", *line, cwd=tmp_path, log=log, env={"CETERIS_STORAGE": url})
    signal.signal(getattr(signal, how), before)
    store = Store.connect(postgres_url)
    try:
        wait_until(lambda: len(running_rows(store)) == 1)
        for process in (psutil.Process(launch.pid), *psutil.Process(launch.pid).children(recursive=True)):
            assert secret not in " ".join(process.cmdline()), "the password is in no process list"
        launch.send_signal(getattr(signal, how))
        assert launch.wait(60) == 130
        said = log.read_text(encoding="utf-8")
        assert "the same line goes on" in said
        assert "Traceback" not in said
        assert secret not in said
        study = study_in(store)
        assert study is not None
        rows = store.runs(study.study_id)
        assert {row.state for row in rows} == {"WAITING"}
        assert all(store.checkpoints(row.trial_id) for row in rows), "each was saved where it stood"
        assert all(worker.left_at is not None for worker in store.workers(study.study_id))
    finally:
        launch.kill()
        store.close()


@ON_POSIX
def test_the_same_line_goes_on_where_an_interrupted_launch_stopped(tmp_path: Path) -> None:
    log, line = tmp_path / "launch.log", ["--study", "lr_aug", *LONG_SETTINGS, "--workers", "1"]
    first = start_command("search.launch", *line, cwd=tmp_path, log=log)
    wait_until((tmp_path / "runs" / "ceteris.db").exists)
    store = Store.connect(sqlite_url(tmp_path / "runs" / "ceteris.db"))
    wait_until(lambda: running_rows(store))
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 130
    assert "the same line goes on" in log.read_text(encoding="utf-8")

    again = start_command("search.launch", *line, cwd=tmp_path, log=log)
    try:
        wait_until(lambda: running_rows(store))
        (row,) = running_rows(store)
        assert (row.number, row.attempt) == (0, 1), "the same trial, and leaving in order is no lost worker"
        wait_until(lambda: "pilot #0 goes on after epoch" in worker_logs(tmp_path))
        assert "Traceback" not in worker_logs(tmp_path)
    finally:
        again.terminate()
        again.wait(60)
        store.close()


def worker_logs(home: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in home.glob("runs/*/logs/*.log"))


def test_workers_leave_in_order_when_their_launcher_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "launch.log"
    launch = start_command(
        "search.launch", "--study", "lr_aug", *LONG_SETTINGS, "--workers", "1", cwd=tmp_path, log=log
    )
    wait_until((tmp_path / "runs" / "ceteris.db").exists)
    store = Store.connect(sqlite_url(tmp_path / "runs" / "ceteris.db"))
    wait_until(lambda: (s := study_in(store)) is not None and any(r.state == "RUNNING" for r in store.runs(s.study_id)))
    launch.kill()
    launch.wait(10)
    study = study_in(store)
    assert study is not None
    wait_until(lambda: all(w.left_at is not None for w in store.workers(study.study_id)), 30)
    assert {row.state for row in store.runs(study.study_id)} == {"WAITING"}
    store.close()
