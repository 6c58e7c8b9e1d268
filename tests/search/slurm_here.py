"""A Slurm of one node on this machine, as root: munged, slurmctld and slurmd of its own, on free ports, in one folder.

No cgroups, no accounting, eight pretended CPUs; whoever waits in the partition `urgent` preempts jobs of `main`.
"""

import os
import platform
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.search.commands import wait_until

_CONF = """\
ClusterName=small
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
CredType=cred/munge
SlurmctldPort={ctld}
SlurmdPort={slurmd}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=2,sched_min_interval=0,batch_sched_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
ReturnToService=2
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL State=UP PriorityTier=10
"""


@dataclass(frozen=True)
class SlurmHere:
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def run(self, *command: str) -> str:
        """What a command of Slurm's prints."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def state(self, job: str) -> str:
        """`RUNNING`, `PENDING`, ...; empty when it is over and forgotten."""
        return self.run("squeue", "--noheader", "--states=all", "--format=%T", "--job", job).strip()


@contextmanager
def slurm_here() -> Iterator[SlurmHere]:
    """Running inside; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ceteris-slurm-", dir="/tmp"))
    folder.chmod(0o755)
    here, conf = SlurmHere(folder), folder / "slurm.conf"
    for part in ("state", "spool"):
        (folder / part).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    ports = {name: _free_port() for name in ("ctld", "slurmd")}
    conf.write_text(_CONF.format(host=platform.node(), folder=folder, **ports), encoding="ascii")
    files = [
        f"--{name}={folder}/munge.{name.split('-')[0]}" for name in ("socket", "pid-file", "log-file", "seed-file")
    ]
    try:
        subprocess.run(["munged", "--force", f"--key-file={key}", *files], check=True, capture_output=True)
        subprocess.run(["slurmctld", "-f", conf], check=True, capture_output=True)
        subprocess.run(["slurmd", "-f", conf], check=True, capture_output=True)
        wait_until(lambda: _idle(here), 60)
        yield here
    finally:
        with suppress(AssertionError, OSError, subprocess.SubprocessError):
            here.run("scancel", "--user=root")
            wait_until(lambda: not here.run("squeue", "--noheader"), 90)
        daemons = [
            process for name in ("slurmd", "slurmctld", "munge") if (process := _process(folder / f"{name}.pid"))
        ]
        for process in daemons:
            process.terminate()
        psutil.wait_procs(daemons, 30)
        shutil.rmtree(folder, ignore_errors=True)


def _idle(here: SlurmHere) -> bool:
    with suppress(AssertionError):
        return "idle" in here.run("sinfo", "--noheader", "--format=%t", "--partition=main")
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _process(file: Path) -> psutil.Process | None:
    with suppress(OSError, ValueError, psutil.NoSuchProcess):
        return psutil.Process(int(file.read_text(encoding="ascii")))
    return None
