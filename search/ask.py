"""From the command line to the definition that is asked, and the line that would ask it again."""

import difflib
import hashlib
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from search.edge import UserError
from search.own_code import OwnCode, StoredCode
from spaces.catalog import DEFINITIONS, definition_named
from spaces.overrides import BadOverride, also_try, override, settings_between
from spaces.study import StudyDefinition

BUILT_IN_DATA = ("digits", "faces")
DEFAULT_DATA = "digits"
DATA_SUFFIXES = (".csv", ".npz", ".gz")


def known_study(name: str | None) -> str:
    """`name` if it is a study definition. Raises one line naming what there is."""
    if name is None:
        raise UserError(f"say which study: --study lr_aug, or another of {', '.join(sorted(DEFINITIONS))}")
    return definition_named(name).name


@dataclass(frozen=True)
class Request:
    """What a launch was asked for, as given on the command line, in the environment or in the settings files."""

    definition_name: str
    settings: tuple[str, ...]
    tries: tuple[str, ...]
    name: str | None
    data: str
    label: str | None
    group: str | None
    target: str | None
    follow_links: bool
    skip_broken: bool
    cache: Path | None
    storage: str | None = field(repr=False)
    runs: Path
    backbone: str | None
    weights: Path | None
    code: tuple[Path, ...]
    trust_code: bool
    metric: str | None
    seed: int | None
    trials: int | None
    decide: str | None
    min_gain: float | None
    quick: bool
    ablation: bool
    hours: float | None
    speculate: str
    workers: int | None
    device: str
    fleet: str | None
    quiet: bool
    wait_for_db: float
    db_patience: float
    checkpoint_every: float
    checkpoints: str | None
    weights_in_db: float
    lease_seconds: float
    wandb: Literal["off", "offline", "online"] | None
    wandb_layout: Literal["pair", "single"]
    wandb_project: str
    share_images: bool
    idle_exit: float | None
    resume: bool

    @property
    def study_name(self) -> str:
        return self.name or default_name(self.definition_name, self.data, self.target)

    @cached_property
    def own_code(self) -> OwnCode:
        """What finds the user's own code; with --trust-code also that which is kept with the study."""
        stored = trusted_code(self) if self.trust_code else {}
        return OwnCode(self.code, stored, self.runs / "code")

    @cached_property
    def files(self) -> dict[str, Path]:
        """sha256 -> file: weights and code."""
        self.asked()
        weights = {digest_of(self.weights): self.weights} if self.weights else {}
        return {**weights, **self.own_code.found}

    def asked(self) -> StudyDefinition:
        """The definition with all settings applied. Raises one-line errors; does not ask timm for the backbone."""
        definition = definition_named(self.definition_name)
        short: list[str] = []
        if self.backbone:
            short.append(f"baseline.backbone={self.backbone}")
        if self.weights:
            short.append(f"baseline.weights=sha256:{digest_of(self.weights)}")
        if self.metric:
            short.append(f"baseline.metric={self.metric}")
        if self.seed is not None:
            short.append(f"seed={self.seed}")
        if self.decide:
            short.append(f"decide={self.decide}")
        if self.min_gain is not None:
            short.append(f"min_gain={self.min_gain}")
        if self.trials is not None:
            short += [f"stages.{stage.name}.trials={self.trials}" for stage in definition.stages]
        return changed(definition, (*short, *self.settings), self.tries, self.own_code)


def changed(
    definition: StudyDefinition, settings: tuple[str, ...], tries: tuple[str, ...], own: OwnCode
) -> StudyDefinition:
    """`definition` with every `--set path=value` and `--try factor=value` applied. Raises one-line errors."""
    definition = override(definition, tuple(own.setting(setting) for setting in settings))
    for given in tries:
        factor, equals, _ = given.partition("=")
        if not equals:
            raise BadOverride(f"--try {given!r} is not factor=value; write for example --try loss=focal")
        definition = also_try(definition, own.setting(given, factor.strip()))
    return definition


def trusted_code(request: Request) -> dict[str, StoredCode]:
    """The code kept with the study that is to be joined, by file name; none if there is no such study yet."""
    from search.options import storage_url
    from search.records import Resolved
    from storage.store import Store

    store = Store.connect(storage_url(request.storage, request.runs), wait=request.wait_for_db)
    try:
        manifest = store.manifest(request.study_name)
        return {code.file: code for code in Resolved.model_validate_json(manifest.resolved).code} if manifest else {}
    finally:
        store.close()


def check_backbone(name: str) -> str:
    """`name` if timm knows it. Raises `UserError` with the nearest names."""
    from trainer.timm_import import timm

    if timm.is_model(name) or name.startswith("custom:"):
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


def default_name(study: str, data: str, target: str | None = None) -> str:
    """`lr_aug` on the digits, `lr_aug-<data>` on other data, `lr_aug-<data>-<target>` for one part of a label."""
    from storage.names import study_name_from

    ending = f"-{target}" if target else ""
    if data == DEFAULT_DATA:
        return study_name_from(study + ending) if ending else study
    if data in BUILT_IN_DATA:
        return study_name_from(f"{study}-{data}{ending}")
    try:
        folder = Path(data).expanduser().resolve()
    except (RuntimeError, OSError, ValueError):  # no such home, no such path: the data room says it better
        folder = Path(data)
    is_file, plain = folder.suffix.lower() in DATA_SUFFIXES, folder.stem not in BUILT_IN_DATA
    return study_name_from(f"{study}-{folder.stem if is_file and plain else folder.name}{ending}")


def check_weights(definition: StudyDefinition, weights: Path | None) -> None:
    """Raises `UserError` when the definition starts from a local file and that file is not at hand."""
    wanted = definition.baseline.weights
    if wanted and wanted.startswith("sha256:") and weights is None:
        raise UserError(f"this study starts from a local weights file ({wanted[:19]}...); give it with --weights FILE")


def launch_line(
    definition: StudyDefinition, name: str, data: str, data_words: Sequence[str] = (), target: str | None = None
) -> str:
    """The launch command that asks for `definition`. The storage URL is left out: it may hold a password."""
    words = ["--study", definition.name]
    if name != default_name(definition.name, data, target):
        words += ["--name", name]
    if data != DEFAULT_DATA:
        words += ["--data", data]
    words += data_words
    base = DEFINITIONS.get(definition.name)
    for setting in settings_between(base, definition) if base else ():
        words += ["--weights", "FILE"] if setting.startswith("baseline.weights=sha256:") else ["--set", setting]
    quoted = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    return f"python -m search.launch {quoted}"
