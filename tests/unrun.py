"""pytest plugin: what cannot run here is skipped with its reason, and the last line of the run counts it by reason:
`118 passed, 2 not run here: gpu (no CUDA device) in 31.40s`.
With CI set, a `browser` test that cannot run fails instead.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

MUST_RUN_IN_CI = frozenset({"browser"})
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


def no_gpu() -> str | None:
    import torch

    return None if torch.cuda.is_available() else "no CUDA device"


def no_browser() -> str | None:
    named = os.environ.get("CETERIS_TEST_BROWSER")
    if named:
        return None if shutil.which(named) else f"CETERIS_TEST_BROWSER={named} is no program"
    found = any(shutil.which(name) for name in BROWSERS)
    return None if found else "no Chromium; CETERIS_TEST_BROWSER names one"


def no_netns() -> str | None:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return "needs Linux with unshare"
    tried = subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"], capture_output=True, timeout=10)
    return None if tried.returncode == 0 else "may not make a network namespace"


def no_slurm() -> str | None:
    if any(shutil.which(name) is None for name in ("slurmctld", "slurmd", "munged", "sbatch")):
        return "no slurmctld, slurmd and munged"
    if os.geteuid():
        return "only root may start a slurmd"
    return None if os.environ.get("CETERIS_TEST_SLURM") else "takes minutes; CETERIS_TEST_SLURM=1 runs it"


def no_servers() -> str | None:
    if sys.platform != "linux" or shutil.which("ip") is None or os.geteuid():
        return "needs Linux, ip and root"
    return None if os.environ.get("CETERIS_TEST_SERVERS") else "takes minutes; CETERIS_TEST_SERVERS=1 runs it"


PROBES: dict[str, Callable[[], str | None]] = {
    "gpu": no_gpu,
    "browser": no_browser,
    "netns": no_netns,
    "servers": no_servers,
    "slurm": no_slurm,
}


@functools.cache
def lacking(marker: str) -> str | None:
    """Why tests with this marker cannot run on this machine, or None; asked once per process, if one is met."""
    return PROBES[marker]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in PROBES:
        if item.get_closest_marker(marker) is None or (reason := lacking(marker)) is None:
            continue
        if marker in MUST_RUN_IN_CI and os.environ.get("CI"):
            pytest.fail(f"{marker} tests must run in CI: {reason}", pytrace=False)
        pytest.skip(f"{marker} ({reason})")


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, str] | None:
    """Counts a skipped test under its reason, which pytest's own last line then names."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return None
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"not run here: {reason.removeprefix('Skipped: ')}", "s", "NOT RUN"
