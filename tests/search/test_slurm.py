"""Jobs of a cluster: submitted, ended before their time, preempted and queued again.

Here with submitit's local executor; test_real_slurm.py does it with Slurm."""

import dataclasses
import json
import math
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from search import slurm
from search.edge import EXIT_MISTAKE
from search.slurm_address import DUMP, Address
from search.slurm_words import minutes_of
from search.study import Study
from search.walltime import heed, needed
from search.worker import Worker
from search.workplace import Workplace
from storage.cluster import Cluster
from storage.rows import CellKey, Lease, Proposal, Result
from storage.store import Store
from tests.search.commands import ROOT, SETTINGS, environment, invoke, run_command, start_command, wait_until
from tests.search.trials import RECIPE, WORKER, claim, run_trial, screen_of


def one_pilot_run(taken: frozenset[CellKey]) -> Proposal | None:
    return Proposal(CellKey("a-pilot", 200), "digest", "{}", "pilot", "baseline", {}, {})


def test_a_trial_is_saved_and_given_back_before_the_limit(at: Workplace) -> None:
    phase = screen_of(RECIPE)
    lease = claim(at, phase, phase.runs[0])
    at.leaving.ends_at = time.time() + 20.0
    assert not at.leaving(another=1.0) and not at.leaving.out_of_time
    at.leaving.ends_at = time.time() + 0.001  # less than an epoch
    assert run_trial(at, phase, lease) == "released"
    assert at.leaving.out_of_time and not at.leaving.interrupted
    assert at.study.store.checkpoints(lease.trial_id)
    assert [row.state for row in at.study.store.runs(at.study.study_id)] == ["WAITING"]


def test_an_epoch_that_would_outlast_the_limit_is_not_begun(at: Workplace) -> None:
    at.leaving.ends_at = time.time() + 20.0
    assert at.leaving(another=30.0) and at.leaving.out_of_time


def test_no_run_is_begun_that_cannot_end_in_time(at: Workplace) -> None:
    store, study_id = at.study.store, at.study.study_id
    store.open_phase(study_id, "pilot", 1)
    lease = store.claim(study_id, "pilot", WORKER, "nonce", one_pilot_run)
    assert isinstance(lease, Lease)
    at.leaving.ends_at = time.time() + 60.0
    heed(at.study, at.leaving, time.time() - 1000.0)
    assert not at.leaving.soon()  # nothing has been measured
    store.finish(lease, Result("finished", "finished", 0.9, 4, 0.9, 0.9, 4, 40.0))
    heed(at.study, at.leaving, time.time() - 1000.0)
    assert not at.leaving.soon()  # 46 s with some slack
    at.leaving.ends_at = time.time() + 44.0
    heed(at.study, at.leaving, time.time() - 1000.0)
    assert at.leaving.soon() and at.leaving.out_of_time
    assert not at.leaving()  # whatever runs has its time


def test_a_worker_begins_nothing_more_once_a_run_does_not_fit(at: Workplace) -> None:
    store, study_id = at.study.store, at.study.study_id
    store.open_phase(study_id, "pilot", 1)
    lease = store.claim(study_id, "pilot", WORKER, "nonce", one_pilot_run)
    assert isinstance(lease, Lease)
    store.finish(lease, Result("finished", "finished", 0.9, 4, 0.9, 0.9, 4, 1000.0))  # longer than any job here
    at.leaving.ends_at = time.time() + 6.0
    Worker(at, WORKER).carry()
    assert at.leaving.out_of_time and not at.leaving()  # it left before it had to
    assert "RUNNING" not in {row.state for row in store.runs(study_id)}
    assert len(store.runs(study_id)) > 1


