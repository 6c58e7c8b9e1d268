"""From the command line to the definition that is asked, and the line that would ask it again."""

import difflib
import hashlib
import json
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from search.edge import UserError
from spaces.catalog import DEFINITIONS, definition_named
from spaces.overrides import override, settings_between
from spaces.study import StudyDefinition

BUILT_IN_DATA = ("digits",)


def known_study(name: str | None) -> str:
    """`name` if it is a study definition. Raises one line naming what there is."""
    if name is None:
        raise UserError(f"say which study: --study {' or --study '.join(sorted(DEFINITIONS))}")
    return definition_named(name).name


@dataclass(frozen=True)
class Request:
    """What a launch was asked for, as given on the command line, in the environment or in the settings files."""

    definition_name: str
    settings: tuple[str, ...]
    name: str | None
    data: str
    storage: str | None
    runs: Path
    backbone: str | None
    weights: Path | None
    seed: int | None
    trials: int | None
    workers: int | None
    device: str
    quiet: bool
    wait_for_db: float
    checkpoint_every: float
    lease_seconds: float

    @property
    def study_name(self) -> str:
        return self.name or default_name(self.definition_name, self.data)

    def asked(self) -> StudyDefinition:
        """The definition with all settings applied. Raises one-line errors; does not ask timm for the backbone."""
        definition = definition_named(self.definition_name)
        short: list[str] = []
        if self.backbone:
            short.append(f"baseline.backbone={json.dumps(self.backbone)}")
        if self.weights:
            short.append(f"baseline.weights=sha256:{digest_of(self.weights)}")
        if self.seed is not None:
            short.append(f"seed={self.seed}")
        if self.trials is not None:
            short += [f"stages.{stage.name}.trials={self.trials}" for stage in definition.stages]
        return override(definition, (*short, *self.settings))


def check_backbone(name: str) -> str:
    """`name` if timm knows it. Raises `UserError` with the nearest names."""
    import timm

    if timm.is_model(name):
        return name
    near = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.5)
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else 'python -c "import timm; print(timm.list_models())" lists them'
    )
    raise UserError(f"timm has no backbone called {name!r}; {hint}")


def digest_of(file: Path) -> str:
    """sha256 of a weights file. Raises `UserError` when it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"cannot read the weights file {file} ({error.strerror}); give a .safetensors or .pth file"
        ) from None


def default_name(study: str, data: str) -> str:
    """`lr_aug` on built-in data, `lr_aug-<data>` on one's own."""
    from storage.names import study_name_from

    if data in BUILT_IN_DATA:
        return study
    try:
        folder = Path(data).expanduser().resolve()
    except (RuntimeError, OSError, ValueError):  # no such home, no such path: the data room says it better
        folder = Path(data)
    return study_name_from(f"{study}-{folder.name}")


def check_weights(definition: StudyDefinition, weights: Path | None) -> None:
    """Raises `UserError` when the definition starts from a local file and that file is not at hand."""
    wanted = definition.baseline.weights
    if wanted and wanted.startswith("sha256:") and weights is None:
        raise UserError(f"this study starts from a local weights file ({wanted[:19]}...); give it with --weights FILE")


def launch_line(definition: StudyDefinition, name: str, data: str) -> str:
    """The launch command that asks for `definition`. The storage URL is left out: it may hold a password."""
    words = ["--study", definition.name]
    if name != default_name(definition.name, data):
        words += ["--name", name]
    if data not in BUILT_IN_DATA:
        words += ["--data", data]
    base = DEFINITIONS.get(definition.name)
    for setting in settings_between(base, definition) if base else ():
        words += ["--weights", "FILE"] if setting.startswith("baseline.weights=sha256:") else ["--set", setting]
    quoted = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    return f"python -m search.launch {quoted}"
