"""Why a recipe is refused, in one line a person can act on."""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from trainer.choice import Choice, arms_of

_PATTERNS = {
    "backbone": "write the bare name of a timm architecture, such as resnet18, and a tag as weights timm:<tag>; "
    "a net of your own as custom:my_net.py:Net",
    "weights": "write timm:<tag>, or sha256:<64 hexadecimal digits> of a local file, or leave it out",
    "metric": "write macro_f1, accuracy or a torchmetrics classification metric such as cohen_kappa",
    "file": "write the bare name of a Python file, such as my_losses.py",
    "name": "write the name of a class or function in that file",
    "digest": "write the sha256 of that file, 64 hexadecimal digits",
}


def allowed(where: str) -> str | None:
    """What may stand in the field at the end of the dotted path `where`, should its pattern have been missed."""
    return _PATTERNS.get(where.rpartition(".")[2])


def refusal(detail: Any, recipe: type[BaseModel], plateau: type[BaseModel]) -> str:
    """One refusal of pydantic's, with the dotted field, what was given and what is allowed."""
    arms = arms_of(Choice)
    where = [str(part) for part in detail["loc"] if part not in arms]
    said = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        inner = [str(part) for part in detail["loc"] if part in arms]
        arm = plateau if where[0] == "plateau" else arms[inner[-1]] if inner else recipe
        known = [name for name in arm.model_fields if name != "kind"]
        close = get_close_matches(where[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
        return f"{'.'.join(where)} is no field of a recipe: {hint}"
    if detail["type"] == "string_pattern_mismatch":
        said = allowed(where[-1]) or said
    if detail["type"] == "union_tag_invalid":
        tags = detail["ctx"]["expected_tags"].replace("'", "").split(", ")
        close = get_close_matches(detail["ctx"]["tag"], tags, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"there is: {', '.join(tags)}"
        return f"{'.'.join(where)}: no kind {detail['ctx']['tag']!r}; {hint}"
    given = " ".join(str(detail["input"]).split())[:60]
    return f"{'.'.join(where)} = {given} is refused: {said}" if where else said
