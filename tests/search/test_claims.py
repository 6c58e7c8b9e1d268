"""Claims in a stored study: which replicates are wanted, and that the same evidence gives the same claim."""

from dataclasses import replace
from typing import Any

import pytest

from search import claims, conclusions
from search.candidates import Candidate
from search.life import life
from search.snapshot import take
from search.workplace import Workplace
from tests.search.on_paper import carry_out, study_with
from tests.search.trials import WORKER


def test_a_gain_above_the_noise_is_claimed_and_one_that_is_not_there_is_not(at: Workplace) -> None:
    study = study_with(at)
    ran = carry_out(study)
    first, second = study.definition.stages
    lr, loss = study.claim(first), study.claim(second)
    assert lr is not None
    assert loss is not None
    assert lr.outcome == "claimed"
    assert lr.gain is not None
    assert lr.gain.mean == pytest.approx(0.02, abs=0.01)
    assert loss.outcome in ("dropped", "exhausted")
    assert loss.freedom > lr.freedom >= 4, "the second stage goes on with the noise of the first"
    confirmed = max(n for n, what in enumerate(ran) if what.startswith("confirm"))
    later = [what for what in ran[confirmed:] if "/finals" in what]
    assert all(int(what.rsplit(" ", 1)[1]) % 1000 > 3 for what in later), (
        "what a claim wants is trained after the headline"
    )
    assert study.finished
    snapshot = take(study)
    assert snapshot.finished
    assert snapshot.stages[0].outcome == "better"


def test_a_claim_changes_no_choice_and_a_study_without_claims_ends_with_the_headline(at: Workplace) -> None:
    study = study_with(at)
    carry_out(study)
    carried = [study.carried(stage) for stage in study.definition.stages]
    for stage, recipe in zip(study.definition.stages, carried, strict=True):
        verdict = study.verdict(stage)
        assert verdict is not None
        assert len(verdict.evidence["replicates"]) == 3  # type: ignore[index, call-overload, arg-type]
        assert recipe.canonical() == verdict.recipe
    budgets = study.definition.budgets.model_copy(update={"claims": 3})
    assert not budgets.beyond_finals
    assert study_with(at, budgets=budgets).finished


def test_the_same_evidence_gives_the_same_claim_whoever_asks_and_however_often(at: Workplace) -> None:
    study = study_with(at)
    carry_out(study)
    for stage, finalists in claims.decided(study):
        settled = study.claim(stage)
        again = claims.settle(study, claims.pursuit_of(study, stage, finalists), "another worker")
        assert again == settled
    assert carry_out(study) == [], "nothing is left to train"


def test_a_finalist_that_diverges_takes_no_further_part(at: Workplace) -> None:
    study = study_with(at)
    carry_out(study)
    stage = study.definition.stages[0]
    _, finalists = next(claims.decided(study))
    rows = study.store.runs(study.study_id, f"{study.definition.phase_name(stage)}/finals")

    def spoiled(loser: Candidate, replicate: int) -> claims.Pursuit:
        lost = {"stop": "diverged", "last_score": 0.0}
        hit = [(row.signature, row.replicate) == (loser.recipe.signature, replicate) for row in rows]
        bad = [replace(row, **lost) if it else row for row, it in zip(rows, hit, strict=True)]
        return claims.pursuit_on(bad, study, stage, finalists)

    for loser in finalists[:2]:
        pursuit = spoiled(loser, 1)
        assert pursuit.dropped == {loser.label: "diverged on replicate 1"}
        assert loser.label not in pursuit.standing.active
    assert spoiled(finalists[0], 1).standing.outcome == "dropped", "without its incumbent nothing is claimed"
    whole = claims.pursuit_of(study, stage, finalists)
    assert spoiled(finalists[0], 8).standing == whole.standing, "what comes after the end of a test changes nothing"


def test_only_what_is_claimed_is_carried_when_the_study_decides_strictly(at: Workplace) -> None:
    study = study_with(at, decide="strict")
    ran = carry_out(study)
    first, second = study.definition.stages
    claimed, kept = study.verdict(first), study.verdict(second)
    assert claimed is not None
    assert kept is not None
    assert (claimed.outcome, kept.outcome) == ("leaning", "tie")
    assert study.claim(first).value == claimed.value  # type: ignore[union-attr]
    begun = next(n for n, what in enumerate(ran) if what.startswith("2-loss"))
    assert study.claim(first) is not None
    assert not any(what.startswith("1-lr") for what in ran[begun:]), "a stage is over before the next begins"
    evidence = kept.evidence
    assert all(c["dropped"] for c in evidence["contenders"] if c["label"] != kept.value)  # type: ignore[index, call-overload, union-attr]


def test_a_lead_below_min_gain_is_not_carried(at: Workplace) -> None:
    study = study_with(at, min_gain=0.5)
    carry_out(study)
    assert [study.verdict(stage).outcome for stage in study.definition.stages] == ["tie", "tie"]  # type: ignore[union-attr]
    assert study.carried(study.definition.stages[0]).lr == study.definition.baseline.lr


def test_idle_workers_are_offered_the_next_common_replicate_of_decided_stages_only(at: Workplace) -> None:
    study = study_with(at)
    assert list(claims.wanted(study)) == []
    seen: list[list[str]] = []
    for phase in life(study, WORKER):
        seen.append([each.name for each in claims.wanted(study)])
        if phase.name == "confirm":
            break
        carry_out(study, [phase])
    assert seen[0] == []
    assert set(seen[-1]) <= {"1-lr/finals", "2-loss/finals"}
    wanted = list(claims.wanted(study))
    assert {planned.replicate for phase in wanted for planned in phase.runs} <= {4}
    assert all(phase.runs for phase in wanted)


def test_a_verdict_row_records_what_it_was_taken_from(at: Workplace) -> None:
    study = study_with(at)
    carry_out(study)
    rows = study.store.runs(study.study_id)
    for stage in study.definition.stages:
        verdict, name = study.verdict(stage), study.definition.phase_name(stage)
        assert verdict is not None
        evidence: Any = verdict.evidence
        held, *challengers = evidence["contenders"]
        assert (held["differences"], held["interval"]) == ({}, None)
        for each in challengers:
            leads = {number: score - held["scores"][number] for number, score in each["scores"].items()}
            assert each["differences"] == pytest.approx(leads)
            low, high = each["interval"]
            assert low < sum(leads.values()) / 3 < high
        trained = [row for row in rows if row.phase in (name, f"{name}/finals") and not row.reused]
        decided = [row for row in trained if row.replicate <= 3]
        assert evidence["cost"] == {"runs": len(decided), "epochs": sum(row.epochs for row in decided)}


def test_a_finalist_that_differs_in_an_undeclared_field_is_never_compared(at: Workplace) -> None:
    study = study_with(at)
    stage = study.definition.stages[0]
    walk = life(study, WORKER)
    screen = next(walk)
    odd = screen.runs[-1].candidate
    odd = replace(odd, recipe=odd.recipe.model_copy(update={"batch_size": 32}))
    spoiled = replace(screen, runs=(*screen.runs[:-1], replace(screen.runs[-1], candidate=odd)))
    carry_out(study, [spoiled], score_of=lambda study, candidate, replicate: float(candidate.recipe.batch_size == 32))
    with pytest.raises(RuntimeError, match="differs from the incumbent in batch_size"):
        conclusions.finalists(study, spoiled, stage)
