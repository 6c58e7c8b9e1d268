"""What one command line asks of each of the studies that it names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from search.ask import Request, known_study
from search.edge import UserError, exit_code_of


def requests(
    studies: Sequence[str],
    names: Sequence[str],
    settings: Sequence[str],
    tries: Sequence[str],
    hours: float | None,
    **given: Any,
) -> tuple[Request, ...]:
    """One for each `--study`, in their order: all that is given holds for all of them, but for `--name`, and for what
    is said of one alone, `--set STUDY:path=value` and `--try STUDY:factor=value`. Raises one-line errors.
    """
    definitions = [known_study(study) for study in studies or (None,)]
    if names and len(names) != len(definitions):
        raise UserError(
            f"--name is given {len(names)} times and --study {len(definitions)} times; give a name for each study, in "
            f"their order, or none"
        )
    if hours is not None and len(definitions) > 1:
        raise UserError("--hours and --until fit one study into a time; launch the studies one after the other")
    made = [
        Request(definition, (), (), name=name, hours=hours, **given)
        for definition, name in zip(definitions, names or [None] * len(definitions), strict=True)
    ]
    (name, times), *_ = Counter(request.study_name for request in made).most_common()
    if times > 1:
        raise UserError(f"{times} studies would be called {name}; give each a --name, in the order of --study")
    mine, tried = _told_apart(made, "--set", settings), _told_apart(made, "--try", tries)
    return tuple(replace(each, settings=mine[n], tries=tried[n]) for n, each in enumerate(made))


def check(requests: Sequence[Request]) -> None:
    """Raises a mistake in what is asked, of several studies with the name of the one that has it."""
    for request in requests:
        try:
            request.asked()
        except Exception as error:
            if len(requests) == 1 or exit_code_of(error) is None:
                raise
            other = next(each.study_name for each in requests if each is not request)
            raise UserError(
                f"study {request.study_name}: {error} (of {other} alone: --set {other}:PATH=VALUE)"
            ) from None


def _told_apart(made: Sequence[Request], option: str, given: Sequence[str]) -> list[tuple[str, ...]]:
    """What of `option` holds for each request: all of it but that which names another study before a colon."""
    held: list[list[str]] = [[] for _ in made]
    for words in given:
        path, equals, value = words.partition("=")
        study, colon, rest = path.partition(":")
        named = [study.strip() in (each.study_name, each.definition_name) for each in made]
        if colon and not any(named):
            there = " and ".join(dict.fromkeys(each.study_name for each in made))
            raise UserError(f"{option} {words!r} is for study {study!r}, which is not asked for; there is {there}")
        for mine, wanted in zip(held, named, strict=True):
            if wanted or not colon:
                mine.append(f"{rest}{equals}{value}" if colon else words)
    return [tuple(mine) for mine in held]
