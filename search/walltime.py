"""The time a batch system gives a job: nothing is begun in it that cannot end in it.

`CETERIS_ENDS_AT`, in seconds since 1970 by the clock of the host, is when a worker has to be gone.
"""

import logging
import math
import time

from search import deadline
from search.leaving import Leaving
from search.study import Study

log = logging.getLogger("ceteris.worker")


def heed(study: Study, leaving: Leaving, began_at: float) -> None:
    """Let this worker go when a run does not fit into what is left of its time."""
    if math.isinf(leaving.ends_at) or leaving.soon():
        return
    left = leaving.ends_at - time.time()
    if left < (needs := needed(deadline.run_seconds(study), leaving.ends_at - began_at)):
        log.info("%.0f s are left here and a run wants %.0f: this worker leaves", left, needs)
        leaving.no_time()


def needed(run: float | None, whole: float) -> float:
    """Seconds without which no run is begun: those of a run, as the pilot has measured them.

    But half of the whole time is always enough: where a run is longer than a job, it goes from checkpoint to checkpoint
    through several. Before the pilot has measured anything every moment will do.
    """
    return 0.0 if run is None else min(run, whole / 2)
