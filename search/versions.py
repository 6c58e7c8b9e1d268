"""The library versions that matter when runs are compared: those that train, cut, score and decode."""

from collections.abc import Mapping
from importlib.metadata import version

LIBRARIES = ("torch", "timm", "torchmetrics", "numpy", "scikit-learn", "pillow", "optuna")


def versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


def other_versions(created_with: Mapping[str, str]) -> str | None:
    """What differs here from where a study was created, in one line; None if nothing does."""
    here = versions()
    other = [name for name, then in created_with.items() if here.get(name, then) != then]
    if not other:
        return None
    words = ", ".join(f"{name} {here[name]}, there {created_with[name]}" for name in other)
    return f"other libraries here than where the study began, so that runs agree within noise only: {words}"


def other_arithmetic(created_with: Mapping[str, str]) -> str | None:
    """Whose runs are never ranked, pruned or averaged with those made here: torch or timm of another minor release."""
    here = versions()
    other = [
        name for name in ("torch", "timm") if name in created_with and _minor(created_with[name]) != _minor(here[name])
    ]
    return ", ".join(f"{name} {created_with[name]} there, {here[name]} here" for name in other) or None


def _minor(release: str) -> list[str]:
    return release.partition("+")[0].split(".")[:2]
