"""From the command line to the definition that is asked, and the line that would ask it again."""

import difflib
import hashlib
import shlex
from pathlib import Path

from search.edge import UserError
from spaces.catalog import DEFINITIONS, definition_named
from spaces.overrides import override, settings_between
from spaces.study import StudyDefinition

BUILT_IN_DATA = ("digits",)


def asked_definition(study: str, settings: tuple[str, ...]) -> StudyDefinition:
    """The named definition with the settings applied. Raises one-line errors for an unknown study or setting."""
    return override(definition_named(study), settings)


def shorthand_settings(
    backbone: str | None, weights: Path | None, seed: int | None, trials: int | None, study: str
) -> tuple[str, ...]:
    """The `--set` form of the options that stand for a field."""
    settings: list[str] = []
    if backbone:
        settings.append(f"baseline.backbone={check_backbone(backbone)}")
    if weights:
        settings.append(f"baseline.weights=sha256:{digest_of(weights)}")
    if seed is not None:
        settings.append(f"seed={seed}")
    if trials is not None:
        settings += [f"stages.{stage.name}.trials={trials}" for stage in definition_named(study).stages]
    return tuple(settings)


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
    return study_name_from(f"{study}-{Path(data).expanduser().resolve().name}")


def launch_line(definition: StudyDefinition, name: str, data: str) -> str:
    """The launch command that asks for `definition`. The storage URL is left out: it may hold a password."""
    words = ["--study", definition.name]
    if name != default_name(definition.name, data):
        words += ["--name", name]
    if data not in BUILT_IN_DATA:
        words += ["--data", data]
    base = DEFINITIONS.get(definition.name)
    for setting in settings_between(base, definition) if base else ():
        words += ["--set", setting]
    return "python -m search.launch " + " ".join(shlex.quote(word) for word in words)
