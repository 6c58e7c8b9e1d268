"""What several studies will cost that share their workers: when each is answered, and how many workers are useful."""

import datetime
import heapq
from collections.abc import Sequence

from search.plan import USEFUL, Plan, moment
from search.progress import clock


def answered_after(plans: Sequence[Plan], workers: int) -> list[float]:
    """Seconds until each study is answered, in their order, when a free worker takes the next run of the first study
    that has one and no run is shortened. Of one study it is the plan's own time.
    """
    waves = [plan.waves() for plan in plans]
    wave, begun, ended = [0] * len(plans), [0] * len(plans), [0] * len(plans)
    over, running, free, now = [0.0] * len(plans), [], workers, 0.0
    while True:
        for study, counts in enumerate(waves):
            while free and wave[study] < len(counts) and begun[study] < counts[wave[study]]:
                heapq.heappush(running, (now + plans[study].seconds_per_run, study))
                begun[study] += 1
                free -= 1
        if not running:
            return over
        now, study = heapq.heappop(running)
        free += 1
        ended[study] += 1
        over[study] = now
        if ended[study] == waves[study][wave[study]]:
            wave[study], begun[study], ended[study] = wave[study] + 1, 0, 0


def useful_workers(plans: Sequence[Plan]) -> int:
    """How many workers still make the last answer come sooner: more would save less than a tenth of the time."""
    most = sum(max(plan.runs.values()) for plan in plans)
    least = max(answered_after(plans, most))
    return next(n for n in range(1, most + 1) if max(answered_after(plans, n)) <= USEFUL * least)


def lines(names: Sequence[str], plans: Sequence[Plan]) -> list[str]:
    workers = len(plans[0].devices)
    seconds, now = answered_after(plans, workers), datetime.datetime.now().astimezone()
    ends = [f"{name} by {moment(now + datetime.timedelta(seconds=s))}" for name, s in zip(names, seconds, strict=True)]
    total, count = sum(plan.total for plan in plans), f"{workers} worker{'s' if workers != 1 else ''}"
    return [
        f"together at most {total} runs, about {clock(max(seconds))} on {count} that serve the first that has work",
        f"the answers at the latest: {', '.join(ends)}; up to {useful_workers(plans)} workers make it faster",
    ]
