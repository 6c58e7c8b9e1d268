"""One thing that must hold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    name: str
    found: str
    holds: bool
