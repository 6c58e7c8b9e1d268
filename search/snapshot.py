"""What a study looks like right now: its rows, read one after the other, shared by every screen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from search import phases
from search.records import Ablation, Claim, Headline, Rules, TestReport
from search.study import Depth, Study, at_depth
from storage.attempts import AttemptRow
from storage.halt import Halt
from storage.rows import EpochRow, RunRow, Verdict, WorkerRow

ENDED = ("COMPLETE", "PRUNED", "FAIL")
SIGN_OF_LIFE_SECONDS = 60.0


@dataclass(frozen=True)
class StageLine:
    """One row of the answer: *stage, winner, score, trials (finished/stalled/pruned/diverged)*."""

    name: str
    verdict: Verdict | None
    screen: tuple[RunRow, ...]
    finals: tuple[RunRow, ...]
    planned_screen: int
    planned_finals: int
    claim: Claim | None = None
    claim_open: bool = False
    planned_claims: int = 0
    """Runs at most that an open claim may want beyond the finals that decide."""

    @property
    def outcome(self) -> str:
        """`better`, `leaning` or `tie`; empty before the verdict. Better is a leaning whose claim has been made."""
        if self.verdict is None:
            return ""
        claimed = self.claim is not None and self.claim.outcome == "claimed" and self.claim.value == self.verdict.value
        return "better" if claimed else self.verdict.outcome

    @property
    def best(self) -> RunRow | None:
        """The leading trial of the screen so far; pruned ones are censored and never lead."""
        complete = [row for row in self.screen if row.state == "COMPLETE" and row.stop != "diverged"]
        return max(complete, key=lambda row: row.best_score or 0.0, default=None)

    @property
    def trials(self) -> tuple[RunRow, ...]:
        return (*self.screen, *self.finals)

    def counts(self) -> dict[str, int]:
        """Trials trained in this stage, by stop reason; a run reused from an earlier stage is not counted again."""
        stops = Counter(row.stop for row in self.trials if not row.reused and row.state in ENDED)
        return {stop: stops.get(stop, 0) for stop in ("finished", "stalled", "pruned", "diverged", "failed")}


@dataclass(frozen=True)
class Snapshot:
    study: Study
    rules: Rules | None
    headline: Headline | None
    stages: tuple[StageLine, ...]
    runs: tuple[RunRow, ...]
    workers: tuple[WorkerRow, ...]
    attempts: tuple[AttemptRow, ...]  # oldest first
    now: float
    plan: dict[str, int]
    test: TestReport | None = None
    depth: Depth = "full"
    """`quick` while one replicate decides and nobody has asked for more: verdicts and headline are those of it."""
    finished: bool = False
    """Whether nothing is left to train."""
    ablation: Ablation | None = None
    halt: Halt | None = None

    @property
    def takeovers(self) -> tuple[RunRow, ...]:
        """Runs that went on with another worker after theirs was lost."""
        return tuple(row for row in self.trained if row.attempt > 1)

    @property
    def trained(self) -> tuple[RunRow, ...]:
        """Every run once, ended or not."""
        return tuple({row.cell_id: row for row in sorted(self.runs, key=lambda r: r.reused, reverse=True)}.values())

    @property
    def ended(self) -> tuple[RunRow, ...]:
        return tuple(row for row in self.trained if row.state in ENDED)

    @property
    def alive(self) -> tuple[WorkerRow, ...]:
        """Workers that have given a sign of life lately and have not said goodbye."""
        return tuple(w for w in self.workers if w.left_at is None and self.now - w.last_seen < SIGN_OF_LIFE_SECONDS)

    @property
    def remaining(self) -> int:
        """Runs still planned at most."""
        return sum(self.left.values())

    @property
    def left(self) -> dict[str, int]:
        """Phase -> runs at most: of the phases that have begun what is left of them, of the others the plan."""
        left = {}
        for name, planned in self.plan.items():
            ended = sum(row.phase == name and row.state in ENDED and not row.reused for row in self.runs)
            left[name] = 0 if self._decided(name) else max(0, planned - ended)
        left["claims"] = sum(line.planned_claims for line in self.stages)
        return left

    @property
    def metric(self) -> str:
        """What a score is, as people write it."""
        name = self.study.definition.baseline.metric
        return {"macro_f1": "macro F1"}.get(name, name)

    @property
    def phases(self) -> tuple[str, ...]:
        """All phases in the order of the study's life, begun or not."""
        return tuple(name for name in self.plan if name != "claims")

    def curves(self, phase: str) -> dict[int, list[EpochRow]]:
        """Number of the run in its phase -> its epochs, as they are in the database at this moment."""
        return self.study.store.curves(self.study.study_id, phase)

    def _decided(self, phase: str) -> bool:
        if phase == "pilot":
            return self.rules is not None
        if phase == "claims":  # counted stage by stage
            return True
        if phase == "confirm":
            return self.headline is not None
        if phase == "ablation":
            return self.ablation is not None
        stage = phase.removesuffix("/finals")
        decided = any(line.name == stage and line.verdict is not None for line in self.stages)
        return decided or (phase == stage and any(line.name == stage and line.finals for line in self.stages))


def take(study: Study) -> Snapshot:
    """Read the study's rows."""
    store, definition = study.store, study.definition
    runs = store.runs(study.study_id)
    verdicts = {verdict.stage: verdict for verdict in store.verdicts(study.study_id)}
    depth = study.depth
    quick = depth == "quick"
    plan = phases.planned_runs(definition, quick=quick, ablation=study.wants_ablation)
    stages, budgets, entrants = [], definition.budgets, phases.entrants_of_finals(definition)
    more, beyond = 0 if quick else budgets.beyond_finals, phases.first_final(definition) + budgets.finals
    for stage in definition.stages:
        name = definition.phase_name(stage)
        screen, finals = _of(runs, name), _of(runs, f"{name}/finals")
        # The plan takes one run as reused; when more are (the band of the stage before), less is left to do.
        plan[name] -= max(0, sum(row.reused for row in screen) - 1)
        claim = study.claim(stage)
        claim_open = more > 0 and claim is None
        ahead = sum(row.replicate >= beyond and row.state in ENDED for row in finals)
        left = max(0, entrants[name] * more - ahead) if claim_open else 0
        plans = plan[name], plan[f"{name}/finals"]
        verdict = verdicts.get(at_depth(name, depth))
        line = StageLine(name, verdict, screen, finals, *plans, claim, claim_open, left)
        stages.append(line)
    return Snapshot(
        study=study,
        rules=study.rules(),
        headline=study.headline(depth),
        stages=tuple(stages),
        runs=tuple(runs),
        workers=tuple(store.workers(study.study_id)),
        attempts=tuple(store.attempts(study.study_id)),
        now=store.now(),
        plan=plan,
        test=study.test_report(),
        halt=store.halt(study.study_id),
        depth=depth,
        finished=study.finished,
        ablation=study.ablation(),
    )


def _of(runs: Sequence[RunRow], phase: str) -> tuple[RunRow, ...]:
    return tuple(row for row in runs if row.phase == phase)
