"""The report of a study: one page that needs nothing but itself, and a table that writes itself."""

import re
import statistics
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from search import report
from search.experiments import experiments
from search.folder import RunFolder
from search.kept import weights_name
from search.report_files import Current, write_report
from search.report_page import page
from search.sentences import verdict_sentence
from search.snapshot import take
from search.study import Study
from storage.store import Store
from tests.search.commands import invoke
from tests.search.rows import run_row
from tests.search.stored import Made, add_runs, answer, decide, stage_runs, stored_study
from trainer.recipe import Recipe

HOSTILE = (
    '<script>alert("1")</script>',
    "a|b\n| c |",
    "고양이 & '개'",
    "../../etc/passwd",
    "[x](http://evil.example/)",
)
NAME = "빛_aug"


class Page(HTMLParser):
    """What a browser would show of a page, and what it would ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asked: list[str] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_style = tag == "style"
        for name, value in attrs:
            plain = name.split(":")[-1]
            if plain in ("src", "href", "action", "data", "poster", "srcset", "background"):
                self.asked.append(value or "")
            if name == "style":
                self.asked += re.findall(r"url\(([^)]*)\)", value or "")
            if name.startswith("on"):
                self.scripts.append(f"{name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.asked += re.findall(r"url\(([^)]*)\)|@import\s+(\S+)", data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "runs").mkdir()
    opened = Store.connect(f"sqlite:///{(tmp_path / 'runs' / 'ceteris.db').as_posix()}")
    yield opened
    opened.close()


@pytest.fixture
def study(store: Store) -> Study:
    """Decided in its first stage, at work in its second."""
    made = stored_study(store, NAME, HOSTILE)
    add_runs(made, stage_runs(made))
    winner = made.definition.baseline.model_copy(update={"lr": 0.008})
    decide(made, "1-lr", "0.008", winner, "0.004", {"0.004": 0.8015, "0.008": 0.903})
    return made


def test_the_page_of_an_unfinished_study_has_every_stage_and_says_what_is_open(study: Study) -> None:
    snapshot = take(study)
    shown = Page(page(snapshot))
    assert "Not answered yet" in shown.text
    for line in snapshot.stages:
        assert line.name in shown.text
    decided = verdict_sentence(snapshot.stages[0]).removeprefix("1-lr: ")
    assert " ".join(decided.split()) in shown.text
    assert "Open: 1 trials have ended, 1 run" in shown.text
    assert "Not begun." in shown.text
    assert "pruned at epoch 2: behind <b>" in shown.text, "what was pruned, and why"
    assert "The test labels have not been opened" in shown.text
    assert shown.tags.count("svg") == 4, "an isolation plot and curves for each stage that has begun"


def test_the_gain_of_a_finalist_is_the_mean_of_its_paired_differences(study: Study) -> None:
    gain = statistics.fmean([0.902 - 0.801, 0.904 - 0.802])
    assert f"{100 * gain:+.2f}" in Page(page(take(study))).text


def test_the_page_of_an_answered_study_tells_test_classes_and_what_to_type(study: Study) -> None:
    answer(study, HOSTILE)
    shown = Page(page(take(study)))
    assert "Take the final recipe: it is ahead of the baseline by more than chance." in shown.text
    assert "much <i>less</i>" in shown.text and "<u>split</u>" in shown.text
    assert "+5.00 points (95 % interval +1.00 to +9.00)" in shown.text
    assert f"python -m search.launch --study lr_aug --name {NAME}" in shown.text.replace("'", "")
    assert study.manifest.data_digest in shown.text
    for name in HOSTILE:
        assert " ".join(name.split()) in shown.text


def test_the_page_asks_for_nothing_outside_of_itself_and_runs_nothing(study: Study) -> None:
    answer(study, HOSTILE)
    text = page(take(study), data_text="<script>alert(2)</script> split")
    shown = Page(text)
    assert all(asked.startswith(("#", "data:")) for asked in shown.asked), shown.asked
    assert "script" not in shown.tags and not shown.scripts and "iframe" not in shown.tags
    assert "<script>alert(2)</script> split" in shown.text
    assert re.search(r"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';[^\"]*\"", text)
    assert "script-src" not in text, "not allowed by default, nor by anything else"


def test_the_table_has_one_row_per_trial_and_comes_out_the_same_again(study: Study) -> None:
    text = experiments(take(study))
    assert text == experiments(take(study))
    rows = [line for line in text.splitlines() if re.match(r"\| 20\d\d-", line)]
    assert len(rows) == 10
    assert all(len(re.split(r"(?<!\\)\|", row)) == 18 for row in rows)
    assert [row.split(" | ")[4] for row in rows] == ["1-lr"] * 4 + ["1-lr/finals"] * 4 + ["2-loss"] * 2
    assert rows[1].endswith("| 0 | 0 | 0.2500 | 0.5000 | 0.9000 | 0.9000 | 4 | stalled | lr 0.008 |")
    assert rows[8].split(" | ")[14] == "running"


def test_hostile_names_are_text_in_the_table(study: Study) -> None:
    text = experiments(take(study))
    assert "<b>" not in text and "&lt;b&gt;host&lt;/b&gt;\\|" in text
    assert "http://" not in text


def test_the_command_writes_both_files_and_the_block_and_again_changes_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("mine\n", encoding="utf-8")
    line = ["--runs", str(tmp_path / "runs"), "--into", str(readme)]
    told = invoke(report.main, *line, monkeypatch=monkeypatch, capsys=capsys)
    assert told.code == 0, told.err
    (folder,) = (tmp_path / "runs").glob(f"*_{NAME}")
    assert {file.name for file in folder.iterdir()} == {"report.html", "EXPERIMENTS.md", "figures"}
    table, block = (folder / "EXPERIMENTS.md").read_bytes(), readme.read_bytes()
    assert block.startswith(b"mine\n\n<!-- ceteris:begin ") and table.split(b"\n", 2)[2].rstrip() in block
    assert invoke(report.main, *line, monkeypatch=monkeypatch, capsys=capsys).code == 0
    assert (folder / "EXPERIMENTS.md").read_bytes() == table and readme.read_bytes() == block


def test_a_file_that_may_not_be_written_is_one_line(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("mine\n", encoding="utf-8")
    readme.chmod(0o444)
    line = ["--runs", str(tmp_path / "runs"), "--into", str(readme)]
    told = invoke(report.main, *line, monkeypatch=monkeypatch, capsys=capsys)
    assert told.code == 2 and len(told.err.splitlines()) == 1
    assert readme.read_text(encoding="utf-8") == "mine\n"


def test_it_is_written_at_news_not_more_often_than_asked_and_a_failure_is_one_warning(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path / "there")
    folder.path.mkdir()
    Current(folder, every=1000.0).look(take(study))
    assert not list(folder.path.iterdir()), "it is not time yet"
    current = Current(folder, every=0.0)
    current.look(take(study))
    first = (folder.path / "report.html").read_text(encoding="utf-8")
    (folder.path / "report.html").unlink()
    current.look(take(study))
    assert not (folder.path / "report.html").exists(), "nothing was decided since"
    answer(study, HOSTILE)
    current.look(take(study))
    assert (folder.path / "report.html").read_text(encoding="utf-8") != first

    gone = Current(RunFolder(tmp_path / "gone"), every=0.0)
    assert gone.write(take(study)) == () and gone.write(take(study)) == ()
    told = capsys.readouterr().err
    assert told.startswith("warning: the report could not be written") and len(told.splitlines()) == 1


def test_a_study_of_a_thousand_trials_is_drawn_whole_and_stays_small(store: Store, tmp_path: Path) -> None:
    study = stored_study(store, "large", [f"class {n}" for n in range(100)])
    recipe = study.definition.baseline
    runs = []
    for phase, places in (("1-lr", range(700)), ("2-loss", range(700, 1000))):
        for n in places:
            changed = recipe.model_copy(update={"lr": float(f"{0.001 * 1.005**n:.4g}"), "dropout": n / 2000})
            stop = "pruned" if n % 2 else "finished"
            scores = tuple(1 - 1 / (e + 1 + n / 500) for e in range(2 if n % 2 else 10))
            params = (("lr", changed.lr),) if phase == "1-lr" else ()
            runs.append(Made(phase, changed, f"{changed.lr:g}", 0, scores, stop, params=params))
    add_runs(study, runs)
    folder = RunFolder(tmp_path / "there")
    folder.path.mkdir()
    write_report(take(study), folder)
    drawn = {file.name for file in (folder.path / "figures").iterdir()}
    assert {"1-lr_values.svg", "1-lr_curves.svg"} <= drawn
    text = (folder.path / "report.html").read_text(encoding="utf-8")
    table = (folder.path / "EXPERIMENTS.md").read_text(encoding="utf-8")
    assert sum(line.startswith("| 20") for line in table.splitlines()) == 1000
    assert "80 of 700 curves are drawn" in text
    assert len(text) < 1_500_000
    assert text.count("<") < 15_000, "elements that a browser has to lay out"


def test_weights_are_named_for_every_file_system() -> None:
    recipe = Recipe(backbone="resnet18").canonical()
    name = weights_name("2-loss-../a|b\n<c>" + "가" * 90, run_row(0, 0.91249, recipe=recipe), 0.91249)
    assert re.fullmatch(r"[\w.+-]+_f1-0\.912\.safetensors", name)
    assert len(name) <= 120 and len(name.encode()) <= 255
