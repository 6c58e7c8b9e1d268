"""Where defaults come from.

Precedence: the command line, then `CETERIS_…` in the environment, then `ceteris.local.toml` (machine paths, not
tracked), then `ceteris.toml` (tracked with the project), then the built-in default.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Any

from search.edge import UserError

FILES = ("ceteris.toml", "ceteris.local.toml")
KEYS = (
    *("label", "group", "target", "follow-links", "skip-broken", "cache", "metric"),
    *("data", "storage", "runs", "backbone", "weights", "seed", "trials", "workers", "device", "fleet", "quiet"),
    *("wait-for-db", "checkpoint-every", "checkpoints", "weights-in-db", "idle-exit", "via"),
)


def read_files(folder: Path) -> dict[str, Any]:
    """The merged settings files of `folder`, by parameter name. Raises `UserError` (not TOML, or no such key)."""
    merged: dict[str, Any] = {}
    for name in FILES:
        path = folder / name
        if not path.is_file():
            continue
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f'{name} is not TOML ({error}); write lines such as data = "photos"') from None
        for key in found:
            if key not in KEYS:
                near = difflib.get_close_matches(key, KEYS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there is: {', '.join(KEYS)}"
                raise UserError(f"{name} has no setting {key!r}; {hint}")
        merged |= found
    return {key.replace("-", "_"): value for key, value in merged.items()}
