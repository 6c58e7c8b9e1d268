"""What a stage says in one sentence: a claim with its interval, a tie with what could have been missed."""

from dataclasses import replace

import pytest

from search.records import Claim, Gain
from search.sentences import verdict_sentence
from search.snapshot import StageLine, take
from search.workplace import Workplace
from tests.search.on_paper import carry_out, study_with


@pytest.fixture
def lines(at: Workplace) -> tuple[StageLine, ...]:
    study = study_with(at)
    carry_out(study)
    return take(study).stages


def test_a_claim_names_both_values_its_interval_and_how_often_the_rule_errs(lines: tuple[StageLine, ...]) -> None:
    said = verdict_sentence(lines[0])
    assert said.startswith("1-lr: better: on ")
    assert "fresh shared replicates 0.008 beat 0.004 by +" in said
    assert "(95 % interval +" in said
    assert "optimistic because it was stopped at its claim" in said
    assert said.endswith("when nothing is better this rule errs in about 1 stage in 20")


def test_an_interval_of_a_claim_that_reaches_below_zero_is_explained(lines: tuple[StageLine, ...]) -> None:
    claim = lines[0].claim
    assert claim is not None
    wide = replace(lines[0], claim=claim.model_copy(update={"gain": Gain(mean=0.004, low=-0.0001, high=0.009)}))
    assert "also allows for the best having been picked" in verdict_sentence(wide)
    assert "also allows" not in verdict_sentence(lines[0])


def test_a_tie_says_which_gain_could_have_been_missed(lines: tuple[StageLine, ...]) -> None:
    claim, verdict = lines[1].claim, lines[1].verdict
    assert isinstance(claim, Claim)
    assert verdict is not None
    tie = replace(
        lines[1],
        verdict=replace(verdict, outcome="tie", value=verdict.evidence["incumbent"]),  # type: ignore[index, call-overload]
        claim=claim.model_copy(update={"outcome": "exhausted", "could_miss": 0.011}),
    )
    said = verdict_sentence(tie)
    assert said.startswith("2-loss: tie: cross_entropy is kept; ")
    assert "a real gain under about 1.1 points could have been missed" in said
