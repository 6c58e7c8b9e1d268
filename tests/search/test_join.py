"""Who may join a study: the same question on the same data, computed alike."""

from dataclasses import replace
from pathlib import Path

import pytest

from search import join
from search.edge import Refused
from search.join import Asked, create_or_join, facts_of
from search.resolve import resolve
from search.study import ENDED, Study
from search.versions import other_arithmetic, versions
from spaces.lr_aug import LR_AUG
from spaces.study import StudyDefinition
from storage.store import Store
from trainer.data import open_source


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.connect(f"sqlite:///{(tmp_path / 'ceteris.db').as_posix()}")


def asked(definition: StudyDefinition) -> Asked:
    source = open_source("digits")
    facts = facts_of(source, definition.test_fraction)
    return Asked("lr_aug", definition, resolve(definition, source, "fp32"), "digits", source.digest, facts)


def test_two_checkouts_that_differ_in_a_default_cannot_join_one_study_unnoticed(store: Store) -> None:
    create_or_join(store, asked(LR_AUG))
    lower = LR_AUG.baseline.model_copy(update={"ema_epochs": 0.25})  # as if the default were another one there
    for other in (
        LR_AUG.model_copy(update={"baseline": lower}),
        LR_AUG.model_copy(update={"budgets": LR_AUG.budgets.model_copy(update={"eta": 2.0})}),
    ):
        with pytest.raises(Refused, match=r"ema_epochs is 0\.5 there, 0\.25 here|eta is [\d.]+ there, 2\.0 here"):
            create_or_join(store, asked(other))


def test_an_equal_definition_joins(store: Store) -> None:
    assert create_or_join(store, asked(LR_AUG))[1]
    assert not create_or_join(store, asked(LR_AUG))[1]


def test_other_arithmetic_is_refused_while_there_is_something_to_train(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_or_join(store, asked(LR_AUG))
    monkeypatch.setattr(join, "other_arithmetic", lambda created_with: "torch 2.13.0 there, 2.14.1 here")
    with pytest.raises(Refused, match=r"begun with other libraries \(torch 2\.13\.0 there, 2\.14\.1 here\)"):
        create_or_join(store, asked(LR_AUG))
    monkeypatch.setattr(Study, "finished", True)
    assert not create_or_join(store, asked(LR_AUG))[1], "an answer may be read with any libraries"


def test_a_minor_release_of_torch_or_timm_makes_other_arithmetic_a_patch_does_not() -> None:
    here = versions()
    assert other_arithmetic(here) is None
    major, minor, *_ = here["torch"].split("+")[0].split(".")
    assert other_arithmetic(here | {"torch": f"{major}.{minor}.99"}) is None
    assert other_arithmetic(here | {"numpy": "1.0.0"}) is None
    told = other_arithmetic(here | {"torch": f"{major}.{int(minor) + 1}.0"})
    assert told is not None
    assert told.startswith(f"torch {major}.{int(minor) + 1}.0 there, ")


def test_a_manifest_that_changed_in_the_data_is_refused(store: Store) -> None:
    create_or_join(store, asked(LR_AUG))
    with pytest.raises(Refused, match="was made on other data"):
        create_or_join(store, replace(asked(LR_AUG), data_digest="f" * 64))


def test_quick_ablation_and_a_time_are_no_part_of_the_question_and_a_joiner_makes_it_more(store: Store) -> None:
    quick, _ = create_or_join(store, replace(asked(LR_AUG), quick=True, hours=2.0))
    assert (quick.depth, quick.wants_ablation) == ("quick", False)
    assert quick.deadline == pytest.approx(quick.manifest.created_at + 7200)
    same, created = create_or_join(store, replace(asked(LR_AUG), quick=True))
    assert (created, same.depth, same.resolved.hours) == (False, "quick", 2.0)
    full, _ = create_or_join(store, replace(asked(LR_AUG), ablation=True))
    assert (full.depth, full.wants_ablation, quick.depth) == ("full", True, "full")
    late, _ = create_or_join(store, replace(asked(LR_AUG), quick=True))
    assert late.depth == "full", "what was asked for is not taken back"


def test_another_recipe_version_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    create_or_join(store, asked(LR_AUG))
    monkeypatch.setattr(join, "RECIPE_VERSION", join.RECIPE_VERSION + 1)
    with pytest.raises(Refused, match="recipe version"):
        create_or_join(store, asked(LR_AUG))


def test_who_is_refused_asks_for_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    quick, _ = create_or_join(store, replace(asked(LR_AUG), quick=True))
    monkeypatch.setattr(join, "other_arithmetic", lambda created_with: "torch 2.13.0 there, 2.14.1 here")
    with pytest.raises(Refused):
        create_or_join(store, replace(asked(LR_AUG), ablation=True))
    assert (quick.depth, quick.wants_ablation) == ("quick", False)


def test_what_is_asked_for_after_the_time_was_over_may_take_its_time(store: Store) -> None:
    quick, _ = create_or_join(store, replace(asked(LR_AUG), quick=True, hours=1e-9))
    store.open_phase(quick.study_id, "1-lr/finals", 9)
    store.close_phase(quick.study_id, "1-lr/finals", ENDED)
    create_or_join(store, replace(asked(LR_AUG), quick=True))
    assert quick.deadline is not None, "the same again is no more"
    create_or_join(store, asked(LR_AUG))
    assert (quick.depth, quick.deadline) == ("full", None)
    assert [state.closed for state in store.phases(quick.study_id)] == [None]
