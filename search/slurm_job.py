"""A job from the inside: when its time is over, what it is asked, and how it gets back into the queue."""

import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from types import FrameType

PREEMPT = "USR1"  # what Slurm sends before the limit, and what `scancel --signal=USR1` sends


class Job:
    """This process as submitit started it. From its making on, SIGUSR1 and SIGTERM are noted in `asked`: SIGUSR1 for
    preemption and the limit, SIGTERM for preemption and `scancel`. Main thread only."""

    def __init__(self, seconds: float) -> None:
        self.slurm_id = os.environ.get("SLURM_JOB_ID") if os.environ.get("SUBMITIT_EXECUTOR") == "slurm" else None
        self.began_at = time.time()
        self.ends_at = self._limit() or self.began_at + seconds
        self.asked: str | None = None
        self._queue_again = signal.getsignal(signal.SIGUSR1)
        for number in (signal.SIGUSR1, signal.SIGTERM):
            signal.signal(number, self._note)

    @property
    def name(self) -> str:
        """As squeue shows it."""
        array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
        return f"{array}_{task}" if array else os.environ.get("SLURM_JOB_ID") or f"process {os.getpid()}"

    @property
    def told_the_tree(self) -> bool:
        """Whether the processes below this one have had the SIGTERM, too: Slurm sends it to all of a job."""
        return self.asked == "SIGTERM" and self.slurm_id is not None

    def again(self) -> None:
        """Back into the queue, which ends this process; returns when Slurm is ending the job itself: it queues again
        what it has preempted, and not what was cancelled. Raises submitit's UncompletedJobError when the job has run
        out its time too often (`--requeue`)."""
        state = self._state()
        if state not in ("RUNNING", ""):  # a requeue would bring back a job that somebody has cancelled
            say(f"Slurm ends this job ({state.lower()})")
        elif callable(self._queue_again):
            self._queue_again(signal.SIGUSR1, None)

    def _state(self) -> str:
        if self.slurm_id is None:
            return "CANCELLED" if self.asked == "SIGTERM" else "RUNNING"
        return self._told("JobState")

    def _limit(self) -> float | None:
        if given := os.environ.get("SLURM_JOB_END_TIME"):
            return float(given)
        try:
            return datetime.fromisoformat(self._told("EndTime")).timestamp()
        except ValueError:  # no Slurm, or no limit
            return None

    def _told(self, field: str) -> str:
        """A field of `scontrol show job`; empty when Slurm does not answer."""
        if self.slurm_id is None:
            return ""
        command = ["scontrol", "--oneliner", "show", "job", self.name]  # by its number alone it may be a whole array
        try:
            done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        match = re.search(rf"\b{field}=(\S+)", done.stdout)
        return match[1] if match else ""

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = signal.Signals(number).name


def shielded() -> None:
    """In a new process: SIGUSR1, which Slurm sends to every process of a job, is the concern of the first one alone."""
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def say(words: str) -> None:
    """A line in the job's log, with its time."""
    print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {words}", flush=True, file=sys.stdout)
