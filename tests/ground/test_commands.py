"""Every command that a page shows would be understood: its module, options, values and make targets are there.

What the first pages say is run: tests/search/test_first_pages.py.
"""

import importlib
import importlib.util
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from spaces.catalog import DEFINITIONS
from spaces.overrides import override
from tests.ground.pages import HOME, Page, pages

PAGES = pages()
COMMANDS = HOME / "search"
ELSEWHERE = {"pip", "venv", "pytest", "wandb", "trainer"}  # not click's, or not ours
MADE_BY_THE_PAGE = {"make_pictures.py"}
PLACEHOLDERS = {"URL", "TIME", "..."}


def command_of(module: str) -> click.Command | None:
    """The click command that `python -m module` runs; None for a program of another kind."""
    if importlib.util.find_spec(module) is None:
        raise ModuleNotFoundError(f"no module {module}")
    if not module.startswith(("search.", "storage.", "docs.")):
        return None
    found = getattr(importlib.import_module(module), "main", None)
    return found if isinstance(found, click.Command) else None


def understood(module: str, words: list[str]) -> None:
    """Raises whatever a launch of these words would be told: click's own parser, without running anything."""
    command = command_of(module)
    if command is None:
        return
    context = click.Context(command, info_name=module)
    own, rest = words, []
    if module == "search.slurm" and "--" in words:
        own, rest = words[: words.index("--")], words[words.index("--") + 1 :]
    values, left, _ = command.make_parser(context).parse_args(list(own))
    for parameter in command.params:
        given = values.get(parameter.name or "")
        if isinstance(parameter, click.Option) and given is not None and not isinstance(parameter.type, click.Path):
            for value in given if parameter.multiple else (given,):
                if not any(mark in str(value) for mark in PLACEHOLDERS):
                    parameter.type.convert(value, parameter, context)
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    if left and not arguments:
        raise click.UsageError(f"unexpected {left}")
    for study in values.get("studies") or ():
        settings = [value.removeprefix(f"{study}:") for value in values.get("settings") or () if "custom:" not in value]
        if (definition := DEFINITIONS.get(study)) is not None:
            override(definition, tuple(value for value in settings if ":" not in value.partition("=")[0]))
    if rest:
        understood("search.launch", rest)


def shown() -> Iterator[tuple[str, str, list[str]]]:
    for page in PAGES:
        for module, words in page.modules():
            yield page.name, module, words


def test_every_module_option_and_value_on_a_page_is_understood() -> None:
    wrong, count = [], 0
    for page, module, words in shown():
        count += 1
        if module.partition(".")[0] in ELSEWHERE or module.endswith(".X"):
            continue
        try:
            understood(module, [word for word in words if word not in ("...", "…")])
        except Exception as error:
            told = error.format_message() if isinstance(error, click.ClickException) else error
            wrong.append(f"{page}: python -m {module} {' '.join(words)}: {told}")
    assert wrong == []
    assert count > 200


@pytest.mark.parametrize(
    ("module", "words", "told"),
    [
        ("search.launch", ["--study", "lr_aug", "--worker", "2"], "--worker"),
        ("search.launch", ["--study", "lr_aug", "--workers", "two"], "two"),
        ("search.launch", ["--study", "lr_aug", "--set", "baseline.epoch=3"], "epoch"),
        ("search.status", ["--jsn"], "--jsn"),
        ("search.slurm", ["--study", "lr_aug", "--", "--dta", "photos"], "--dta"),
        ("search.lunch", [], "lunch"),
        ("storage.serve", ["start"], "start"),
    ],
)
def test_a_command_that_would_not_be_understood_is_found(module: str, words: list[str], told: str) -> None:
    with pytest.raises(Exception, match=re.escape(told)):
        understood(module, words)


def test_every_target_of_make_and_every_file_that_is_typed_is_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", (HOME / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    gone = []
    for page in PAGES:
        for words in page.typed():
            if words[0] == "make":
                gone += [f"{page.name}: make {word}" for word in words[1:] if "=" not in word and word not in targets]
            files = [after for word, after in itertools.pairwise(words) if word in ("-r", "-c")]
            files += [word for word in words[1:2] if word.endswith(".py") and word not in MADE_BY_THE_PAGE]
            gone += [f"{page.name}: {file}" for file in files if file.endswith((".txt", ".py")) and not exists(file)]
        for code in page.inline:
            if found := re.fullmatch(r"make ([a-z-]+)( .*)?", code):
                gone += [] if found[1] in targets else [f"{page.name}: {code}"]
    assert gone == []


def exists(file: str) -> bool:
    return (HOME / file).exists()


def every_option() -> set[str]:
    """The options of all our programs."""
    found = {"--help"}
    for file in (*HOME.glob("search/*.py"), *HOME.glob("storage/**/*.py"), *HOME.glob("docs/*.py")):
        found |= set(re.findall(r"\"(--[a-z][\w-]+)\"", file.read_text(encoding="utf-8")))
    for file in HOME.glob("benchmarks/**/*.py"):
        found |= set(re.findall(r"\"(--[a-z][\w-]+)\"", file.read_text(encoding="utf-8")))
    for option in Path(HOME / "trainer" / "__main__.py").read_text(encoding="utf-8").split('"'):
        found |= {option} if option.startswith("--") else set()
    return found


OF_OTHERS = {  # pip, docker, sbatch, scancel, pg_dump, docker-compose
    *("--force-reinstall", "--gpus", "--profile", "--scale", "--signal", "--format", "--no-deps", "--username"),
    "--me",
}


def test_every_option_in_a_sentence_is_one_of_ours() -> None:
    known = every_option() | OF_OTHERS
    strange = []
    for page in PAGES:
        if page.name in ("CHANGELOG.md", "docs/LOG.md"):
            continue
        for code in page.inline:
            for option in re.findall(r"(?<!\S)(--[a-z][\w-]*)", code):
                strange += [] if option in known else [f"{page.name}: {option}"]
    assert strange == []


def test_pages_are_found() -> None:
    assert {"README.md", "README.ko.md", "docs/start.md", "docs/ko/start.md"} <= {page.name for page in PAGES}
    assert ["python", "-m", "search.status"] in list(Page(HOME / "docs" / "start.md").typed())
