"""docs/start.md and docs/answer.md are followed line by line; only sizes are changed, what is left out is named."""

import importlib
import re
from pathlib import Path

import pytest

from tests.ground.pages import DOCS, HOME, Page
from tests.search.commands import SETTINGS, Outcome, invoke, run_command
from tests.trainer.painted import paint

SMALL = [
    *SETTINGS,
    "--set",
    "budgets.claims=0",
    "--set",
    "baseline.epoch_images=300",
    "--trials",
    "2",
    "--workers",
    "1",
]
LEFT_OUT = [
    "python -m search.launch --study lr_aug --data photos",  # its plan is made
    "python -m search.launch --study lr_aug --name more --try loss=poly1",  # as in tests/search/test_fork.py
    "python -m search.dashboard",  # serves until it is stopped: tests/search/test_dashboard.py
]


def typed(page: str) -> list[list[str]]:
    return [words for words in Page(DOCS / page).typed() if " ".join(words) not in LEFT_OUT]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a new user stands: pictures in class folders, and some to be answered."""
    place = tmp_path_factory.mktemp("user")
    for number in range(24):
        kind = ("cat", "dog")[number % 2]
        paint(place / "photos" / kind / f"{number}.png", number, (12, 12))
        if number < 3:
            paint(place / "pictures" / f"{number}.png", number, (12, 12))
    return place


def test_the_first_pages_can_be_followed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    done: dict[str, Outcome] = {}
    for words in (*typed("start.md"), *typed("answer.md")):
        line = " ".join(words)
        if words[0] == "make":  # workers are processes of their own
            assert made_by(words[1]) == "-m search.launch --study lr_aug"
            outcome = run_command("search.launch", "--study", "lr_aug", *SMALL, cwd=folder, timeout=280)
        else:
            sizes = SMALL if words[2] == "search.launch" and "photos" not in words else ()
            command = importlib.import_module(words[2]).main
            outcome = invoke(command, *words[3:], *sizes, monkeypatch=monkeypatch, capsys=capsys)
        assert outcome.code == 0, f"{line}\n{outcome.out}{outcome.err}"
        done[line] = outcome
    launches = [out.out for line, out in done.items() if line.startswith(("make", "python -m search.launch"))]
    first, again, *_ = launches
    assert "Answer: " in first
    assert again.split("Answer: ")[1] == first.split("Answer: ")[1]
    assert len(re.findall(r"^\[", again, re.MULTILINE)) == 0, "nothing is trained again"
    assert (folder / "answers.csv").read_text(encoding="utf-8").count("\n") == 4


def made_by(target: str) -> str:
    """What a target of the Makefile runs, without its variables."""
    makefile = (HOME / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}: .*\n\t@\$\(PY\) (.*) \$\(ARGS\)$", makefile, re.MULTILINE)
    assert found
    return found[1]
