"""The options that say what the data are: the same for every command that opens them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from trainer.sources.source import SourceOptions

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--data",
        envvar="CETERIS_DATA",
        default="digits",
        metavar="DATA",
        help="digits (default), faces, a folder of class folders, a CSV manifest, idx or npz files, a mask contest.",
    ),
    click.option("--label", metavar="NAME", help="Column or array that holds the labels (CSV, npz)."),
    click.option(
        "--group",
        metavar="NAME",
        help="What must stay on one side of a split: a column or array (CSV, npz), or a pattern of file paths "
        "whose first parentheses name the group (class folders).",
    ),
    click.option("--target", metavar="PART", help="Learn one part of a label that is a product: mask, gender or age."),
    click.option("--follow-links", is_flag=True, help="Follow links that lead out of the data folder."),
    click.option("--skip-broken", is_flag=True, help="Leave out pictures that cannot be read, and record which."),
    click.option(
        "--cache",
        envvar="CETERIS_CACHE",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="Where decoded pictures are kept (default: the cache folder of your account).",
    ),
)


def data_options(command: Decorated) -> Decorated:
    """Adds --data, --label, --group, --target, --follow-links, --skip-broken and --cache, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def source_options(
    label: str | None = None,
    group: str | None = None,
    target: str | None = None,
    follow_links: bool = False,
    skip_broken: bool = False,
    cache: Path | None = None,
) -> "SourceOptions":
    """The given values as the trainer takes them; without --cache the cache folder of this account."""
    from trainer.cache import default_cache
    from trainer.sources.source import SourceOptions

    return SourceOptions(label, group, target, follow_links, skip_broken, cache or default_cache())


def words_of(options: "SourceOptions") -> list[str]:
    """The command line that gives `options` again: how one process tells another."""
    words: list[str] = []
    for name in ("label", "group", "target", "cache"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name}={value}"]
    for name in ("follow_links", "skip_broken"):
        words += [f"--{name.replace('_', '-')}"] if getattr(options, name) else []
    return words
