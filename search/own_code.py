"""`custom:my_losses.py:MyLoss` on a command line: which file that is, and what stands in the recipe for it."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from search.edge import UserError
from spaces.overrides import parsed

LARGEST = 1_000_000  # bytes of a file of code: it is kept with the study
_CUSTOM = re.compile(r"custom:(?P<file>.+?\.py):(?P<name>[A-Za-z_]\w*)(\((?P<settings>.*)\))?", re.DOTALL)
_PRINTED = re.compile(r"custom:(?P<file>[^:]+\.py):[A-Za-z_]\w*@(?P<digest>[0-9a-f]{64})")


class StoredCode(BaseModel):
    """A file of somebody's own code, as kept with a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    file: str
    digest: str
    text: str


@dataclass
class OwnCode:
    """Finds the files that a command line names. `found` grows: sha256 -> file on this machine."""

    given: tuple[Path, ...]
    stored: Mapping[str, StoredCode] = field(default_factory=dict)  # by file name: trusted, but only where none is here
    folder: Path | None = None  # where stored code is written before it runs
    found: dict[str, Path] = field(default_factory=dict)

    def expand(self, path: str, value: Any) -> Any:
        """`value`, to be set at `path`, with every `custom:…` text in it replaced by what a recipe holds.

        Raises `UserError` when the file cannot be had or the text cannot be understood.
        """
        if isinstance(value, list):
            return [self.expand(path, item) for item in value]
        if isinstance(value, dict) and value.get("kind") == "custom" and "digest" in value:
            self._same(Path(str(value.get("file"))), str(value["digest"]), f"custom:{value.get('file')}")
            return value
        if isinstance(value, dict):
            return {key: self.expand(path, item) for key, item in value.items()}
        if not isinstance(value, str) or not value.startswith("custom:"):
            return value
        if printed := _PRINTED.fullmatch(value):  # as a launch line has it that was printed for joining
            self._same(Path(printed["file"]), printed["digest"], value.partition("@")[0])
            return value
        match = _CUSTOM.fullmatch(value)
        if match is None:
            raise UserError(f"{value!r} is not custom:FILE.py:NAME; write for example custom:my_losses.py:MyLoss")
        place = Path(match["file"])
        digest = self._digest(place, value)
        if path.endswith("backbone"):
            if match["settings"]:
                raise UserError(f"{value!r}: a backbone takes no settings; write custom:{place.name}:{match['name']}")
            return f"custom:{place.name}:{match['name']}@{digest}"
        settings = _settings(match["settings"] or "", value)
        return {"kind": "custom", "file": place.name, "name": match["name"], "digest": digest, "settings": settings}

    def setting(self, setting: str, path: str = "") -> str:
        """`path=value` with the user's own code in the value found and known by its digest."""
        where, equals, text = setting.partition("=")
        value = parsed(text.strip())
        known = self.expand(path or where.strip(), value)
        return setting if known == value else f"{where}{equals}{json.dumps(known)}"

    def texts(self) -> tuple[StoredCode, ...]:
        """What was found, to be kept with a study."""
        return tuple(
            StoredCode(file=place.name, digest=digest, text=place.read_bytes().decode("utf-8"))
            for digest, place in self.found.items()
        )

    def _same(self, place: Path, digest: str, asked: str) -> None:
        found = self._digest(place, asked)
        if found != digest:
            raise UserError(
                f"{asked}: the file {self.found[found]} is not the one asked for (sha256 {found[:12]}..., wanted is "
                f"{digest[:12]}...); give the same file with --code FILE"
            )

    def _digest(self, place: Path, asked: str) -> str:
        # A path that names a folder means that file; a bare name one that was given, or else one that lies here.
        named = [] if len(place.parts) > 1 else [path for path in self.given if path.name == place.name]
        here = [path for path in (*named, place) if path.is_file()]
        if here:
            content = _content(here[0])
            place = here[0].resolve()
        elif place.name in self.stored and self.folder is not None:
            stored = self.stored[place.name]
            content = stored.text.encode("utf-8")
            place = self.folder / stored.digest[:12] / stored.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        else:
            raise UserError(
                f"{asked}: there is no file {place} here; give it with --code FILE, "
                "or run the code that is kept with the study, if you trust who started it: --trust-code"
            )
        digest = hashlib.sha256(content).hexdigest()
        self.found[digest] = place
        return digest


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
        content.decode("utf-8")
    except OSError as error:
        raise UserError(f"cannot read {file} ({error.strerror}); give a Python file") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8 text; save it as UTF-8") from None
    if len(content) > LARGEST:
        raise UserError(f"{file} has {len(content):,} bytes, at most {LARGEST:,} are kept with a study; split it")
    return content


def _settings(text: str, asked: str) -> dict[str, Any]:
    """`gamma=2, mode=fast` as a dictionary: JSON values, else plain text."""
    settings: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not value or not key.isidentifier():
            raise UserError(
                f"{asked}: {part!r} is not name=value; write for example custom:my_losses.py:MyLoss(gamma=2)"
            )
        try:
            settings[key] = json.loads(value)
        except json.JSONDecodeError:
            settings[key] = value
    return settings
