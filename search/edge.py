"""The edge between people and the program: a mistake becomes one line and an exit code, a bug keeps its traceback."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from search.interruption import caused_by_interrupt

EXIT_OK = 0
EXIT_BUG = 1
EXIT_MISTAKE = 2
EXIT_UNREACHABLE = 3
EXIT_PREFLIGHT = 4
EXIT_REFUSED = 5
EXIT_DIFFERENT = 6
EXIT_TIME = 7
EXIT_INTERRUPTED = 130


class UserError(Exception):
    """Something a person can mend; the message is one line: what was given, what is allowed, what to do next."""

    exit_code = EXIT_MISTAKE


class Refused(UserError):
    """Joining would mix runs that cannot be compared."""

    exit_code = EXIT_REFUSED


class PreflightStop(UserError):
    """The machine is not ready."""

    exit_code = EXIT_PREFLIGHT


def run(command: click.Command) -> NoReturn:
    """Run `command` as a program: a user mistake is one line on stderr and its documented exit code."""
    plain_output()
    try:
        from search import settings, siblings

        siblings.check()
        defaults = settings.read_files(Path.cwd())
        command.main(standalone_mode=False, default_map=defaults, max_content_width=100)
    except (KeyboardInterrupt, click.Abort):
        _interrupted()
    except click.ClickException as error:
        complain(f"{error.format_message()} (python -m search.{command.name} --help shows what is allowed)")
        sys.exit(EXIT_MISTAKE)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_OK)
    except Exception as error:
        if caused_by_interrupt(error):  # a driver that it hit gives an error of its own
            _interrupted()
        code = exit_code_of(error)
        if code is None:
            raise
        complain(str(error))
        sys.exit(code)
    sys.exit(EXIT_OK)


def _interrupted() -> NoReturn:
    complain("interrupted; the same line goes on where it stopped")
    sys.exit(EXIT_INTERRUPTED)


def exit_code_of(error: Exception) -> int | None:
    """The exit code of a user mistake, or None for a bug."""
    if isinstance(error, UserError):
        return error.exit_code
    if isinstance(error, _mistakes("storage.errors", "StorageUnreachable")):
        return EXIT_UNREACHABLE
    known = (
        *_mistakes("spaces.catalog", "UnknownStudy"),
        *_mistakes("spaces.overrides", "BadOverride"),
        *_mistakes("storage.errors", "StorageError"),
        *_mistakes("trainer.recipe", "RecipeError"),
        *_mistakes("trainer.weights", "BackboneError"),
        *_mistakes("trainer.sources.source", "DataError"),
        *_mistakes("trainer.custom", "CustomError"),
        *_mistakes("trainer.metrics", "MetricError"),
        *_mistakes("search.siblings", "WrongPackage"),
    )
    return EXIT_MISTAKE if isinstance(error, known) else None


def _mistakes(module: str, name: str) -> tuple[type[Exception], ...]:
    """The exception class, if its module has been loaded at all: `--help` must not wait for torch."""
    found = getattr(sys.modules.get(module), name, None)
    return (found,) if found is not None else ()


def complain(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    print("error: " + " ".join(message.split()), file=sys.stderr)


def plain_output() -> None:
    """Let a console that cannot show a character print `?` rather than end the program (cp949, cp1252)."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def speaks_unicode() -> bool:
    """Whether stdout can show the box and dash characters that the prettier screens use."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    return encoding.startswith("utf") and os.environ.get("TERM") != "dumb"
