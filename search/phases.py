"""The phases of a study's life as data: which runs they hold and by which score they are ranked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from search.candidates import Candidate, screen_candidates
from spaces.stage import Stage
from spaces.study import StudyDefinition
from trainer.recipe import Plateau, Recipe

Kind = Literal["pilot", "screen", "finals", "confirm", "ablation", "retrain"]

FINALS_FIRST = 1
CONFIRM_FIRST = 100
PILOT_FIRST = 200


@dataclass(frozen=True)
class Planned:
    """A candidate on a replicate: one run that a phase wants."""

    candidate: Candidate
    replicate: int

    @cached_property
    def cell(self) -> tuple[str, int]:
        return self.candidate.recipe.signature, self.replicate


@dataclass(frozen=True)
class Phase:
    """The runs of one Optuna study, in the order in which they are wanted; at most `allowed` of them are run."""

    name: str
    kind: Kind
    runs: tuple[Planned, ...]
    allowed: int
    rungs: tuple[int, ...] = ()
    """Epochs after which its trials are compared and may be pruned: of screens only."""
    space: tuple[Planned, ...] = ()
    """All runs that its Optuna study may ever hold, where `runs` is a part of them: distributions must not change."""
    beyond: bool = False
    """Asked for after the answer: the time that the study was given does not bound it."""

    @property
    def ranks_by_best_epoch(self) -> bool:
        """Screens rank by the best epoch; everything that decides or reports uses the score after the decay."""
        return self.kind == "screen"

    @property
    def opens_test(self) -> bool:
        return self.kind == "confirm"


def kind_of(name: str) -> Kind:
    """The kind of a phase by its name, also of one that was set aside: `1-lr`, `1-lr/finals`, `confirm.quick`."""
    stem, slash, rest = name.partition("/")
    kinds: dict[str, Kind] = {"pilot": "pilot", "confirm": "confirm", "ablation": "ablation"}
    if stem.startswith("retrain-"):
        return "retrain" if rest == "final" else "ablation"
    return "finals" if slash else kinds.get(stem.partition(".")[0], "screen")


def base_replicate(definition: StudyDefinition) -> int:
    """Study seed s owns the replicates 1000*s to 1000*s + 999."""
    return 1000 * definition.seed


def pilot(definition: StudyDefinition) -> Phase:
    """The baseline on the screen's fold, never stopped early, under several seeds."""
    recipe = definition.baseline.model_copy(update={"plateau": None})
    candidate = Candidate("baseline", "pilot", recipe, ())
    first = base_replicate(definition) + PILOT_FIRST
    return _listed("pilot", "pilot", [Planned(candidate, first + n) for n in range(definition.budgets.pilot)])


def screen(definition: StudyDefinition, stage: Stage, incumbent: Recipe, anchor: float) -> Phase:
    """Every cell of the stage on replicate 0, at most `stage.trials` of them."""
    replicate = base_replicate(definition)
    runs = tuple(Planned(candidate, replicate) for candidate in screen_candidates(stage, incumbent, anchor))
    allowed = min(stage.trials or len(runs), len(runs))
    return Phase(definition.phase_name(stage), "screen", runs, allowed, stage.rungs(definition.budgets.rungs))


def first_final(definition: StudyDefinition) -> int:
    """The first of the replicates on which finalists meet."""
    return base_replicate(definition) + FINALS_FIRST


def finals(
    definition: StudyDefinition,
    stage: Stage,
    finalists: tuple[Candidate, ...],
    after: int = 0,
    count: int | None = None,
    active: Collection[str] | None = None,
) -> Phase:
    """The finalists on `count` common fresh replicates (default: all that decide) behind the first `after`.

    With `active` only those of these labels.
    """
    budgets = definition.budgets
    first, most = first_final(definition), budgets.finals + budgets.beyond_finals
    taking_part = [c for c in finalists if active is None or c.label in active]
    runs = [Planned(c, first + after + n) for n in range(count or budgets.finals) for c in taking_part]
    space = tuple(Planned(c, first + n) for n in range(most) for c in finalists)
    entrants = 1 + budgets.finalists
    allowed = entrants * most  # of the phase, whatever part of it is asked for here
    return Phase(f"{definition.phase_name(stage)}/finals", "finals", tuple(runs), allowed, space=space)


def confirm(definition: StudyDefinition, baseline: Recipe, final: Recipe, count: int | None = None) -> Phase:
    """Final recipe against the original baseline on `count` replicates that no decision has seen (default: all)."""
    candidates = [Candidate("final", "final", final, (("recipe", "final"),))]
    if baseline != final:
        candidates.append(Candidate("baseline", "baseline", baseline, (("recipe", "baseline"),)))
    first, most = base_replicate(definition) + CONFIRM_FIRST, definition.budgets.confirm
    space = tuple(Planned(c, first + n) for n in range(most) for c in candidates)
    runs = space[: len(candidates) * (count or most)]
    return Phase("confirm", "confirm", runs, 2 * most, space=space)


def ablation(definition: StudyDefinition, baseline: Recipe, final: Recipe, without: Sequence[Candidate]) -> Phase:
    """The final recipe and the baseline as they were confirmed, and `without` each stage's winner, on the same
    replicates: nothing of it opens the test part."""
    confirmed = [Candidate("final", "final", final, (("recipe", "final"),))]
    confirmed.append(Candidate("baseline", "baseline", baseline, (("recipe", "baseline"),)))
    first = base_replicate(definition) + CONFIRM_FIRST
    count, candidates = definition.budgets.confirm, [*confirmed, *without]
    return _listed("ablation", "ablation", [Planned(c, first + n) for n in range(count) for c in candidates])


def with_plateau(definition: StudyDefinition, delta: float) -> Recipe:
    """The baseline as every phase after the pilot runs it: stopped by the delta rule, where a patience is given."""
    if definition.patience is None:
        return definition.baseline
    return definition.baseline.model_copy(update={"plateau": Plateau(patience=definition.patience, delta=delta)})


def planned_runs(definition: StudyDefinition, *, quick: bool = False, ablation: bool = False) -> dict[str, int]:
    """Phase name -> runs at most, before anything is known: the plan. Runs reused from earlier stages are left out.

    What is left of `finals` for a claim stands apart, as `claims`. `quick`: of the first replicate only.
    """
    plan = {"pilot": definition.budgets.pilot}
    incumbent = with_plateau(definition, definition.delta)
    entrants = entrants_of_finals(definition)
    for number, stage in enumerate(definition.stages):
        phase = screen(definition, stage, incumbent, incumbent.lr)
        reused = number > 0
        plan[phase.name] = phase.allowed - reused
        plan[f"{phase.name}/finals"] = (entrants[phase.name] - reused) * (1 if quick else definition.budgets.finals)
    plan["confirm"] = 2 * (1 if quick else definition.budgets.confirm)
    if (more := definition.budgets.beyond_finals) and not quick:
        plan["claims"] = more * sum(entrants.values())
    if ablation:
        plan["ablation"] = len(definition.stages) * definition.budgets.confirm
    return plan


def entrants_of_finals(definition: StudyDefinition) -> dict[str, int]:
    """Stage -> how many may meet in its finals, the incumbent included."""
    incumbent = with_plateau(definition, definition.delta)
    found = {}
    for stage in definition.stages:
        values = {run.candidate.label for run in screen(definition, stage, incumbent, incumbent.lr).runs}
        found[definition.phase_name(stage)] = 1 + min(definition.budgets.finalists, len(values) - 1)
    return found


def _listed(name: str, kind: Kind, runs: list[Planned]) -> Phase:
    return Phase(name, kind, tuple(runs), len(runs))
