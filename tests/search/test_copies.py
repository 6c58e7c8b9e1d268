"""Workers as copies of a process that has loaded everything: to their launcher like any others, and none left over."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from search import surroundings
from search.copies import copies
from search.fleet import Fleet
from tests.search.commands import wait_until

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process is copied, which is tested below")

PROGRAM = """
import os, sys, time
from search.copies import copies

def program():
    print(sys.argv[1:], os.environ["CETERIS_STORAGE"], "한글", flush=True)
    match sys.argv[1]:
        case "leave": sys.exit(7)
        case "break": raise ValueError("broken")
        case "sleep": time.sleep(100)
"""


def launcher(body: str, *, encoding: str = "utf-8") -> "subprocess.Popen[str]":
    """A process of its own, for that of the tests has threads."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + textwrap.dedent(body)],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@ON_LINUX
def test_a_copy_runs_its_line_into_its_log_and_tells_how_it_ended(tmp_path: Path) -> None:
    body = f"""
        from pathlib import Path
        crew = copies(4, program)
        for copy, word in zip(crew, ("work", "leave", "break", "sleep")):
            copy.begin([word, "--device", "cpu"], {{"CETERIS_STORAGE": "secret"}}, Path({str(tmp_path)!r}) / word)
        print([copy.wait() for copy in crew[:3]], crew[3].poll(), "CETERIS_STORAGE" in os.environ)
        crew[3].send_signal({int(signal.SIGTERM)})
        print(crew[3].wait())
        crew[3].kill()
    """
    out, _ = launcher(body, encoding="cp949").communicate(timeout=60)
    assert out.splitlines() == ["[0, 7, 1] None False", "-15"]
    assert (tmp_path / "work").read_text(encoding="utf-8") == "['work', '--device', 'cpu'] secret 한글\n"
    assert "ValueError: broken" in (tmp_path / "break").read_text(encoding="utf-8")


@ON_LINUX
def test_waiting_longer_than_asked_is_told_as_by_any_process(tmp_path: Path) -> None:
    body = f"""
        import subprocess
        from pathlib import Path
        copy, spare = copies(2, program)
        copy.begin(["sleep"], {{"CETERIS_STORAGE": "-"}}, Path({str(tmp_path / "log")!r}))
        try:
            copy.wait(0.1)
        except subprocess.TimeoutExpired:
            print("still there")
        spare.dismiss()
        print(spare.poll())
    """
    out, _ = launcher(body).communicate(timeout=60)
    assert out.splitlines() == ["still there", "0"]


@ON_LINUX
def test_no_copy_that_waits_outlives_a_launcher_that_was_killed() -> None:
    process = launcher("print(*(copy.pid for copy in copies(3, program)), flush=True); time.sleep(100)")
    assert process.stdout is not None
    crew = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
    assert len(crew) == 3
    wait_until(lambda: all(copy.is_running() and copy.name() == "ceteris-worker" for copy in crew), 30)
    process.kill()
    process.wait()
    wait_until(lambda: not any(alive(copy) for copy in crew), 30)


@ON_LINUX
def test_a_copy_that_was_killed_while_it_waited_is_told_when_it_begins(tmp_path: Path) -> None:
    body = f"""
        import signal
        from pathlib import Path
        (copy,) = copies(1, program)
        copy.send_signal(signal.SIGKILL)
        print(copy.wait())
        copy.begin(["work"], {{}}, Path({str(tmp_path / "log")!r}))
        print(copy.poll())
    """
    out, _ = launcher(body).communicate(timeout=60)
    assert out.splitlines() == ["-9", "-9"]


@ON_LINUX
def test_a_process_with_threads_is_not_copied() -> None:
    body = """
        import threading
        threading.Thread(target=time.sleep, args=(1,)).start()
        print(copies(2, program))
    """
    assert launcher(body).communicate(timeout=60)[0] == "[]\n"


@ON_LINUX
def test_a_launch_begins_again_once_in_the_surroundings_of_its_workers_and_keeps_what_a_user_tuned() -> None:
    code = "import os; from search import surroundings; surroundings.enter(); print(os.getpid(), dict(os.environ))"
    given = {"PATH": os.environ["PATH"], "GLIBC_TUNABLES": "glibc.malloc.arena_max=2", "OMP_NUM_THREADS": "8"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=given, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    out, _ = process.communicate(timeout=60)
    pid, _, environment = out.partition(" ")
    assert int(pid) == process.pid
    assert "'GLIBC_TUNABLES': 'glibc.malloc.arena_max=2'" in environment
    assert all(f"{name!r}: {value!r}" in environment for name, value in surroundings.WANTED.items())


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_elsewhere_no_process_is_copied_and_none_begins_again(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv(surroundings.ENTERED, raising=False)
    assert copies(4, lambda: None) == []
    surroundings.enter()  # comes back: this process is still the one it was


def test_where_there_is_no_copy_a_worker_is_a_python_of_its_own(tmp_path: Path) -> None:
    words = ["--name", "none", "--folder", str(tmp_path)]
    fleet = Fleet(words, {"CETERIS_STORAGE": f"sqlite:///{(tmp_path / 'no.db').as_posix()}"}, tmp_path)
    fleet.start(["cpu"])
    (seat,) = fleet.seats
    assert isinstance(seat.process, subprocess.Popen)
    assert seat.process.wait(60) == 2
    assert "no study is called 'none'" in fleet.log_of(seat).read_text(encoding="utf-8")


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
