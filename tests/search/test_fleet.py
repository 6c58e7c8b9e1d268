"""Several real worker processes on one study: exact, and nothing lost when one is killed."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import optuna
import psutil
import pytest

from search.study import Study
from storage.rows import RunRow
from storage.store import Store
from tests.search.commands import SETTINGS, command, environment, run_command, start_command, wait_until

# Runs long enough to be killed in their middle; every epoch is saved.
LONG = ["baseline.image_size=8", "baseline.epochs=40", "patience=1000", "budgets.pilot=2"]
LONG_SETTINGS = [word for setting in LONG for word in ("--set", setting)]
DURABLE = ["--checkpoint-every", "0", "--lease-seconds", "3"]


def study_in(store: Store) -> Study | None:
    manifest = store.manifest("lr_aug")
    return Study.of(store, manifest) if manifest else None


def winners(out: str) -> list[str]:
    return re.findall(r"^\d-\w+ .*\(\d+/\d+/\d+/\d+\).*$", out, flags=re.MULTILINE)


def test_three_workers_run_every_cell_once_and_all_launches_print_the_same_winners(
    database_url: str, tmp_path: Path
) -> None:
    line = command(
        "search.launch", "--study", "lr_aug", *SETTINGS, "--trials", "6", "--storage", database_url, "--workers"
    )
    servers = []
    for number, workers in enumerate(("2", "1")):
        home = tmp_path / f"server {number}"
        home.mkdir()
        servers.append(
            subprocess.Popen(
                [*line, workers], cwd=home, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        )
    printed = [server.communicate(timeout=280)[0].decode("utf-8", "replace") for server in servers]
    assert [server.returncode for server in servers] == [0, 0], "\n".join(printed)
    assert winners(printed[0]) == winners(printed[1])
    assert len(winners(printed[0])) == 3

    store = Store.connect(database_url)
    study = study_in(store)
    assert study is not None
    for phase in ("1-lr", "2-loss", "3-augment"):
        rows = store.runs(study.study_id, phase)
        assert len(rows) == 6
        assert len({(row.signature, row.replicate) for row in rows}) == 6
        stock = optuna.load_study(
            study_name=f"lr_aug/{phase}", storage=database_url.replace("postgresql://", "postgresql+psycopg://")
        )
        assert len(stock.trials) == 6
    assert len(store.workers(study.study_id)) == 3
    assert {row.state for row in store.runs(study.study_id)} <= {"COMPLETE", "PRUNED"}
    assert len(store.verdicts(study.study_id)) == 3
    store.close()


def test_a_killed_workers_trial_is_finished_by_another_under_its_number_from_the_last_checkpoint(
    database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "launch.log"
    launch = start_command(
        "search.launch",
        "--study",
        "lr_aug",
        *LONG_SETTINGS,
        *DURABLE,
        "--storage",
        database_url,
        "--workers",
        "2",
        cwd=tmp_path,
        log=log,
    )
    store = Store.connect(database_url)
    try:
        victim = kill_in_the_middle(store)
        rescued: list[RunRow] = []

        def finished() -> bool:
            study = study_in(store)
            rescued[:] = (
                [row for row in store.runs(study.study_id, "pilot") if row.number == victim.number] if study else []
            )
            return bool(rescued) and rescued[0].state == "COMPLETE"

        wait_until(finished, 120)
        (row,) = rescued
        assert row.trial_id == victim.trial_id
        assert row.attempt == 2
        assert row.worker != victim.worker
        assert row.epochs == 40
        assert not [r for r in store.runs(study_in(store).study_id) if r.state == "FAIL"]  # type: ignore[union-attr]
        logs = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("runs/*/logs/*.log"))
        resumed = re.search(rf"pilot #{victim.number} goes on after epoch (\d+)", logs)
        assert resumed is not None, logs
        assert int(resumed[1]) >= 2
        curve = store.curves(study_in(store).study_id, "pilot")[victim.number]  # type: ignore[union-attr]
        assert [epoch.epoch for epoch in curve] == list(range(1, 41))
        assert "was killed (SIGKILL)" in log.read_text(encoding="utf-8")
    finally:
        launch.terminate()
        launch.wait(60)
        store.close()


def kill_in_the_middle(store: Store) -> RunRow:
    """Wait for a pilot trial with a few epochs, and kill its worker the hard way."""
    found: list[tuple[RunRow, int]] = []

    def under_way() -> bool:
        study = study_in(store)
        for row in store.runs(study.study_id, "pilot") if study else []:
            pids = [w.pid for w in store.workers(study.study_id) if w.worker_id == row.worker]  # type: ignore[union-attr]
            if row.state == "RUNNING" and 3 <= row.epochs <= 30 and pids:
                found.append((row, pids[0]))
                return True
        return False

    wait_until(under_way, 90)
    row, pid = found[0]
    psutil.Process(pid).kill()
    return row


@pytest.mark.skipif(
    os.name == "nt", reason="Windows has no SIGINT for one process; a console's Ctrl-C reaches the group"
)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_an_interrupted_launch_releases_its_trials_and_the_same_line_goes_on(
    how: signal.Signals, tmp_path: Path
) -> None:
    log = tmp_path / "launch.log"
    line = ["--study", "lr_aug", *LONG_SETTINGS, "--workers", "2"]
    launch = start_command("search.launch", *line, cwd=tmp_path, log=log)
    url = f"sqlite:///{tmp_path / 'runs' / 'ceteris.db'}"
    wait_until((tmp_path / "runs" / "ceteris.db").exists)
    store = Store.connect(url)

    def two_running() -> bool:
        study = study_in(store)
        rows = store.runs(study.study_id) if study else []
        return sum(row.state == "RUNNING" for row in rows) == 2

    wait_until(two_running)
    launch.send_signal(how)
    assert launch.wait(60) == 130
    said = log.read_text(encoding="utf-8")
    assert "the same line goes on" in said
    assert "Traceback" not in said
    study = study_in(store)
    assert study is not None
    assert {row.state for row in store.runs(study.study_id)} == {"WAITING"}
    assert all(worker.left_at is not None for worker in store.workers(study.study_id))

    again = start_command("search.launch", *line, cwd=tmp_path, log=log)
    try:
        wait_until(two_running, 60)
        rows = store.runs(study.study_id)
        assert {row.number for row in rows} == {0, 1}, "the same two trials, not new ones"
        logs = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("runs/*/logs/*.log"))
        wait_until(
            lambda: (
                "goes on after epoch"
                in "".join(p.read_text(encoding="utf-8") for p in tmp_path.glob("runs/*/logs/*.log"))
            )
        )
        assert "Traceback" not in logs
    finally:
        again.terminate()
        again.wait(60)
        store.close()


def test_workers_leave_in_order_when_their_launcher_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "launch.log"
    launch = start_command(
        "search.launch", "--study", "lr_aug", *LONG_SETTINGS, "--workers", "1", cwd=tmp_path, log=log
    )
    wait_until((tmp_path / "runs" / "ceteris.db").exists)
    store = Store.connect(f"sqlite:///{tmp_path / 'runs' / 'ceteris.db'}")
    wait_until(lambda: (s := study_in(store)) is not None and any(r.state == "RUNNING" for r in store.runs(s.study_id)))
    launch.kill()
    launch.wait(10)
    study = study_in(store)
    assert study is not None
    wait_until(lambda: all(w.left_at is not None for w in store.workers(study.study_id)), 30)
    assert {row.state for row in store.runs(study.study_id)} == {"WAITING"}
    store.close()


def test_a_password_is_in_no_process_list(postgres_url: str, tmp_path: Path) -> None:
    from sqlalchemy.engine import make_url

    secret = "s3cret-in-url"
    url = make_url(postgres_url).set(password=secret).render_as_string(hide_password=False)
    launch = start_command(
        "search.launch",
        "--study",
        "lr_aug",
        *LONG_SETTINGS,
        "--workers",
        "1",
        cwd=tmp_path,
        log=tmp_path / "log",
        env={"CETERIS_STORAGE": url},
    )
    try:
        me = psutil.Process(launch.pid)
        wait_until(lambda: len(me.children()) == 1)
        for process in (me, *me.children(recursive=True)):
            assert secret not in " ".join(process.cmdline())
    finally:
        launch.terminate()
        launch.wait(60)
    assert secret not in (tmp_path / "log").read_text(encoding="utf-8")


def test_the_worker_command_is_not_for_people(tmp_path: Path) -> None:
    outcome = run_command("search.work", cwd=tmp_path)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert sys.executable not in outcome.err
