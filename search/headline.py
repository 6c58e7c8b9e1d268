"""Final recipe against baseline: the arithmetic behind the headline, on the rows of the confirm phase."""

from collections.abc import Sequence

from search import verdict
from search.records import Gain, Headline
from storage.rows import RunRow


def headline_of(rows: Sequence[RunRow], brief: str | None = None, alone: bool | None = None) -> Headline:
    """Compare replicate by replicate; fall back to the baseline when the gain does not hold up.

    `brief`: the final recipe of a study that one replicate, or none for want of time, has to confirm. `alone`: whether
    it is the baseline itself (default: whether there is no run of a baseline).

    A diverged run counts with score 0, on either side: leaving it out would compare the lucky replicates only. A run
    that failed for reasons of its own (an error, lost workers) leaves its replicate out, and the answer says so.
    """
    final, baseline = _by_replicate(rows, "final"), _by_replicate(rows, "baseline")
    asked = sorted({row.replicate for row in rows})
    alone = not any(row.label == "baseline" for row in rows) if alone is None else alone
    common = tuple(n for n in asked if n in final and (alone or n in baseline))
    failed = {row.replicate for row in rows if row.state == "FAIL"}
    left_out = f"; {len(failed)} of {len(asked)} replicates failed and are left out" if failed else ""
    recipe = next((row.recipe for row in rows if row.label == "final"), brief or "")
    old = next((row.recipe for row in rows if row.label == "baseline"), recipe)
    ours, theirs = [_score(final[n]) for n in common], [] if alone else [_score(baseline[n]) for n in common]
    our_tests, their_tests = _tests(final, common), _tests({} if alone else baseline, () if alone else common)
    gain = gain_of(ours, theirs)
    lost, lost_by_baseline = _diverged(final, common), 0 if alone else _diverged(baseline, common)
    if brief is not None and len(common) < 2:
        answer, why = _brief_answer(alone and bool(asked), ours, theirs)
    else:
        answer, why = _answer(alone, gain, lost, lost_by_baseline, len(common))
    return Headline(
        answer=answer,
        why=why + left_out,
        recipe=recipe if answer == "final" or alone else old,
        replicates=common,
        validation=_mean(ours),
        test=_mean(our_tests),
        baseline_validation=_mean(theirs),
        baseline_test=_mean(their_tests),
        validation_gain=gain,
        test_gain=gain_of(our_tests, their_tests),
    )


def _answer(alone: bool, gain: Gain | None, lost: int, lost_by_baseline: int, count: int) -> tuple[str, str]:
    if alone:
        unsafe = f", although it diverged on {lost} of {count} replicates" if lost else ""
        return "baseline", f"keep the baseline: no stage found a better value{unsafe}"
    if gain is None:
        return (
            "baseline",
            f"keep the baseline: only {count} replicates could be compared, too few to decide",
        )
    if lost > lost_by_baseline:
        return "baseline", f"keep the baseline: the final recipe diverged on {lost} of {count} fresh replicates"
    if gain.mean <= 0:
        return "baseline", "keep the baseline: on fresh replicates the final recipe does not beat it"
    diverged = f" (the baseline diverged on {lost_by_baseline} of {count})" if lost_by_baseline else ""
    if gain.low <= 0:
        return "final", f"either will do: the final recipe is ahead by no more than chance could make it{diverged}"
    return "final", f"take the final recipe: it is ahead of the baseline by more than chance{diverged}"


def _brief_answer(alone: bool, ours: Sequence[float], theirs: Sequence[float]) -> tuple[str, str]:
    if alone:
        return "baseline", "keep the baseline: no stage found a better value"
    if not ours:
        return "final", "the final recipe, with care: no time was left to confirm it on fresh replicates"
    points = 100 * (ours[0] - theirs[0])
    if points <= 0:
        return "baseline", f"keep the baseline: on one fresh replicate the final recipe is {-points:.2f} points behind"
    return "final", f"leaning to the final recipe: {points:+.2f} points on one fresh replicate, which has no error bar"


def _by_replicate(rows: Sequence[RunRow], label: str) -> dict[int, RunRow]:
    return {row.replicate: row for row in rows if row.label == label and row.state == "COMPLETE"}


def _diverged(rows: dict[int, RunRow], replicates: Sequence[int]) -> int:
    return sum(rows[n].stop == "diverged" for n in replicates)


def _score(row: RunRow) -> float:
    return 0.0 if row.stop == "diverged" else row.last_score or 0.0


def _tests(rows: dict[int, RunRow], replicates: Sequence[int]) -> list[float]:
    found = [0.0 if rows[n].stop == "diverged" else rows[n].test_score for n in replicates]
    return [score for score in found if score is not None] if None not in found else []


def _mean(scores: Sequence[float]) -> float | None:
    return sum(scores) / len(scores) if scores else None


def gain_of(ours: Sequence[float], theirs: Sequence[float]) -> Gain | None:
    """The paired gain with its interval; None for fewer than two pairs."""
    if len(ours) != len(theirs) or len(ours) < 2:
        return None
    gain = verdict.paired_gain(ours, theirs)
    return Gain(mean=gain.mean, low=gain.low, high=gain.high)
