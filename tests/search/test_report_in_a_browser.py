"""The report as a reader has it: a file, opened without a network, on a telephone and on a large screen."""

from pathlib import Path
from typing import Any, Literal

import pytest

from search.report_page import page
from search.snapshot import take
from search.study import Study
from storage.store import Store
from tests.search.browsers import chromium
from tests.search.stored import add_runs, answer, decide, stage_runs, stored_study

CLASSES = ("고양이", "마스크를 잘못 쓴 사람", '<script>alert("1")</script>', "a|b", "dog")
CUT_OFF = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
  const paper = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    const beside = box.left < paper.left - 1 || box.right > paper.right + 1;
    return beside || box.top < paper.top - 1 || box.bottom > paper.bottom + 1;
  }).map(text => text.textContent);
})"""


@pytest.fixture(scope="module")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("보고서 report")
    store = Store.connect(f"sqlite:///{(folder / 'ceteris.db').as_posix()}")
    study: Study = stored_study(store, "빛_aug", CLASSES)
    add_runs(study, stage_runs(study))
    winner = study.definition.baseline.model_copy(update={"lr": 0.008})
    decide(study, "1-lr", "0.008", winner, "0.004", {"0.004": 0.8015, "0.008": 0.903})
    answer(study, CLASSES)
    file = folder / "report.html"
    file.write_text(page(take(study)), encoding="utf-8")
    store.close()
    return file


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1400, "light")])
def test_the_report_opens_without_a_word_of_complaint_and_nothing_is_cut_off(
    report_file: Path, width: int, scheme: Literal["dark", "light"]
) -> None:
    asked: list[str] = []
    with chromium(viewport={"width": width, "height": 900}, color_scheme=scheme) as (shown, complaints):
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(report_file.as_uri())
        for summary in shown.locator("summary").all():
            summary.click()
        assert complaints == []
        assert [url for url in asked if not url.startswith("data:")] == [report_file.as_uri()]
        wide: Any = shown.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide[0] <= wide[1], "it is never pushed sideways"
        assert shown.evaluate(CUT_OFF) == []
        hidden: Any = shown.evaluate(
            "[...document.querySelectorAll('#answer .table')].map(table => table.scrollWidth - table.clientWidth)"
        )
        assert hidden, "the answer has a table"
        assert max(hidden) <= 1, "no column of the answer is out of sight"
        assert shown.locator("script").count() == 0
        for name in CLASSES:
            assert shown.get_by_role("cell", name=name, exact=True).count() >= 1
            assert shown.locator("figure svg text", has_text=name[:6]).count() >= 1
        back: Any = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (back == "rgb(16, 19, 23)") == (scheme == "dark")
