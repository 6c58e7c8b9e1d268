from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search import phases
from search.candidates import screen_candidates
from search.sampling import distributions, next_run
from spaces.lr_aug import LR_AUG

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
