"""Two clones on two servers, joined as docs/several_servers.md says, come to what one server comes to."""

import subprocess
import sys

import pytest

from tests.search.commands import ROOT


@pytest.mark.servers
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", ["network", "ssh"])
def test_two_servers_that_joined_as_documented_answer_as_one_alone(way: str) -> None:
    words = [sys.executable, "-m", "benchmarks.two_servers", "--way", way]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nholds  ") == 9
