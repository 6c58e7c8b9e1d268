"""The sequential test behind a claim: textbook arithmetic, and no luck of the order in which results arrive."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks import simulated, verdicts
from search.sequential import NOTHING, Noise, could_miss, stand

SCORE = st.floats(0, 1)
TABLES = st.integers(1, 3).flatmap(
    lambda k: st.lists(st.lists(SCORE, min_size=k + 1, max_size=k + 1), min_size=0, max_size=8)
)


def by_label(table: list[list[float]]) -> dict[str, dict[int, float]]:
    """Rows are replicates, the first column is the incumbent."""
    width = len(table[0]) if table else 2
    return {str(n): {r: row[n] for r, row in enumerate(table, start=1)} for n in range(width)}


def residual_noise(table: list[list[float]]) -> Noise:
    """What analysis of variance says: contender and replicate taken out."""
    rows, columns = len(table), len(table[0])
    grand = statistics.fmean(value for row in table for value in row)
    by_row = [statistics.fmean(row) for row in table]
    by_column = [statistics.fmean(row[n] for row in table) for n in range(columns)]
    squares = sum((table[r][c] - by_row[r] - by_column[c] + grand) ** 2 for r in range(rows) for c in range(columns))
    return Noise(squares, (rows - 1) * (columns - 1))


@given(st.lists(st.lists(SCORE, min_size=3, max_size=3), min_size=2, max_size=2))
def test_noise_is_that_of_a_two_way_analysis_of_variance(table: list[list[float]]) -> None:
    told, expected = stand(by_label(table), "0", range(1, 9)).noise, residual_noise(table)
    assert told.freedom == expected.freedom
    assert told.squares == pytest.approx(expected.squares, abs=1e-9)


def test_one_challenger_is_judged_by_a_paired_t_with_its_level() -> None:
    draw = random.Random(3)
    table = [[shared + draw.gauss(0, 0.01), shared + 0.012 + draw.gauss(0, 0.01)] for shared in (0.7, 0.8, 0.75)]
    told = stand(by_label(table), "0", range(1, 9))
    gains = [row[1] - row[0] for row in table]
    t = statistics.fmean(gains) / (statistics.stdev(gains) / math.sqrt(3))
    assert told.looks[0].p == pytest.approx(stats.t.sf(t, 2))
    assert told.looks[0].level == pytest.approx(0.027 * (3 / 8) ** 2)
    half = stats.t.ppf(0.99, 2) * statistics.stdev(gains) / math.sqrt(3)
    assert told.looks[0].high - told.looks[0].gain == pytest.approx(half)


@given(TABLES, st.integers(0, 12))
def test_the_test_is_a_function_of_the_replicates_in_order(table: list[list[float]], freedom: int) -> None:
    carried = Noise(0.001 * freedom, freedom)
    whole = stand(by_label(table), "0", range(1, 9), carried=carried)
    shuffled = {label: dict(reversed(each.items())) for label, each in by_label(table).items()}
    assert stand(shuffled, "0", range(1, 9), carried=carried) == whole
    for cut in range(len(table)):  # what was concluded early stays when more arrives
        early = stand(by_label(table[:cut]), "0", range(1, 9), carried=carried)
        if early.outcome != "open" and cut:
            assert early.outcome == whole.outcome
            assert early.looks == whole.looks


@given(TABLES)
def test_nobody_is_claimed_or_dropped_before_the_third_replicate(table: list[list[float]]) -> None:
    told = stand(by_label(table[:2]), "0", range(1, 9))
    assert told.outcome == "open"
    assert told.looks == ()


@given(st.lists(SCORE, min_size=3, max_size=8), st.floats(0.001, 0.5))
def test_scores_without_any_noise_are_never_a_claim(shared: list[float], gain: float) -> None:
    table = [[round(value, 6), round(value, 6)] for value in shared]
    assert stand(by_label(table), "0", range(1, 9)).outcome != "claimed"


def test_a_gain_far_above_the_noise_is_claimed_at_the_first_look() -> None:
    table = [[0.70, 0.80], [0.61, 0.712], [0.65, 0.751]]
    told = stand(by_label(table), "0", range(1, 9))
    assert (told.outcome, told.seen) == ("claimed", 3)
    assert told.best is not None
    assert told.best.label == "1"
    assert told.best.low > 0


def test_noise_is_taken_for_one_validation_image_at_least() -> None:
    table = [[0.70, 0.701], [0.60, 0.6011], [0.65, 0.651]]
    assert stand(by_label(table), "0", range(1, 9)).outcome == "claimed"
    assert stand(by_label(table), "0", range(1, 9), floor=1 / 300).outcome == "open"


def test_a_challenger_that_does_not_lead_is_dropped_and_trained_no_further() -> None:
    table = [[0.70, 0.71, 0.60], [0.60, 0.60, 0.61], [0.65, 0.66, 0.60]]
    told = stand(by_label(table), "0", range(1, 9))
    assert told.outcome == "open"
    assert told.active == ("0", "1")
    table = [[0.70, 0.69, 0.60], [0.60, 0.60, 0.61], [0.65, 0.65, 0.60]]
    assert stand(by_label(table), "0", range(1, 9)).outcome == "dropped"


def test_of_several_that_could_be_claimed_it_is_the_one_that_led_at_first() -> None:
    table = [[0.70, 0.80, 0.81], [0.61, 0.712, 0.70], [0.65, 0.751, 0.75], [0.6, 0.701, 0.72]]
    told = stand(by_label(table), "0", range(1, 9))
    assert told.best is not None
    first = {look.label: look.gain for look in told.looks if look.replicates == 3}
    assert told.best.label == max(first, key=lambda label: first[label])


def test_a_loss_beyond_the_end_of_a_test_changes_nothing_and_one_before_it_costs_the_loser_only() -> None:
    table = [[0.70, 0.80, 0.60], [0.61, 0.712, 0.62], [0.65, 0.751, 0.61], [0.6, 0.7, 0.6]]
    whole = stand(by_label(table), "0", range(1, 9))
    assert (whole.outcome, whole.seen) == ("claimed", 4)
    assert stand(by_label(table), "0", range(1, 9), lost={"0": (5,), "1": (6,)}) == whole
    told = stand(by_label(table), "0", range(1, 9), lost={"2": (2,)})
    assert (told.outcome, told.lost) == ("claimed", ("2",))
    assert told.looks[0].level == whole.looks[0].level, "the level is that of all who began"
    assert stand(by_label(table), "0", range(1, 9), lost={"0": (2,)}).outcome == "dropped"


def test_a_test_waits_for_the_replicate_that_somebody_lacks() -> None:
    scores = by_label([[0.7, 0.71], [0.6, 0.60], [0.65, 0.66], [0.6, 0.61]])
    del scores["1"][2]
    assert stand(scores, "0", range(1, 9)).seen == 1


def test_eight_replicates_are_the_end_of_it() -> None:
    draw = random.Random(1)
    table = [[draw.gauss(0, 1), 0.3 + draw.gauss(0, 1)] for _ in range(8)]
    told = stand(by_label(table), "0", range(1, 9))
    assert told.outcome in ("exhausted", "dropped")
    assert could_miss(Noise(8.0, 8), 8, 0.0) == 2.0
    assert could_miss(Noise(0.0, 8), 8, 0.01) == 0.02
    assert could_miss(NOTHING, 8, 0.0) == math.inf


def test_when_nothing_is_better_few_stages_claim_it_and_the_intervals_cover() -> None:
    """A small edition of `python -m benchmarks.verdicts`; five standard errors of room."""
    draws = 600
    for noise in (simulated.light, simulated.heavy):
        found = simulated.stages(simulated.World(8, 2, noise), simulated.all_equal, draws, "suite")
        false = statistics.fmean(each.standing.outcome == "claimed" for each in found)
        assert false <= 0.05 + 5 * math.sqrt(0.05 * 0.95 / draws)
        assert simulated.covered(found) >= 0.93 - 5 * math.sqrt(0.07 * 0.93 / draws)
        naive = statistics.fmean(each.naive_label != simulated.INCUMBENT for each in found)
        assert naive > 0.8, "what a single run on one split would have called a winner"


def test_a_value_that_is_better_is_mostly_found() -> None:
    found = simulated.stages(simulated.World(8, 2), simulated.one_better(2.0), 300, "suite")
    share = statistics.fmean(e.standing.outcome == "claimed" and e.standing.best.label == "1" for e in found)  # type: ignore[union-attr]
    assert share > 0.75


def test_the_tables_are_written_whole() -> None:
    for part in verdicts.PARTS.values():
        lines = part(2).splitlines()
        assert len({line.count("|") for line in lines}) == 1


def test_carrying_the_mean_loses_less_than_being_strict_and_that_less_than_taking_the_best_score() -> None:
    """On the same 300 simulated studies of three stages; and no more than a few headlines are wrong."""
    rows = [line.strip("| ").split(" | ") for line in verdicts.chains(300).splitlines()]
    lost = {row[0]: float(row[1]) for row in rows if row[0] in verdicts.POLICIES}
    naive, strict, by_mean, confirmed = (lost[policy] for policy in verdicts.POLICIES)
    assert confirmed <= by_mean < strict < naive


@pytest.mark.parametrize(("values", "challengers", "carried"), [(4, 1, True), (12, 3, False)])
def test_few_claims_are_false_whatever_the_stage_looks_like(values: int, challengers: int, carried: bool) -> None:
    count, world = 400, simulated.World(values, challengers, carried=carried)
    found = simulated.stages(world, simulated.all_equal, count, "suite")
    claims = sum(stage.standing.outcome == "claimed" for stage in found)
    assert claims / count <= 0.05 + 5 * (0.05 * 0.95 / count) ** 0.5
