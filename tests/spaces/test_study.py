import itertools
from pathlib import Path

import pytest
from pydantic import ValidationError

import spaces
from spaces import catalog, lr_aug
from spaces.catalog import DEFINITIONS, UnknownStudy, definition_named
from spaces.domain import Options, label
from spaces.lr_aug import LR_AUG
from spaces.stage import Nuisance, Stage, scientific_values
from spaces.study import StudyDefinition
from trainer.recipe import Focal, Plateau, Recipe


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda d: d.name)
def test_every_corner_of_every_domain_builds_a_valid_recipe(definition: StudyDefinition) -> None:
    signatures = set()
    for stage in definition.stages:
        for setting in scientific_values(stage, definition.baseline):
            settings = stage.nuisance.values(definition.baseline.lr) if stage.nuisance else (definition.baseline.lr,)
            for lr in settings:
                recipe = definition.baseline.model_copy(update={"lr": lr, "stored_size": 64, **setting.changes})
                assert all(getattr(recipe, field) == value for field, value in setting.values)
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
    assert values[0].changes == {"lr": 1e-5}
    assert tuple(setting.changes["lr"] for setting in values[1:]) == stage.domain.values()
    inside = scientific_values(LR_AUG.stages[1], Recipe(loss=Focal(gamma=2.0)))
    assert inside[0].label == "focal(2)"
    assert len(inside) == 4


def test_an_unknown_study_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownStudy, match=r"did you mean --study lr_aug\?"):
        definition_named("lr_agu")
    with pytest.raises(UnknownStudy, match="give one of: augment, balance, heads, image_size, loss, lr_aug, soft_hard"):
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


def test_a_crossed_stage_asks_about_every_value_of_the_one_with_every_value_of_the_other() -> None:
    stage = DEFINITIONS["balance"].stages[1]
    found = scientific_values(stage, DEFINITIONS["balance"].baseline)
    assert len(found) == len({setting.label for setting in found}) == 9
    assert found[0].label == "natural + cross_entropy"
    assert stage.declared == ("sampling", "loss", "lr")


def test_a_stage_asks_only_about_what_a_study_does_not_fix() -> None:
    for field in ("backbone", "channels", "fit", "metric", "plateau", "nonsense"):
        with pytest.raises(ValidationError, match="no factor a stage can ask about"):
            Stage(name="a", factor=field, domain=Options(choices=("x",)))


def test_a_value_no_recipe_takes_is_refused_with_the_definition() -> None:
    tree = DEFINITIONS["heads"].model_dump()
    tree["stages"][1]["domain"]["choices"] = ("joint", "three")
    with pytest.raises(ValidationError, match=r"heads = three is refused: Input should be 'joint' or 'factored'"):
        StudyDefinition.model_validate(tree)


def test_a_file_with_one_constant_is_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path(lr_aug.__file__).read_text(encoding="utf-8").replace('name="lr_aug"', 'name="mine"')
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(spaces, "__path__", [*spaces.__path__, str(tmp_path)])
    assert set(catalog.found()) == {*DEFINITIONS, "mine"}
    (tmp_path / "again.py").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="two files in spaces define a study 'mine'"):
        catalog.found()
