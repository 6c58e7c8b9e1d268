from collections.abc import Sequence

import pytest

from search.headline import headline_of
from storage.rows import RunRow
from tests.search.rows import run_row


def confirmed(final: Sequence[float | None], baseline: Sequence[float | None] | None) -> list[RunRow]:
    """Rows of both recipes; None stands for a diverged run."""
    rows = []
    for label, scores in (("final", final), ("baseline", baseline or [])):
        for number, score in enumerate(scores):
            diverged = {"stop": "diverged", "best_score": 0.0, "last_score": 0.0, "test_score": None}
            rows.append(run_row(number, score, label=label, recipe=label, **(diverged if score is None else {})))
    return rows


def test_a_clear_gain_is_the_answer_and_says_so() -> None:
    headline = headline_of(confirmed([0.95, 0.96, 0.95, 0.96], [0.90, 0.90, 0.91, 0.90]))
    assert (headline.answer, headline.recipe) == ("final", "final")
    assert "by more than chance" in headline.why
    assert headline.validation_gain is not None
    assert headline.validation_gain.mean == pytest.approx(0.0525)
    assert headline.test_gain is not None


def test_a_gain_within_chance_is_not_sold_as_more() -> None:
    headline = headline_of(confirmed([0.95, 0.80, 0.95, 0.96], [0.90, 0.90, 0.91, 0.90]))
    assert headline.answer == "final"
    assert "either will do" in headline.why


def test_no_gain_falls_back_to_the_baseline() -> None:
    headline = headline_of(confirmed([0.89, 0.89, 0.90], [0.90, 0.90, 0.91]))
    assert (headline.answer, headline.recipe) == ("baseline", "baseline")


def test_a_final_recipe_that_diverges_is_not_judged_by_the_replicates_where_it_did_not() -> None:
    headline = headline_of(confirmed([0.99, 0.99, 0.99, None, None, None], [0.90] * 6))
    assert headline.answer == "baseline"
    assert "diverged on 3 of 6" in headline.why
    assert headline.replicates == (0, 1, 2, 3, 4, 5)


def test_a_baseline_that_diverges_does_not_win_by_default() -> None:
    headline = headline_of(confirmed([0.98, 0.97, 0.98], [None, None, None]))
    assert (headline.answer, headline.recipe) == ("final", "final")
    assert "the baseline diverged on 3 of 3" in headline.why
    assert headline.test_gain is not None
    assert headline.test_gain.mean > 0.9


def test_replicates_that_failed_for_reasons_of_their_own_are_left_out_and_named() -> None:
    rows = confirmed([0.95, 0.96, 0.95], [0.90, 0.90, 0.91])
    rows[0] = run_row(0, None, label="final", recipe="final", state="FAIL", stop="failed")
    headline = headline_of(rows)
    assert headline.replicates == (1, 2)
    assert "1 of 3 replicates failed and are left out" in headline.why


def test_too_few_replicates_decide_nothing() -> None:
    headline = headline_of(confirmed([0.95], [0.90]))
    assert headline.answer == "baseline"
    assert "too few" in headline.why


def test_an_unchanged_recipe_is_reported_alone() -> None:
    headline = headline_of(confirmed([0.95, 0.96], None))
    assert (headline.answer, headline.recipe) == ("baseline", "final")
    assert headline.validation == pytest.approx(0.955)
    assert headline.validation_gain is None
    assert "no stage found a better value" in headline.why


def test_a_confirmation_that_time_cut_before_its_baseline_ran_is_no_baseline() -> None:
    (only_final,) = [row for row in confirmed([0.95], [0.90]) if row.label == "final"]
    headline = headline_of([only_final], brief="final", alone=False)
    assert (headline.answer, headline.recipe, headline.replicates) == ("final", "final", ())
    assert "no time was left to confirm it" in headline.why


def test_one_fresh_replicate_leans_and_has_no_error_bar() -> None:
    headline = headline_of(confirmed([0.95], [0.90]), brief="final", alone=False)
    assert headline.why.startswith("leaning to the final recipe: +5.00 points on one fresh replicate")
    behind = headline_of(confirmed([0.85], [0.90]), brief="final", alone=False)
    assert (behind.answer, behind.recipe) == ("baseline", "baseline")
