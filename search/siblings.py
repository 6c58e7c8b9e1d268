"""`search`, `spaces`, `storage`, `trainer` are common folder names: make sure that those beside this file are meant."""

import importlib.util
import sys
from pathlib import Path

PACKAGES = ("search", "spaces", "storage", "trainer")


class WrongPackage(Exception):
    """Another folder's package would run in place of ours; the message, one line, names it."""


def check() -> None:
    """Raise `WrongPackage` when an import would not give the packages beside this file; imports none of them.

    To be called before the first import of another package.
    """
    home = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        found = _location(name)
        if found is not None and _same(found, home / name):
            continue
        place = f"would be {found}" if found else "is not on Python's path"
        blame = f', and take "{found.parent}" off PYTHONPATH' if found else ""
        raise WrongPackage(
            f'the package "{name}" {place}, not {home / name}: go to the folder of ceteris (cd "{home}"){blame}'
        )


def _location(name: str) -> Path | None:
    """The folder or file that `import name` reads, found without importing it."""
    spec = getattr(sys.modules.get(name), "__spec__", None) or importlib.util.find_spec(name)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(spec.origin or "").resolve()


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
