"""A study that is given a time: what is cut beforehand, and what is left out when it is short all the same."""

import datetime
from dataclasses import replace

import pytest

from search import deadline, options, phases
from search.answer import answer_lines
from search.edge import UserError
from search.fitting import fit
from search.life import life
from search.options import hours_until
from search.plan import Plan
from search.sentences import verdict_sentence
from search.snapshot import take
from search.study import Study
from search.workplace import Workplace
from spaces.lr_aug import LR_AUG
from tests.search.on_paper import carry_out, study_with
from tests.search.trials import WORKER

WHOLE = Plan(LR_AUG, 0.3, 400_000, ("cpu", "cpu"))


def test_a_time_that_is_long_enough_changes_nothing() -> None:
    plan, words = fit(WHOLE, 10.0)
    assert plan == WHOLE
    assert words == ("that fits into 10:00:00",)


@pytest.mark.parametrize("share", [0.9, 0.7, 0.5, 0.3, 0.2])
def test_a_study_is_cut_until_it_fits_and_says_what_was_cut(share: float) -> None:
    hours = share * WHOLE.expected_seconds / 3600
    plan, (words,) = fit(WHOLE, hours)
    assert plan.expected_seconds <= 3600 * hours
    assert words.startswith("to fit into ")
    assert plan.definition.baseline.epochs >= 12 // 2
    assert [stage.name for stage in plan.definition.stages] == ["lr", "loss", "augment"], "no question is dropped"
    assert plan.definition.budgets.confirm >= 2


def test_less_time_never_gives_more(at: Workplace) -> None:
    seconds = [fit(WHOLE, share * WHOLE.expected_seconds / 3600)[0].expected_seconds for share in (1, 0.7, 0.4, 0.1)]
    assert seconds == sorted(seconds, reverse=True)


def test_what_costs_the_answer_least_is_cut_first() -> None:
    plan, (words,) = fit(WHOLE, 0.95 * WHOLE.expected_seconds / 3600)
    assert words.endswith("no claims")
    assert plan.definition.budgets.finals == LR_AUG.budgets.finals
    assert plan.definition.baseline.epochs == LR_AUG.baseline.epochs


def test_a_time_that_nothing_fits_is_told(at: Workplace) -> None:
    plan, (words,) = fit(WHOLE, 0.001)
    assert "hardly be enough" in words
    assert plan.definition.budgets.finals == 2
    assert len(plan.definition.stages[0].domain.values()) == 7


def test_a_coarser_range_keeps_its_ends() -> None:
    before = LR_AUG.stages[0].domain.values()
    after = fit(WHOLE, 0.001)[0].definition.stages[0].domain.values()
    assert (before[0], before[-1]) == (after[0], after[-1])
    assert len(after) < len(before)


def timed(at: Workplace, left: float, hours: float = 1.0) -> Study:
    """A study that was given `hours`, of which `left` seconds are left."""
    study = study_with(at)
    created = study.store.now() - 3600 * hours + left
    resolved = study.resolved.model_copy(update={"hours": hours})
    return replace(study, resolved=resolved, manifest=replace(study.manifest, created_at=created))


def with_pilot(study: Study) -> None:
    """Runs of one second."""
    carry_out(study, [phases.pilot(study.definition)])


def test_a_study_without_a_time_never_ends_for_want_of_it(at: Workplace) -> None:
    study = study_with(at)
    with_pilot(study)
    phase = next(phase for phase in life(study, WORKER))
    study.store.open_phase(study.study_id, phase.name, phase.allowed)
    assert not deadline.end_in_time(study, phase)


def test_a_screen_is_closed_when_what_has_to_follow_would_not_fit(at: Workplace) -> None:
    for left, closed in ((3500.0, False), (30.0, True)):
        study = timed(at, left)
        with_pilot(study)
        screen = next(phase for phase in life(study, WORKER))
        study.store.open_phase(study.study_id, screen.name, screen.allowed)
        assert deadline.end_in_time(study, screen) is closed
        assert deadline.ended(study, screen.name) is closed


def test_the_confirmation_has_its_time_when_stages_have_none(at: Workplace) -> None:
    study = timed(at, 30.0)
    with_pilot(study)
    phase = phases.confirm(study.definition, study.definition.baseline, study.definition.baseline)
    study.store.open_phase(study.study_id, phase.name, phase.allowed)
    assert not deadline.end_in_time(study, phase)


def test_a_study_whose_time_is_over_still_answers(at: Workplace) -> None:
    study = timed(at, 0.0)
    with_pilot(study)
    for phase in life(study, WORKER):
        study.store.open_phase(study.study_id, phase.name, phase.allowed)
        assert deadline.end_in_time(study, phase)
    assert study.finished
    snapshot = take(study)
    assert {verdict_sentence(line) for line in snapshot.stages} == {
        "1-lr: 0.004 is kept: no time was left for other values",
        "2-loss: cross_entropy is kept: no time was left for other values",
    }
    assert "no time was left to confirm it" in "\n".join(answer_lines(snapshot))
    assert snapshot.headline is not None
    assert snapshot.headline.recipe == study.carried(study.definition.stages[-1]).canonical()


def test_finals_that_time_ended_are_decided_on_the_replicates_that_all_have(at: Workplace) -> None:
    study = timed(at, 3500.0)
    with_pilot(study)
    walk = life(study, WORKER)
    carry_out(study, [next(walk)])
    finals = next(walk)
    carry_out(study, [replace(finals, runs=finals.runs[:4])])  # of three finalists: one replicate, and one run more
    study.store.close_phase(study.study_id, finals.name, deadline.ENDED)
    next(walk)
    verdict = study.verdict(study.definition.stages[0])
    assert verdict is not None
    assert verdict.evidence["replicates"] == [1]  # type: ignore[index, call-overload]


NOON = datetime.datetime(2026, 11, 25, 12, 0)


class Noon(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "Noon":
        return cls(2026, 11, 25, 12, 0)


def test_until_is_a_time_of_today_or_tomorrow_or_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options.datetime, "datetime", Noon)
    assert hours_until("18:00") == pytest.approx(6)
    assert hours_until("09:30") == pytest.approx(21.5)
    assert hours_until("2026-11-26 12:00") == pytest.approx(24)
    with pytest.raises(UserError, match="is over: it is 2026-11-25 12:00"):
        hours_until("2026-11-24 12:00")
    with pytest.raises(UserError, match="write 18:00"):
        hours_until("tea time")


def test_a_plan_says_when_it_ends_and_how_many_workers_are_useful() -> None:
    useful, most = WHOLE.useful_workers, max(WHOLE.runs.values())
    assert WHOLE.seconds_on(useful) <= 1.1 * WHOLE.seconds_on(most)
    assert WHOLE.seconds_on(useful - 1) > 1.1 * WHOLE.seconds_on(most)
    assert WHOLE.lines()[-1].endswith(f"at the latest; up to {useful} workers make it faster")
    assert WHOLE.lines()[-1].startswith("the answer by ")
