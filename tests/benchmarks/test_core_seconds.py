"""What a command costs is what all its descendants cost, whether anybody waits for them or not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rounds import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descendants are followed on Linux only")

BURN = "import time\nwhile time.process_time() < 1.0: pass"
WAITS = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])"
FORSAKES = f"""import signal, subprocess, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries its children, and nobody hears what they cost
child = subprocess.Popen([sys.executable, '-c', {BURN!r}])
while child.poll() is None: time.sleep(0.01)
"""
LEAVES = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {BURN!r}])"


def cost(text: str, folder: Path) -> dict[str, float]:
    report = folder / "report.json"
    command = [sys.executable, "-m", "benchmarks.core_seconds", str(report), sys.executable, "-c", text]
    subprocess.run(command, cwd=ROOT, check=True)
    return json.loads(report.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", [BURN, WAITS, FORSAKES, LEAVES], ids=["itself", "waited for", "forsaken", "orphaned"])
def test_a_second_of_a_descendant_is_counted(text: str, tmp_path: Path) -> None:
    found = cost(text, tmp_path)
    assert 0.7 < found["cores"] < 3.0, "the last look may be a fifth of a second old"
    assert found["code"] == 0


def test_the_exit_code_of_the_command_is_reported(tmp_path: Path) -> None:
    assert cost("raise SystemExit(3)", tmp_path)["code"] == 3
