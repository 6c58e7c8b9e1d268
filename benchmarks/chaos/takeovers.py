"""What takeovers cost, and how soon they came."""

import statistics
import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.chaos import journal
from benchmarks.chaos.check import Check
from benchmarks.chaos.crew import Crew
from benchmarks.chaos.faults import Faults
from search.study import Study
from storage.rows import RunRow


def redone(study: Study, crew: Crew, faults: Faults, trained: list[RunRow]) -> Iterator[Check]:
    """Every epoch is saved here. A takeover costs an epoch that was not saved, and the one that was being told of.

    A trial that lived while a database was away or a disk full may have to begin again: nobody was told of its
    checkpoints. Those are counted apart.
    """
    begun = journal.read(crew.job.journal)
    skew = study.store.now() - time.time()
    away = [(start + skew - 1.0, end + skew + 1.0) for start, end in (*faults.outages, *faults.partial)]
    times: dict[int, list[float]] = {}
    for attempt in study.store.attempts(study.study_id):
        times.setdefault(attempt.trial_id, []).append(attempt.began_at)
    calm, rough = Counter(), Counter()
    for row in trained:
        twice = begun[row.signature, row.replicate] - row.epochs
        known = times.get(row.trial_id, [])
        # An attempt that was lost before it was told of began at most so long before the next.
        first = min(known) - (0.0 if len(known) >= row.attempt else crew.job.lease_seconds + 10.0) if known else 0.0
        counted = rough if any(start < max(known, default=0.0) and end > first for start, end in away) else calm
        counted["redone"] += twice
        counted["takeovers"] += row.attempt - 1
        counted["allowed"] += (row.attempt - 1) * (2 if counted is calm else row.epochs)
    words = f"{calm['redone']}; {calm['takeovers']} takeovers, two each are {calm['allowed']}"
    yield Check("epochs trained again without an outage", words, calm["redone"] <= calm["allowed"])
    every = calm + rough
    words = f"{every['redone']} of {sum(begun.values())}; {every['takeovers']} takeovers, two each are"
    words += f" {2 * every['takeovers']}, with what outages excuse {every['allowed']}"
    yield Check("epochs trained again", words, every["redone"] <= every["allowed"])


def taken_over(study: Study, crew: Crew, faults: Faults, judged: bool) -> Iterator[Check]:
    """From the kill of a worker with a trial to the next attempt at that trial.

    An outage on the way gives a lease and five seconds after its end. An heir that died itself before it was told of
    cannot be seen: those are left out. Who trains for real may be busy for longer, on a machine that has more to do:
    told, not judged.
    """
    attempts = study.store.attempts(study.study_id)
    lease, limit = crew.job.lease_seconds, crew.job.lease_seconds + 5.0
    skew = study.store.now() - time.time()
    calm, rough, late = [], [], []
    for pid, at in faults.kills:
        mine = [a for a in attempts if f"-{pid}-" in a.worker]
        heirs = [a for a in attempts if mine and (a.trial_id, a.token) == (mine[-1].trial_id, mine[-1].token + 1)]
        if not heirs:
            continue
        taken, until = heirs[0].began_at - skew, at + limit
        if taken < at:  # it had slept past its lease
            continue
        for start, end in sorted(faults.outages):
            if start < until and end > at - lease:
                until = max(until, end + limit)
        (calm if until == at + limit else rough).append(taken - at)
        if taken > until:
            late.append(taken - until)
    for name, delays in (("without an outage", calm), ("through outages", rough)):
        if delays:
            words = f"{len(delays)}, after {statistics.median(delays):.1f} s, at most {max(delays):.1f} s"
            yield Check(f"deaths taken over {name} (lease {lease:g} s)", words, True)
    words = f"{len(late)} of {len(calm + rough)}" + (f", by {max(late):.1f} s" if late else "")
    yield Check("deaths taken over later than lease + 5 s after death or outage", words, not late or not judged)
