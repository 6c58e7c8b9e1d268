"""From the command line to jobs in the queue."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.edge import UserError
from search.slurm_database import DatabaseJob, queued
from search.slurm_job import PREEMPT
from search.slurm_words import checked, given, minutes_of, passed_on
from search.slurm_worker import WorkerJob

if TYPE_CHECKING:
    from submitit import Job, LocalExecutor, SlurmExecutor

INSTALL = "python -m pip install -r requirements-slurm.txt -c constraints.txt"


@dataclass(frozen=True)
class Order:
    """What was asked for, checked. `words` go to each job's launch. `shared` is the study's folder for its jobs."""

    name: str
    words: tuple[str, ...]
    shared: Path
    workers: int
    minutes: int
    db_minutes: int
    margin: float
    requeue: int
    storage: str | None = field(repr=False)
    serve_db: bool
    db_folder: Path | None
    local: bool
    resources: dict[str, Any]
    db_resources: dict[str, Any]
    alone: bool
    """Whether every job makes or joins the study by itself: it cannot look whether the study is there."""

    @classmethod
    def of(
        cls,
        *,
        definition_name: str | None,
        workers: int,
        partition: str | None,
        account: str | None,
        walltime: str,
        gpus: int,
        cpus: int | None,
        mem: str | None,
        more: Sequence[str],
        db_more: Sequence[str],
        requeue: int,
        margin: float,
        storage: str | None,
        serve_db: bool,
        db_partition: str | None,
        db_time: str | None,
        db_folder: Path | None,
        runs: Path,
        local: bool,
        launch_words: Sequence[str],
    ) -> "Order":
        """Raises one-line errors, those of the launch's own options too: now rather than in a log."""
        minutes, db_minutes = minutes_of(walltime), minutes_of(db_time or walltime)
        if 60 * min(minutes, db_minutes) <= 2 * margin:
            raise UserError(
                f"{walltime} is too short: jobs end {margin:g} s before it (--margin); give a longer --time"
            )
        first = ("--study", definition_name, "--runs", str(runs)) if definition_name else ("--runs", str(runs))
        words = (*first, "--workers", str(max(1, gpus)), "--idle-exit", "5m", "--wait-for-db", "120", *launch_words)
        name, via = checked(words, launch_words)
        common = {"partition": partition, "account": account}
        mine = {**common, "cpus_per_task": cpus, "mem": mem, "gpus_per_node": gpus or None}
        return cls(
            name=name,
            words=words,
            shared=runs / "slurm" / name,
            workers=workers,
            minutes=minutes,
            db_minutes=db_minutes,
            margin=margin,
            requeue=requeue,
            storage=None if serve_db else storage,
            serve_db=serve_db,
            db_folder=db_folder,
            local=local,
            resources=given(mine) | passed_on("--sbatch", more),
            db_resources=given({**common, "partition": db_partition or partition}) | passed_on("--db-sbatch", db_more),
            alone=via is not None,
        )

    @property
    def logs(self) -> Path:
        return self.shared.parent / "logs"

    @property
    def job_name(self) -> str:
        return f"ceteris-{self.name}"

    def submit(self) -> list[str]:
        """Put the jobs into the queue; what to tell. Raises `UserError` with Slurm's own words."""
        self._check()
        from search.fleet import found_anywhere
        from search.options import make_folder
        from search.surroundings import ENTERED

        make_folder(self.logs)
        make_folder(self.shared)
        os.environ.pop(ENTERED, None)
        os.environ.update(found_anywhere(), SUBMITIT_PREEMPT_SIGNAL=PREEMPT)  # jobs get this environment
        os.environ.pop("CETERIS_STORAGE", None)
        if self.storage is not None:
            os.environ["CETERIS_STORAGE"] = self.storage  # not into submitit's files, nor a command line
        database = self._database() if self.serve_db else None
        executor = self._executor(self.job_name, self.minutes, self.resources)
        if not self.local:
            after = {} if database is None else {"dependency": f"after:{database}"}
            executor.update_parameters(array_parallelism=self.workers, **after)
        published = self.shared if self.serve_db else None
        job = WorkerJob(self.name, self.words, 60.0 * self.minutes, self.margin, published, first=True)
        others = replace(job, first=self.alone)
        submitted = _submitted(executor, [job, *[others] * (self.workers - 1)])
        return self._told(submitted, database)

    def _check(self) -> None:
        from storage.urls import parse_url

        try:
            import submitit  # noqa: F401
        except ImportError:
            raise UserError(f"jobs are submitted through submitit, which is not here; {INSTALL} brings it") from None
        if not self.local and shutil.which("sbatch") is None:
            raise UserError("there is no Slurm here (no sbatch): go to a login node, or try the line with --local")
        if self.serve_db or (self.local and self.storage is not None):
            return
        if self.storage is None:
            raise UserError(
                "nodes share a PostgreSQL: --storage postgresql://user@host/database, or --serve-db runs one as a job"
            )
        if parse_url(self.storage).get_backend_name() == "sqlite" and self.workers > 1:
            raise UserError("SQLite serves one machine, jobs run on any: --storage postgresql://..., or --serve-db")

    def _database(self) -> str:
        """The id of the database's job: of the one that is there, or of a new one."""
        name = f"{self.job_name}-db"
        if not self.local and (there := queued(name, self.shared)):
            return there[0]
        executor = self._executor(name, self.db_minutes, self.db_resources)
        job = DatabaseJob(self.shared, self.db_folder, self.job_name, 60.0 * self.db_minutes, 2 * self.margin)
        return _submitted(executor, [job])[0].job_id

    def _executor(self, name: str, minutes: int, resources: dict[str, Any]) -> "SlurmExecutor | LocalExecutor":
        import submitit

        if self.local:
            executor = submitit.LocalExecutor(self.logs, max_num_timeout=self.requeue)
            executor.update_parameters(timeout_min=minutes, signal_delay_s=int(self.margin / 2))
            return executor
        executor = submitit.SlurmExecutor(self.logs, max_num_timeout=self.requeue)
        executor.update_parameters(
            job_name=name,
            comment=str(self.shared),
            time=minutes,
            nodes=1,
            ntasks_per_node=1,
            signal_delay_s=int(self.margin / 2),
            **resources,
        )
        return executor

    def _told(self, jobs: Sequence["Job[Any]"], database: str | None) -> list[str]:
        number = jobs[0].job_id.partition("_")[0]
        count = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        ids = " ".join(job.job_id for job in jobs) if self.local else f"job {number}"
        logs = f"python -m search.slurm --logs {number}"
        logs += "" if self.shared.parent == Path("runs", "slurm").absolute() else f" --runs {self.shared.parent.parent}"
        lines = [f"{self.name}: {count}, {ids}, {self.minutes} minutes each, queued again until the study is answered"]
        if database is not None:
            lines.append(f"database  job {database}; its address, password and dump: {self.shared}")
        lines += [f"logs      {logs}"]
        if database is not None:
            url = f'--storage "$(python -m search.slurm {self._again()})"'
            lines.append(f"progress  python -m search.status --name {self.name} {url}")
        else:
            lines.append(f"progress  python -m search.status --name {self.name}, with the same --storage")
        if not self.local:
            lines.append(f"end them  scancel {number} (what runs is saved; the same line goes on)")
        return lines

    def _again(self) -> str:
        study = self.words[1]  # the name goes by the data, too, where it is not given
        return f"--study {study} --where" + ("" if self.name == study else f" -- --name {self.name}")


def _submitted(executor: "SlurmExecutor | LocalExecutor", jobs: Sequence[Any]) -> list["Job[Any]"]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        return executor.submit_array(jobs)
    except (FailedJobError, FailedSubmissionError) as error:
        words = str(error).strip().splitlines() or ["nothing"]
        raise UserError(f"Slurm does not take the job: {words[-1]}") from None
