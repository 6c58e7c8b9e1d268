"""The pages below /ceteris: the studies of the database, and the report of each."""

import datetime
import threading
import time
from collections.abc import Callable, Sequence
from urllib.parse import quote

from optuna.study._frozen import FrozenStudy

from search import web_pages
from search.edge import UserError
from search.figures import Figures
from search.find import find_study
from search.gate import Answer
from search.records import Headline
from search.report_page import page
from search.showing import Showing
from search.snapshot import take
from search.study import Study
from search.web_pages import StudyCard
from storage.rows import StudySummary

SECONDS = 5.0  # for which a rendered page is good
WAY_BACK = (
    '<nav style="padding: 14px max(20px, calc(50vw - 566px)) 0"><a href="/ceteris/">All studies</a> · '
    '<a href="/dashboard">all trials</a></nav>'
)


class StudyPages:
    """Answers a path; safe for several threads."""

    def __init__(self, showing: Showing, optuna_studies: Callable[[], Sequence[FrozenStudy]], login: bool) -> None:
        self._showing, self._optuna_studies, self._login = showing, optuna_studies, login
        self._figures: dict[str, Figures] = {}
        self._made: dict[str, tuple[float, Answer]] = {}
        self._lock = threading.Lock()

    def __call__(self, path: str) -> Answer:
        with self._lock:  # one page is made at a time: a crowd that reloads waits for the same
            made_at, answer = self._made.get(path, (float("-inf"), None))
            if answer is None or time.monotonic() - made_at > SECONDS:
                answer = self._make(path)
                if answer.status.startswith("200"):
                    self._made[path] = (time.monotonic(), answer)
            return answer

    def _make(self, path: str) -> Answer:
        name = path.removeprefix("/ceteris").strip("/")
        if not name:
            return Answer("200 OK", web_pages.studies(self._cards(), self._login))
        try:
            study = find_study(self._showing.store, name)
        except UserError as error:
            return Answer("404 Not Found", web_pages.news("Nothing here", str(error)))
        figures = self._figures.setdefault(study.instance, Figures())
        return Answer("200 OK", page(take(study), figures).replace("<body>", f"<body>{WAY_BACK}", 1))

    def _cards(self) -> list[StudyCard]:
        stages: dict[str, list[tuple[str, str]]] = {}
        for each in self._optuna_studies():
            name, _, phase = each.study_name.partition("/")
            stages.setdefault(name, []).append((phase or name, f"/dashboard/studies/{each._study_id}"))
        summaries = reversed(self._showing.store.studies())
        return [self._card(summary, stages.get(summary.name, ())) for summary in summaries]

    def _card(self, summary: StudySummary, stages: Sequence[tuple[str, str]]) -> StudyCard:
        created = datetime.datetime.fromtimestamp(summary.created_at).astimezone()
        answer, data = "made by another release of ceteris", ""
        manifest = self._showing.store.manifest(summary.name)
        if manifest is not None:
            try:
                study = Study.of(self._showing.store, manifest)
                answer, data = _answer(summary, study.headline(study.depth)), f" on {study.resolved.data.words}"
            except UserError:
                pass
        facts = f"{created:%Y-%m-%d %H:%M} by {summary.creator}{data}"
        return StudyCard(summary.name, f"/ceteris/{quote(summary.name, safe='')}", answer, facts, stages)


def _answer(summary: StudySummary, headline: Headline | None) -> str:
    if headline is not None:
        return headline.why[:1].upper() + headline.why[1:] + "."
    ended = sum(count for state, count in summary.states.items() if state in ("COMPLETE", "PRUNED", "FAIL"))
    at_work = f", {summary.live_leases} at work" if summary.live_leases else ", nobody at work"
    return f"{ended} runs ended{at_work}."
