"""The environment a process trains in on a CPU: one thread, and an allocator that keeps its memory, in huge pages.

The allocator reads it at the start of a process only. So a launch, whose workers may be copies of it, begins in it.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence

WANTED = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",  # bf16 on Intel's AMX ends in NaN with torch 2.11 (docs/LOG.md)
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32 - 1),
}
HUGE_PAGES = "glibc.malloc.hugetlb=1"  # steps of resnet18 at 64 px: 333 and 336 ms instead of 347 and 352 (docs/LOG.md)
_PASSWORD = re.compile(r"://[^/@]*:[^/]*@|[?&](ssl)?password=")
ENTERED = "CETERIS_SURROUNDINGS"  # set once: a site that sets such variables at every start must not make it go round


def surroundings(given: Mapping[str, str]) -> dict[str, str]:
    """`given` with what training wants."""
    return {**given, **WANTED, "GLIBC_TUNABLES": given.get("GLIBC_TUNABLES") or HUGE_PAGES}


def enter() -> None:
    """On Linux this process becomes the same command in these surroundings, once; takes some 20 ms."""
    if sys.platform == "linux" and sys.executable and ENTERED not in os.environ:
        words, secret = without_password(sys.orig_argv[1:])
        wanted = surroundings(os.environ) | {ENTERED: "1"} | secret
        os.execve(sys.executable, [sys.executable, *words], wanted)


def without_password(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """A command line without a storage URL that holds a password, and the environment that gives it instead.

    A process list shows command lines to everybody on the machine, the environment to oneself.
    """
    kept: list[str] = []
    secret: dict[str, str] = {}
    following = iter(words)
    for word in following:
        value = next(following, "") if word == "--storage" else word.removeprefix("--storage=")
        if word.startswith("--storage") and _PASSWORD.search(value):
            secret["CETERIS_STORAGE"] = value
        else:
            kept += [word, value] if word == "--storage" else [word]
    return kept, secret
