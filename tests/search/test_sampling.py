from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search import phases
from search.candidates import screen_candidates
from search.phases import Planned, screen
from search.points import distributions
from search.sampling import FEW_WORKERS, Draws, Remembered, next_run
from spaces.domain import LogGrid, Options
from spaces.lr_aug import LR_AUG
from spaces.stage import Factor, Stage
from storage.rows import RunRow
from tests.search.rows import run_row

BASELINE = phases.with_plateau(LR_AUG, 0.005)
LOSS_SCREEN = phases.screen(LR_AUG, LR_AUG.stages[1], BASELINE, BASELINE.lr)
LR_SCREEN = phases.screen(LR_AUG, LR_AUG.stages[0], BASELINE, BASELINE.lr)


def all_drawn(phase: phases.Phase, seed: int) -> list[phases.Planned]:
    taken: set[tuple[str, int]] = set()
    drawn = []
    while (planned := next_run(phase, [], frozenset(taken), seed + len(taken))) is not None:
        taken.add(planned.cell)
        drawn.append(planned)
    return drawn


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_a_screen_draws_every_cell_exactly_once_and_the_incumbent_first(seed: int) -> None:
    drawn = all_drawn(LOSS_SCREEN, seed)
    assert len({planned.cell for planned in drawn}) == len(drawn) == len(LOSS_SCREEN.runs)
    assert drawn[0].candidate.role == "incumbent"


def test_a_listed_phase_is_drawn_in_its_order() -> None:
    finals = phases.finals(LR_AUG, LR_AUG.stages[0], screen_candidates(LR_AUG.stages[0], BASELINE, 0.001)[:3])
    assert tuple(all_drawn(finals, 0)) == finals.runs


def test_every_worker_describes_the_same_space_to_optuna() -> None:
    space = distributions(LOSS_SCREEN)
    assert isinstance(space["loss"], CategoricalDistribution)
    assert isinstance(space["lr"], FloatDistribution)
    assert space["lr"].log
    for planned in LOSS_SCREEN.runs:
        for name, value in planned.candidate.params:
            assert space[name]._contains(space[name].to_internal_repr(value))
    confirm = phases.confirm(LR_AUG, BASELINE, BASELINE.model_copy(update={"lr": 0.1}))
    assert distributions(confirm)["replicate"] == IntDistribution(100, 107)


def test_different_seeds_search_in_different_orders() -> None:
    orders = {tuple(planned.cell for planned in all_drawn(LR_SCREEN, seed)) for seed in (1, 1000, 2000)}
    assert len(orders) > 1


def test_a_hundred_workers_who_ask_at_the_same_moment_come_apart_in_a_few_draws() -> None:
    """Of those who want the same cell one gets it, the others see it taken and draw again."""
    crossed = Factor(factor="batch_size", domain=Options(choices=(16, 32, 64, 128)))
    stage = Stage(name="lr", factor="lr", domain=LogGrid(low=1e-4, high=1e-1, step=1.2), crossed=crossed)
    definition = LR_AUG.model_copy(update={"stages": (stage,)})
    phase = screen(definition, stage, definition.baseline, definition.baseline.lr)
    taken, drawn = {phase.runs[0].cell}, 0
    rows = [_row(phase.runs[0])]
    asking = [Draws(phase, Remembered(phase)) for _ in range(100)]
    while asking:
        wanted = [draws.next(rows, frozenset(taken), 1) for draws in asking]
        drawn += len(wanted)
        beaten = []
        for draws, planned in zip(asking, wanted, strict=True):
            assert planned is not None
            if planned.cell in taken:
                beaten.append(draws)
            else:
                taken.add(planned.cell)
                rows.append(_row(planned))
        asking = beaten
    assert len(taken) == 101
    assert drawn < 100 * 10, "one after the other it would be 5050"


def test_who_is_beaten_to_the_incumbent_draws_what_a_claim_after_it_would() -> None:
    """So that a fork of a study that two workers began at once tries the same cells."""
    for seed in range(20):
        beaten, first = Draws(LR_SCREEN, Remembered(LR_SCREEN)), LR_SCREEN.runs[0]
        assert beaten.next([], frozenset(), seed) == first
        rows, taken = [_row(first)], frozenset({first.cell})
        later = Draws(LR_SCREEN, Remembered(LR_SCREEN))
        assert beaten.next(rows, taken, seed) == later.next(rows, taken, seed)


def test_who_is_beaten_to_its_first_wish_draws_what_a_claim_after_it_would() -> None:
    """Two workers who end their trials at the same moment ask at the same moment."""
    first = LR_SCREEN.runs[0]
    for seed in range(20):
        beaten = Draws(LR_SCREEN, Remembered(LR_SCREEN))
        wished = beaten.next([_row(first)], frozenset({first.cell}), seed)
        assert wished is not None
        rows, taken = [_row(first), _row(wished)], frozenset({first.cell, wished.cell})
        later = Draws(LR_SCREEN, Remembered(LR_SCREEN))
        assert beaten.next(rows, taken, seed + 1) == later.next(rows, taken, seed + 1)
        assert beaten.among == 1


def test_of_a_crowd_who_is_beaten_takes_a_neighbour_without_another_draw() -> None:
    running = [_row(planned) for planned in LR_SCREEN.runs[: FEW_WORKERS + 1]]
    taken = frozenset(planned.cell for planned in LR_SCREEN.runs[: FEW_WORKERS + 1])
    beaten = Draws(LR_SCREEN, Remembered(LR_SCREEN))
    wished = beaten.next(running, taken, 1)
    assert wished is not None
    beaten.next([*running, _row(wished)], taken | {wished.cell}, 2)
    assert beaten.among == 2


def test_a_fork_tries_the_cells_of_its_source_in_their_order_though_it_has_them_from_there() -> None:
    """One claim of the fork goes on drawing past what it reuses; in the source each was a claim of its own."""
    rows, trained = [], []
    for number in range(6):
        planned = Draws(LR_SCREEN, Remembered(LR_SCREEN)).next(rows, frozenset(p.cell for p in trained), number)
        assert planned is not None
        trained.append(planned)
        rows.append(replace(_row(planned), state="COMPLETE"))
    draws, reused, seen = Draws(LR_SCREEN, Remembered(LR_SCREEN)), [], []
    for number in range(6):
        planned = draws.next(seen, frozenset(p.cell for p in reused), number)
        assert planned is not None
        reused.append(planned)
        seen.append(replace(_row(planned), state="COMPLETE", reused=True))
    assert [planned.cell for planned in reused] == [planned.cell for planned in trained]


def _row(planned: Planned) -> RunRow:
    signature, replicate = planned.cell
    return run_row(1, 0.5, phase="1-lr", state="RUNNING", signature=signature, replicate=replicate)
