"""README.md, docs/start.md and docs/answer.md are followed line by line; only sizes are changed.

What is not run here is named, with the test that runs it; that it would be understood: tests/ground/test_commands.py.
"""

import importlib
import re
import shutil
from pathlib import Path

import pytest

from tests.ground.pages import DOCS, HOME, Page
from tests.search.commands import SETTINGS, Outcome, invoke, run_command
from tests.trainer.painted import paint

TINY = ["--set", "budgets.claims=0", "--set", "baseline.epoch_images=300", "--trials", "2", "--workers", "1"]
SMALL = [*SETTINGS, *TINY]
LEFT_OUT = {
    "search.launch --study lr_aug --data photos": "its plan is made",
    "search.launch --study lr_aug --name more --try loss=poly1": "test_fork.py",
    "search.launch --study balance --data faces": "test_own_study.py",
    "search.launch --study lr_aug --data photos --backbone resnet18 --set baseline.image_size=96"
    " --set baseline.epochs=30": "a net too large for a test; test_backbone.py",
    "search.launch --study lr_aug --storage postgresql://me@db/ceteris": "test_fleet.py, test_two_servers.py",
    "search.dashboard": "serves until it is stopped: test_dashboard.py",
    "search.split --data photos.csv --measure": "test_split.py",
    "search.retrain --study lr_aug --backbone resnet50": "test_retrain.py",
    "search.slurm --study lr_aug --workers 8 --serve-db": "test_slurm.py, test_real_slurm.py",
    "storage.serve": "tests/storage/test_serve.py",
    "trainer recipe.json": "tests/trainer/test_main.py",
    "pip install -r requirements.txt -c constraints.txt": "make",
    "venv .venv": "make",
    "pytest": "this",
}
# A study of two trials a stage has no number 4; nobody is there to be asked.
INSTEAD = {"lr_aug/1-lr#3": "lr_aug/1-lr#0", "lr_aug/1-lr#4": "lr_aug/1-lr#1", "1-lr#4": "1-lr#1", "URL": "copy.db"}


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """Where a new user stands after `make search`: an answer, pictures in class folders, and some to be answered."""
    place = tmp_path_factory.mktemp("user")
    for number in range(24):
        paint(place / "photos" / ("cat", "dog")[number % 2] / f"{number}.png", number, (12, 12))
        if number < 3:
            paint(place / "pictures" / f"{number}.png", number, (12, 12))
    (place / "README.md").write_text("# Mine\n", encoding="utf-8")
    makefile = (HOME / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^search: .*\n\t@\$\(PY\) -m search\.launch --study lr_aug \$\(ARGS\)$", makefile, re.MULTILINE)
    return place, run_command("search.launch", "--study", "lr_aug", *SMALL, cwd=place, timeout=280)


@pytest.fixture
def here(answered: tuple[Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "here"
    shutil.copytree(answered[0], place)
    monkeypatch.chdir(place)
    return place


class Followed:
    """Runs what a page says, once each, in the page's order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.by = monkeypatch, capsys
        self.done: dict[str, Outcome] = {}

    def run(self, module: str, words: list[str]) -> None:
        line = " ".join([module, *words])
        if line in LEFT_OUT or line in self.done:
            return
        sizes = SMALL if module == "search.launch" and "photos" not in words else []
        yes = ["--yes"] if module == "search.delete" else []
        words = [INSTEAD.get(word, word) for word in words]
        monkeypatch, capsys = self.by
        command = importlib.import_module(module).main
        self.done[line] = invoke(command, *words, *sizes, *yes, monkeypatch=monkeypatch, capsys=capsys)
        assert self.done[line].code == 0, f"{line}\n{self.done[line].out}{self.done[line].err}"


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Followed:
    return Followed(monkeypatch, capsys)


def test_the_first_pages_can_be_followed(here: Path, answered: tuple[Path, Outcome], followed: Followed) -> None:
    for words in (*Page(DOCS / "start.md").typed(), *Page(DOCS / "answer.md").typed()):
        if words[0] != "make":
            followed.run(words[2], words[3:])
    first, again = answered[1].out, followed.done["search.launch --study lr_aug"].out
    assert "Answer: " in first
    assert again.split("Answer: ")[1] == first.split("Answer: ")[1]
    assert not re.search(r"^\[\d", again, re.MULTILINE), "something was trained again"
    assert (here / "answers.csv").read_text(encoding="utf-8").count("\n") == 4


def test_every_command_of_the_readme_can_be_run(here: Path, followed: Followed) -> None:
    last = ["search.fork", "search.stop", "search.delete"]  # what is asked of the newest study is asked before a fork
    told = sorted(Page(HOME / "README.md").modules(), key=lambda each: last.index(each[0]) if each[0] in last else -1)
    for module, words in told:
        followed.run(module, words)
    assert "<!-- ceteris:begin lr_aug -->" in (here / "README.md").read_text(encoding="utf-8")
    assert {"search.stop --name lr_aug --now", "search.pull", "search.doctor"} <= followed.done.keys()
    assert len(followed.done) >= 18
