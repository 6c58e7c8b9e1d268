"""One study through a real Slurm: database as a job, preempted, out of time, cancelled, answered."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.slurm_address import Address
from tests.search.commands import SETTINGS, run_command, wait_until
from tests.search.slurm_here import SlurmHere, slurm_here

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1500)]
OWN = (*SETTINGS, "--set", "baseline.epochs=40", "--trials", "2", "--quick", "--checkpoint-every", "2")


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmHere]:
    with slurm_here() as here:
        yield here


def test_a_study_survives_preemption_and_limits_and_is_answered(cluster: SlurmHere) -> None:
    folder = cluster.folder / "work"  # PostgreSQL's account has to get there
    folder.mkdir()
    environment = cluster.environment

    def submit(*words: str) -> tuple[str, str]:
        line = ("--study", "lr_aug", "--gpus-per-task", "0", "--serve-db", *words, "--", *OWN)
        done = run_command("search.slurm", *line, cwd=folder, env=environment)
        assert done.code == 0, done
        workers, database = re.search(r"job (\d+), ", done.out), re.search(r"database  job (\d+)", done.out)
        assert workers is not None and database is not None
        return workers[1], database[1]

    def said(job: str) -> str:
        file = folder / "runs" / "slurm" / "logs" / f"{job}_0_log.out"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def worked() -> str:
        return "".join(file.read_text("utf-8") for file in sorted(folder.glob("runs/*/logs/worker-*.log")))

    shared = folder / "runs" / "slurm" / "lr_aug"
    workers, database = submit("--workers", "2", "--time", "20")
    first, second = f"{workers}_0", f"{workers}_1"
    wait_until(lambda: "resume" in str(sorted(folder.glob("runs/*/checkpoints/*/*/*/*.ckpt"))), 240)

    cluster.run("scancel", "--signal=USR1", first)
    wait_until(lambda: "Requeued job" in said(first), 120)
    wait_until(lambda: "released" in worked(), 60)
    wait_until(lambda: said(first).count(" launch ") == 2, 240)
    wait_until(lambda: "goes on after epoch" in worked(), 240)

    life = Address.read(shared)
    urgent = cluster.run(
        "sbatch", "--parsable", "-p", "urgent", "-c", "8", "-o", "/dev/null", "--wrap", "sleep 5"
    ).strip()
    wait_until(lambda: cluster.state(urgent) in ("COMPLETED", ""), 240)
    assert "asked to leave (SIGTERM)" in said(database) and "dumped" in said(database)
    assert "asked to leave (SIGTERM)" in said(second)
    wait_until(lambda: (now := Address.read(shared)) is not None and now.open and now != life, 240)
    wait_until(lambda: said(second).count(" launch ") == 2, 240)

    cluster.run("scancel", workers)
    wait_until(lambda: cluster.state(workers) in ("", "CANCELLED\nCANCELLED"), 120)
    assert "Slurm ends this job" in said(first)

    short, same = submit("--workers", "1", "--time", "2", "--margin", "45", "--db-time", "20")
    assert same == database
    wait_until(lambda: "its time is over" in said(short) and "Requeued job" in said(short), 240)
    cluster.run("scancel", short)

    last, same = submit("--workers", "3", "--time", "20")
    wait_until(lambda: "Answer: " in said(f"{last}_0"), 600)
    wait_until(lambda: "nobody is left to work" in said(same), 300)
    shown = run_command("search.slurm", "--logs", last, cwd=folder, env=environment)
    assert "Answer: " in shown.out and "worker-1_" in shown.out
    assert "Traceback" not in "".join(file.read_text("utf-8", "replace") for file in Path(folder).rglob("*_log.err"))
