"""The words of a command line that is about jobs: times, resources, and the options of the launch in each job."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search.edge import UserError

NOT_AFTER = ("detached", "plan_only", "storage", "runs", "studies")  # ours to give, or of no use in a job
_SLURM_TIME = re.compile(r"(?:(?P<d>\d+)-)?(?P<first>\d+)(?::(?P<second>\d+))?(?::(?P<third>\d+))?")


def minutes_of(text: str) -> int:
    """Slurm's own ways to write a time: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS. Rounded up."""
    match = _SLURM_TIME.fullmatch(text.strip())
    if match is None:
        raise UserError(f"{text!r} is no time of Slurm's; write 90 (minutes), 4:00:00 or 1-12:00:00")
    days, first, second, third = (None if part is None else int(part) for part in match.groups())
    assert first is not None
    if days is not None:
        seconds = 86400 * days + 3600 * first + 60 * (second or 0) + (third or 0)
    elif third is not None:
        seconds = 3600 * first + 60 * (second or 0) + third
    else:
        seconds = 60 * first + (second or 0)
    return -(-seconds // 60)


def given(resources: dict[str, Any]) -> dict[str, Any]:
    """Those that were asked for: the others are the cluster's to say."""
    return {name: value for name, value in resources.items() if value is not None}


def passed_on(option: str, more: Sequence[str]) -> dict[str, Any]:
    """What submitit has no name for goes to sbatch as it is. A job must be one that can be queued again."""
    found: dict[str, Any] = {"requeue": True}
    for word in more:
        key, equals, value = word.partition("=")
        if not equals or not re.fullmatch(r"[a-z][a-z-]*", key):
            raise UserError(f"{option} {word!r} is not key=value; write {option} qos=low for sbatch --qos=low")
        found[key] = value
    return {"additional_parameters": found}


def checked(words: Sequence[str], own: Sequence[str]) -> tuple[str, str | None]:
    """The study's name, and the way to its database, as a launch would have it."""
    from search import launch, settings, several

    context = launch.main.make_context("launch", list(words), default_map=settings.read_files(Path.cwd()))
    for name in NOT_AFTER:
        option = next(each for each in launch.main.params if each.name == name)
        if any(word.partition("=")[0] in option.opts for word in own):
            raise UserError(f"{option.opts[0]} does not go behind the --; see python -m search.slurm --help")
    asked = dict(context.params)
    for name in ("plan_only", "detached", "until"):
        asked.pop(name)
    via = asked.pop("via")
    (request,) = several.requests(**asked)
    request.asked()
    return request.study_name, via
