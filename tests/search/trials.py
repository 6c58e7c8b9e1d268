"""Small real trials: a recipe of seconds, phases made of it, leases on it, and what a worker does with one."""

from search import points
from search.candidates import Candidate
from search.meter import measuring
from search.objective import train
from search.phases import Phase, Planned
from search.workplace import Workplace
from storage.rows import CellKey, Lease, Proposal
from trainer.recipe import Plateau, Recipe

WORKER = "worker-a"
RECIPE = Recipe(image_size=8, epochs=6, decay_epochs=1, lr=0.004, plateau=Plateau(delta=0.0))


def screen_of(*recipes: Recipe) -> Phase:
    runs = tuple(Planned(Candidate(f"{r.lr:g}", "challenger", r, (("lr", r.lr),)), 0) for r in recipes)
    return Phase("1-lr", "screen", runs, 20, rungs=(2,))


def claim(at: Workplace, phase: Phase, planned: Planned, worker: str = WORKER) -> Lease:
    at.study.store.open_phase(at.study.study_id, phase.name, phase.allowed)
    recipe = planned.candidate.recipe
    proposal = Proposal(
        cell=CellKey(*planned.cell),
        data_digest=at.study.manifest.data_digest,
        recipe=recipe.canonical(),
        role=planned.candidate.role,
        label=planned.candidate.label,
        params=points.params_of(planned, phase),
        distributions=points.distributions(phase),
    )
    nonce = f"{worker}-{planned.cell[0][:8]}-{planned.replicate}"
    lease = at.study.store.claim(at.study.study_id, phase.name, worker, nonce, lambda taken: proposal)
    assert isinstance(lease, Lease)
    return lease


def run_trial(at: Workplace, phase: Phase, lease: Lease) -> str:
    """As a worker does it, keeper and meter included."""
    with measuring(str(at.device), at.mode, at.gauge) as meter:
        at.keeper.hold(lease, "", meter.row)
        how = train(lease, phase, at, meter)
    at.keeper.let_go()
    return how
