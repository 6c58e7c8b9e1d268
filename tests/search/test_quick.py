"""--quick: one replicate decides, and the error bars can be added later without training anything again."""

from dataclasses import replace

from search.candidates import Candidate
from search.snapshot import take
from search.study import ASKED_FULL, Study
from search.workplace import Workplace
from tests.search.on_paper import carry_out, scored, study_with
from tests.search.trials import WORKER


def quick(at: Workplace) -> Study:
    study = study_with(at)
    return replace(study, resolved=study.resolved.model_copy(update={"quick": True}))


def lucky_once(study: Study, candidate: Candidate, replicate: int) -> float:
    """A learning rate that wins on the first replicate of the finals, and on no other."""
    recipe = candidate.recipe
    lucky = replicate in (0, 1) and recipe.lr == 0.002 and recipe.loss.kind == "cross_entropy"
    return scored(study, candidate, replicate) + 0.05 * lucky


def test_a_quick_study_decides_on_one_replicate_and_calls_everything_leaning(at: Workplace) -> None:
    study = quick(at)
    ran = carry_out(study)
    assert study.finished
    snapshot = take(study)
    assert [line.outcome for line in snapshot.stages] == ["leaning", "leaning"]
    assert {what.rsplit(" ", 1)[1] for what in ran if "/finals" in what} == {"1"}
    assert {what.rsplit(" ", 1)[1] for what in ran if what.startswith("confirm")} == {"100"}
    headline = snapshot.headline
    assert headline is not None
    assert (headline.replicates, headline.validation_gain) == ((100,), None)
    assert "without an error bar" in headline.why or "on one fresh replicate" in headline.why
    assert not snapshot.remaining


def test_what_was_quick_gets_its_error_bars_and_nothing_is_trained_twice(at: Workplace) -> None:
    study = quick(at)
    before = carry_out(study)
    study.ask(ASKED_FULL, WORKER)
    assert not study.finished
    after = carry_out(study)
    assert study.finished
    plain = {verdict.stage for verdict in study.store.verdicts(study.study_id)}
    assert plain == {"1-lr.quick", "2-loss.quick", "1-lr", "2-loss"}
    lines = take(study).stages
    assert [line.verdict.evidence["replicates"] for line in lines if line.verdict] == [[1, 2, 3], [1, 2, 3]]  # type: ignore[index, call-overload]
    runs = study.store.runs(study.study_id)
    once = {(row.signature, row.replicate) for row in runs}
    assert len(before) + len(after) == len(once) == len({row.cell_id for row in runs})
    assert carry_out(study) == [], "nothing is left to train"


def test_a_quick_winner_that_does_not_hold_is_set_aside_with_all_that_was_built_on_it(at: Workplace) -> None:
    study = quick(at)
    carry_out(study, score_of=lucky_once)
    first, second = study.definition.stages
    assert study.carried(first, "quick").lr == 0.002
    study.ask(ASKED_FULL, WORKER)
    carry_out(study, score_of=lucky_once)
    assert study.carried(first).lr != 0.002
    phases = {state.phase for state in study.store.phases(study.study_id)}
    assert {"2-loss", "2-loss.quick", "2-loss/finals", "2-loss.quick/finals", "confirm", "confirm.quick"} <= phases
    assert "1-lr.quick" not in phases, "its own screen was the same question"
    screen = study.store.runs(study.study_id, "2-loss")
    assert screen[0].role == "incumbent"
    assert screen[0].signature == study.carried(first).signature
    confirmed = study.store.runs(study.study_id, "confirm")
    final = study.carried(second).canonical()
    assert {row.recipe for row in confirmed if row.label == "final"} == {final}
    once = {row.cell_id: row for row in study.store.runs(study.study_id)}.values()
    cells = [(row.signature, row.replicate) for row in once]
    assert len(cells) == len(set(cells)), "a run is one cell, wherever it is asked for"


def test_a_launch_without_quick_turns_the_study_into_a_full_one_and_one_with_it_changes_nothing(at: Workplace) -> None:
    study = quick(at)
    assert study.depth == "quick"
    carry_out(study)
    assert study.answers(quick=True, ablation=False)
    assert not study.answers(quick=False, ablation=False)
    study.ask(ASKED_FULL, WORKER)
    assert study.depth == "full"
    full = study_with(at)
    assert full.depth == "full", "and one begun in full stays so"
