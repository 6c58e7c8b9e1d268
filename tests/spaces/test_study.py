import itertools

import pytest
from pydantic import ValidationError

from spaces.catalog import DEFINITIONS, UnknownStudy, definition_named
from spaces.domain import label
from spaces.lr_aug import LR_AUG
from spaces.study import Nuisance, Stage, StudyDefinition, scientific_values
from trainer.recipe import Focal, Plateau, Recipe


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda d: d.name)
def test_every_corner_of_every_domain_builds_a_valid_recipe(definition: StudyDefinition) -> None:
    signatures = set()
    for stage in definition.stages:
        for value in stage.domain.values():
            settings = stage.nuisance.values(definition.baseline.lr) if stage.nuisance else (definition.baseline.lr,)
            for lr in settings:
                changes = {"lr": lr, stage.factor: value}
                recipe = definition.baseline.model_copy(update=changes)
                assert getattr(recipe, stage.factor) == value
                signatures.add(recipe.signature)
    assert len(signatures) > sum(len(stage.domain.values()) for stage in definition.stages) - len(definition.stages)


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda d: d.name)
def test_a_definition_survives_json(definition: StudyDefinition) -> None:
    assert StudyDefinition.model_validate_json(definition.model_dump_json()) == definition


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda d: d.name)
def test_labels_within_a_stage_are_unique(definition: StudyDefinition) -> None:
    for stage in definition.stages:
        labels = [label(value) for value in stage.domain.values()]
        assert len(set(labels)) == len(labels)


def test_the_default_study_asks_what_its_card_says() -> None:
    assert [stage.factor for stage in LR_AUG.stages] == ["lr", "loss", "augment"]
    assert [getattr(v, "kind", None) for v in LR_AUG.stages[1].domain.values()] == [
        "cross_entropy",
        "label_smoothing",
        "class_balanced",
        "focal",
    ]
    assert [getattr(v, "kind", None) for v in LR_AUG.stages[2].domain.values()] == [
        "none",
        "flip",
        "shift",
        "cutout",
        "mixup",
    ]
    assert (LR_AUG.baseline.lr, LR_AUG.baseline.loss.kind, LR_AUG.baseline.augment.kind) == (
        1e-3,
        "cross_entropy",
        "none",
    )
    assert LR_AUG.baseline.lr in LR_AUG.stages[0].domain.values()


def test_the_incumbent_comes_first_also_when_it_lies_outside_the_domain() -> None:
    stage = LR_AUG.stages[0]
    values = scientific_values(stage, Recipe(lr=1e-5))
    assert values[0] == 1e-5
    assert values[1:] == stage.domain.values()
    inside = scientific_values(LR_AUG.stages[1], Recipe(loss=Focal(gamma=2.0)))
    assert label(inside[0]) == "focal(2)"
    assert len(inside) == 4


def test_an_unknown_study_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownStudy, match=r"did you mean --study lr_aug\?"):
        definition_named("lr_agu")
    with pytest.raises(UnknownStudy, match="give one of: lr_aug"):
        definition_named("zzz")


def test_a_factor_cannot_be_scientific_and_nuisance_at_once() -> None:
    with pytest.raises(ValidationError, match="at once"):
        Stage(name="lr", factor="lr", domain=LR_AUG.stages[0].domain, nuisance=Nuisance(field="lr"))
    with pytest.raises(ValidationError, match="give losses"):
        Stage(name="loss", factor="loss", domain=LR_AUG.stages[0].domain)


def test_a_definition_that_cannot_be_run_fairly_is_refused() -> None:
    tree = LR_AUG.model_dump()
    with pytest.raises(ValidationError, match="share a name"):
        StudyDefinition.model_validate({**tree, "stages": [tree["stages"][0], tree["stages"][0]]})
    with pytest.raises(ValidationError, match="plateau is set by the study"):
        StudyDefinition.model_validate({**tree, "baseline": Recipe(plateau=Plateau(delta=0.1))})


def test_the_nuisance_band_is_anchored_and_does_not_compound() -> None:
    band = Nuisance(field="lr").values(0.002)
    assert sorted(band) == [pytest.approx(0.0006667), 0.002, 0.006]
    assert all(band == Nuisance(field="lr").values(0.002) for _ in itertools.repeat(None, 3))
