"""The environment a process trains in on a CPU: one thread, and an allocator that keeps its memory, in huge pages.

The allocator reads it at the start of a process only. So a launch, whose workers may be copies of it, begins in it.
"""

import os
import sys
from collections.abc import Mapping

WANTED = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32 - 1),
}
# Steps of resnet18 at 64 px took 333 and 336 ms instead of 347 and 352 (docs/LOG.md).
ENTERED = "CETERIS_SURROUNDINGS"
HUGE_PAGES = "glibc.malloc.hugetlb=1"


def surroundings(given: Mapping[str, str]) -> dict[str, str]:
    """`given` with what training wants."""
    return {**given, **WANTED, "GLIBC_TUNABLES": given.get("GLIBC_TUNABLES") or HUGE_PAGES}


def enter() -> None:
    """On Linux this process becomes the same command in these surroundings, if it is not in them; takes some 20 ms."""
    wanted = surroundings(os.environ) | {ENTERED: "1"}
    if ENTERED in os.environ:  # a site that sets such variables at every start must not make this go round
        return
    if sys.platform == "linux" and sys.executable and wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)
