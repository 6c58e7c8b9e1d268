"""What each stage's winner is worth in the end, and whether the parts add up: each put back, one at a time."""

from collections.abc import Mapping

from search import conclusions, phases
from search.candidates import Candidate
from search.headline import gain_of
from search.phases import Phase
from search.records import Ablation, Worth, as_json
from search.study import Study
from spaces.stage import Stage, held
from trainer.recipe import Recipe


def phase_of(study: Study) -> Phase | None:
    """The confirmed recipes, and the final one without each winner, on the replicates of the confirmation; None where
    no stage carried anything new."""
    without = [candidate for _, candidate in _without(study)]
    return phases.ablation(study.definition, _baseline(study), _final(study), without) if without else None


def settle(study: Study, worker: str) -> Ablation:
    """Write down what the runs say: one row, whoever writes it first."""
    scores: dict[str, dict[int, float]] = {}
    for row in study.store.runs(study.study_id, "ablation"):
        if conclusions.ended_well(row) and row.last_score is not None:
            scores.setdefault(row.signature, {})[row.replicate] = row.last_score
    told = measured(study, scores)
    return Ablation.model_validate(study.store.measure_once(study.study_id, "ablation", as_json(told), worker))


def measured(study: Study, scores: Mapping[str, Mapping[int, float]]) -> Ablation:
    """From recipe signature -> replicate -> score. Only replicates that every recipe ended well are looked at."""
    baseline, final, parts = _baseline(study), _final(study), _without(study)
    asked = [recipe.signature for recipe in (final, baseline, *(without.recipe for _, without in parts))]
    common = sorted(set.intersection(*(set(scores.get(signature, {})) for signature in asked)))
    series = {signature: [scores[signature][n] for n in common] for signature in asked if common}
    ours, theirs = series.get(final.signature, []), series.get(baseline.signature, [])
    worths, single = [], [0.0] * len(common)
    for stage, without in parts:
        put_back = series.get(without.recipe.signature, [])
        worths.append(
            Worth(
                stage=study.definition.phase_name(stage),
                value=held(stage, final).label,
                put_back=held(stage, without.recipe).label,
                gain=gain_of(ours, put_back),
            )
        )
        single = [so_far + mine - his for so_far, mine, his in zip(single, ours, put_back, strict=True)]
    whole = [mine - his for mine, his in zip(ours, theirs, strict=True)]
    beyond = gain_of(whole, single) if len(parts) > 1 else None
    return Ablation(
        replicates=tuple(common), worths=tuple(worths), together=gain_of(ours, theirs) if parts else None, beyond=beyond
    )


def _without(study: Study) -> list[tuple[Stage, Candidate]]:
    """For every stage that carried a new value: the final recipe with what the baseline has in its fields.

    What was re-tuned beside a winner (a learning rate) stays: it belongs to the stage that asks about it.
    """
    baseline, final = _baseline(study), _final(study)
    found = []
    for stage in study.definition.stages:
        back = held(stage, baseline).changes
        if back != held(stage, final).changes:
            name = f"without {stage.name}"
            found.append((stage, Candidate(name, "ablation", final.model_copy(update=back), (("recipe", name),))))
    return found


def _baseline(study: Study) -> Recipe:
    return phases.with_plateau(study.definition, study.settled_rules().delta)


def _final(study: Study) -> Recipe:
    return study.carried(study.definition.stages[-1])