@pytest.mark.parametrize(
    ("run", "whole", "wanted"), [(None, 100, 0), (30, 100, 30), (500, 100, 50), (30, math.inf, 30)]
)
def test_a_run_longer_than_a_job_goes_through_several(run: float | None, whole: float, wanted: float) -> None:
    assert needed(run, whole) == wanted


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("90:00", 90),
        ("4:00:00", 240),
        ("0:00:30", 1),
        ("1-12", 2160),
        ("1-12:30", 2190),
        ("1-0:00:01", 1441),
    ],
)
def test_times_are_read_as_slurm_reads_them(text: str, minutes: int) -> None:
    assert minutes_of(text) == minutes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say which study"),
        (("--study", "lr_agu"), "lr_aug"),
        (("--study", "lr_aug", "--time", "soon"), "is no time of Slurm's; write 90"),
        (("--study", "lr_aug", "--time", "3"), "is too short"),
        (("--study", "lr_aug", "--sbatch", "low"), "write --sbatch qos=low"),
        (("--study", "lr_aug", "--", "--set", "baseline.epoch=3"), "did you mean epochs?"),
        (("--study", "lr_aug", "--", "--detach"), "does not go behind the --"),
        (("--study", "lr_aug", "--", "--storage=postgresql://x/y"), "does not go behind the --"),
        (("--study", "lr_aug", "--storage", "postgresql://me@x/y"), "no Slurm here"),
        (("--study", "lr_aug", "--local"), "--serve-db"),
        (("--study", "lr_aug", "--where"), "is served now"),
        (("--logs", "4711"), "no log of job 4711"),
        (("--logs", "../x"), "write 4711"),
    ],
)
def test_a_mistake_is_told_before_anything_is_submitted(
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CETERIS_STORAGE", raising=False)
    told = invoke(slurm.main, *words, monkeypatch=monkeypatch, capsys=capsys)
    assert told.code == EXIT_MISTAKE and said in told.err and told.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Slurm is not for Windows")
def test_a_preempted_job_saves_is_queued_again_and_the_study_is_answered(tmp_path: Path) -> None:
    url = f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}"
    line = ("--study", "lr_aug", "--local", "--workers", "2", "--gpus-per-task", "0", "--time", "30", "--storage", url)
    own = (*SETTINGS, "--trials", "1", "--quick", "--checkpoint-every", "0")
    told = tmp_path / "told.txt"  # not a pipe: the jobs inherit it
    assert start_command("search.slurm", *line, "--", *own, cwd=tmp_path, log=told).wait(120) == 0, told.read_text(
        "utf-8"
    )
    match = re.search(r"2 workers, (\d+) (\d+),", told.read_text(encoding="utf-8"))
    assert match is not None
    jobs = [psutil.Process(int(number)) for number in match.groups()]
    logs = [tmp_path / "runs" / "slurm" / "logs" / f"{job.pid}_0_log.out" for job in jobs]
    store = Store.connect(url)
    try:
        wait_until(lambda: logs[1].exists() and "waiting for lr_aug to be made" in logs[1].read_text("utf-8"), 200)
        wait_until(lambda: store.manifest("lr_aug") and any(row.state == "RUNNING" for row in store.runs(1)), 200)
        jobs[0].children()[0].send_signal(signal.SIGUSR1)
        wait_until(lambda: not any(job.is_running() and job.status() != psutil.STATUS_ZOMBIE for job in jobs), 250)
        manifest = store.manifest("lr_aug")
        assert manifest is not None and Study.of(store, manifest).depth == "quick"
        assert {row.state for row in store.runs(1)} <= {"COMPLETE", "PRUNED"}
    finally:
        store.close()
        for job in jobs:
            for process in (*job.children(recursive=True), job) if job.is_running() else ():
                process.kill()
    said = logs[0].read_text(encoding="utf-8")
    assert said.index("asked to leave (SIGUSR1)") < said.index("Requeued job") < said.rindex(" launch ")
    assert "Answer: " in said
    shown = run_command("search.slurm", "--logs", str(jobs[0].pid), cwd=tmp_path)
    assert shown.code == 0 and "Answer: " in shown.out and "worker-1_" in shown.out


@pytest.fixture
def disk() -> Iterator[Path]:
    """Not in pytest's own folder, which is closed to PostgreSQL's account where the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="ceteris-slurm-", dir="/tmp" if Path("/tmp").is_dir() else None))
    folder.chmod(0o755)
    yield folder
    for mark in folder.glob("*/*/data"):
        Cluster.at(mark.parent).stop()
    shutil.rmtree(folder, ignore_errors=True)


def serving(shared: Path, disk: Path) -> subprocess.Popen[bytes]:
    job = f"DatabaseJob(Path({str(shared)!r}), Path({str(disk)!r}), 'nobody', 3600.0, 60.0)()"
    program = f"from pathlib import Path; from search.slurm_database import DatabaseJob; {job}"
    before = Address.read(shared)
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment())

    def there() -> bool:
        assert process.poll() is None
        address = Address.read(shared)
        return address is not None and address != before and address.open

    wait_until(there, 200)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="Slurm is not for Windows")
def test_a_database_goes_from_node_to_node_with_all_that_was_written(disk: Path) -> None:
    shared, here, elsewhere = disk / "shared", disk / "node1", disk / "node2"
    shared.mkdir(mode=0o755)
    process = serving(shared, here)
    first = Address.read(shared)
    assert first is not None
    assert first.password_file(shared).stat().st_mode & 0o077 == 0
    url = first.url(shared).replace(first.host, "127.0.0.1")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    closed = Address.read(shared)
    assert closed is not None and closed.dumped and not closed.open
    assert (shared / DUMP).stat().st_mode & 0o077 == 0

    process = serving(shared, elsewhere)  # another node: nothing but the dump
    second = Address.read(shared)
    assert second is not None and Path(second.folder).is_relative_to(elsewhere) and second.life != first.life
    with psycopg.connect(second.url(shared).replace(second.host, "127.0.0.1")) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (42,)
        connection.execute("UPDATE kept SET number = 43")
    assert not first.password_file(shared).exists()
    process.kill()  # no last dump, and the server is left alone
    process.wait()
    process = serving(shared, elsewhere)
    third = Address.read(shared)
    assert third is not None and third.folder == second.folder
    with psycopg.connect(third.url(shared).replace(third.host, "127.0.0.1")) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (43,)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0

    shutil.rmtree(here)
    (shared / DUMP).unlink()
    dataclasses.replace(third, host="another-node").publish(shared)
    program = "from pathlib import Path; from search.slurm_database import DatabaseJob; "
    program += f"DatabaseJob(Path({str(shared)!r}), Path({str(here)!r}), 'nobody', 3600.0, 60.0)()"
    refused = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert refused.returncode == 1 and "which was never dumped" in refused.stderr and "another-node" in refused.stderr
    assert json.loads((shared / "address.json").read_text("utf-8"))["life"] == third.life
