"""A study walked through on paper: real rows in a real database, scores drawn, nothing trained."""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

from search import points
from search.candidates import Candidate
from search.life import life
from search.phases import Phase
from search.study import Study
from search.workplace import Workplace
from storage.rows import CellKey, Lease, PhaseDone, Proposal, Result, Wait
from tests.search.trials import WORKER

Scored = Callable[[Study, Candidate, int], float]


def study_with(at: Workplace, **changes: object) -> Study:
    """The study of the workplace with three finals and up to eight replicates, on paper."""
    definition = at.study.definition
    budgets = definition.budgets.model_copy(update={"finals": 3, "claims": 8, "finalists": 2, "confirm": 2})
    definition = definition.model_copy(update={"budgets": budgets, "stages": definition.stages[:2], **changes})
    return replace(at.study, resolved=at.study.resolved.model_copy(update={"definition": definition}))


def carry_out(study: Study, some: Iterable[Phase] | None = None, score_of: "Scored | None" = None) -> list[str]:
    """Walk through the study's life (or some phases), runs scored by chance, not trained: what was run, in order."""
    done = []
    store = study.store
    for phase in life(study, WORKER) if some is None else some:
        store.open_phase(study.study_id, phase.name, phase.allowed)
        for planned in phase.runs:
            candidate = planned.candidate
            proposal = Proposal(
                cell=CellKey(*planned.cell),
                data_digest=study.manifest.data_digest,
                recipe=candidate.recipe.canonical(),
                role=candidate.role,
                label=candidate.label,
                params=points.params_of(planned, phase),
                distributions=points.distributions(phase),
            )
            nonce = f"{phase.name}-{planned.cell[0][:12]}-{planned.replicate}"
            got = store.claim(
                study.study_id, phase.name, WORKER, nonce, lambda taken, p=proposal: None if p.cell in taken else p
            )
            if isinstance(got, (PhaseDone, Wait)):
                continue
            assert isinstance(got, Lease)
            done.append(f"{phase.name} {candidate.label} {planned.replicate}")
            score = (score_of or scored)(study, candidate, planned.replicate)
            store.finish(got, Result("finished", "finished", score, 1, score, score, 4, 1.0, test_score=score))
    return done


def scored(study: Study, candidate: Candidate, replicate: int) -> float:
    """A learning rate of 0.008 is better by 2 points, nothing else is; noise has 0.4 points."""
    draw = random.Random(f"{candidate.recipe.signature}/{replicate}")
    lr = 0.02 if 0.007 < candidate.recipe.lr < 0.009 else 0.0
    shared = random.Random(replicate).uniform(-0.05, 0.05)
    return round(0.8 + lr + shared + draw.gauss(0, 0.004), 4)
