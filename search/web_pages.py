"""Our own pages beside the dashboard: the login, the list of studies, and bad news. All that they show is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class StudyCard:
    """One study in the list. `stages` are (name, link to Optuna's pages of it)."""

    name: str
    link: str
    answer: str
    facts: str
    stages: Sequence[tuple[str, str]]


def login(wanted: str, wrong: str = "") -> str:
    """`wanted`: the path to go on to. `wrong`: why the last try failed."""
    return _page("login.html", wanted=wanted, wrong=wrong)


def news(what: str, why: str) -> str:
    """A page in place of the one that was asked for."""
    return _page("news.html", what=what, why=why)


def studies(cards: Sequence[StudyCard], login: bool) -> str:
    """`login`: whether there is one, and so a way out."""
    return _page("studies.html", studies=cards, login=login)


def _page(name: str, **shown: object) -> str:
    style = (PAGES / "dashboard.css").read_text(encoding="utf-8")
    return _templates().get_template(name).render(style=style, **shown)


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(PAGES, encoding="utf-8")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
