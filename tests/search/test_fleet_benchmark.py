"""The benchmark of many workers does what it says: real workers, one connection each, all of them gone in the end."""

import os
from pathlib import Path

import pytest

from benchmarks.fleet.measured import Measured, Point, misses, percentile, row
from benchmarks.fleet.run import points, studies_measured

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows cannot copy a process that has loaded everything")


def test_workers_that_only_sleep_are_counted_direct_and_through_a_pooler(tmp_path: Path) -> None:
    wanted = points([2], [30], "both", 0.1)
    found = list(studies_measured(wanted, 1.5, tmp_path))
    assert [each.point for each in found] == wanted
    for number, each in enumerate(found):
        assert 0 < each.epochs <= 1.2 * each.point.ideal * each.seconds
        assert each.claims
        assert each.most_of_a_worker == 1
        assert 1 <= each.of_the_server <= 2 + each.point.pooled
        assert row(each).count("|") == row(found[0]).count("|")
        logs = [log.read_text(encoding="utf-8") for log in sorted((tmp_path / str(number)).glob("worker-*.log"))]
        assert len(logs) == 2
        assert not any("Traceback" in log for log in logs)


def test_what_is_promised_and_missed_is_named() -> None:
    point = Point(100, 0, True, 2.0)
    good = Measured(point, 60.0, 2900, (0.02,) * 99 + (0.5,), 1, 20, 10.0, 5.0, 0.1)
    assert misses(good) == []
    assert percentile(good.claims, 0.95) == 0.02
    bad = Measured(point, 60.0, 2000, (0.2,) * 100, 2, 21, 10.0, 5.0, 0.1)
    assert len(misses(bad)) == 4
