import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.catalog import definition_named
from spaces.domain import label
from spaces.lr_aug import LR_AUG
from spaces.overrides import BadOverride, also_try, differences, override, settings_between

GOOD = [
    ("baseline.epochs=30", lambda d: d.baseline.epochs == 30),
    ("baseline.loss=focal", lambda d: d.baseline.loss.kind == "focal"),
    ('baseline.loss={"kind":"focal","gamma":3}', lambda d: d.baseline.loss.gamma == 3.0),
    ("baseline.optimizer=sgd", lambda d: d.baseline.optimizer.kind == "sgd"),
    ("baseline.lr=1e-5", lambda d: d.baseline.lr == 1e-5),
    ("stages.loss.trials=5", lambda d: d.stages[1].trials == 5),
    ("stages.lr.domain.high=0.1", lambda d: d.stages[0].domain.high == 0.1),
    ("budgets.confirm=2", lambda d: d.budgets.confirm == 2),
    ("seed=3", lambda d: d.seed == 3),
]


@pytest.mark.parametrize(("setting", "holds"), GOOD, ids=[setting for setting, _ in GOOD])
def test_a_setting_reaches_its_field_and_no_other(setting: str, holds: object) -> None:
    changed = override(LR_AUG, (setting,))
    assert holds(changed)  # type: ignore[operator]
    assert len(differences(LR_AUG, changed)) == 1


@pytest.mark.parametrize(("setting", "_"), GOOD, ids=[setting for setting, _ in GOOD])
def test_the_settings_between_two_definitions_turn_one_into_the_other(setting: str, _: object) -> None:
    changed = override(LR_AUG, (setting, "baseline.image_size=24"))
    assert override(LR_AUG, settings_between(LR_AUG, changed)) == changed


def test_a_field_set_by_hand_is_no_longer_looked_up_and_auto_hands_it_back() -> None:
    by_hand = override(LR_AUG, ("baseline.image_size=24", "delta=0.01"))
    assert by_hand.baseline.image_size == 24
    assert set(LR_AUG.auto) - set(by_hand.auto) == {"image_size", "delta"}
    assert set(override(by_hand, ("baseline.image_size=auto", "delta=auto")).auto) == set(LR_AUG.auto)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("baseline.epochs", "is not path=value"),
        ("=3", "is not path=value"),
        ("baseline.epoch=3", "did you mean epochs?"),
        ("basline.epochs=3", "did you mean baseline?"),
        ("stages.los.trials=3", "did you mean loss?"),
        ("stages.zzz.trials=3", "there is: lr, loss, augment"),
        ("stages=3", "the definition's own"),
        ("baseline.epochs=many", "baseline.epochs"),
        ("baseline.epochs=-1", "greater than or equal"),
        ("baseline.lr=NaN", "baseline.lr"),
        ("baseline.loss=hinge", "no kind 'hinge'; there is: cross_entropy, label_smoothing"),
        ("epochs=3", "did you mean baseline.epochs?"),
        ("baseline.loss.gamma=3", "no field 'gamma'"),
        ("name=other", "the definition's own"),
        ('baseline.plateau={"patience":3,"delta":0.1}', "give patience and delta instead"),
        ("budgets.eta=1", "greater than 1"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line_that_says_what_can(setting: str, says: str) -> None:
    with pytest.raises(BadOverride) as caught:
        override(LR_AUG, (setting,))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=40))
def test_no_text_after_set_ever_crashes(text: str) -> None:
    try:
        override(LR_AUG, (text,))
    except BadOverride as error:
        assert str(error).strip()


def test_one_value_more_is_tried_in_the_stage_that_asks_about_its_factor() -> None:
    more = also_try(also_try(LR_AUG, "loss=poly1"), 'loss={"kind":"focal","gamma":3}')
    assert [label(value) for value in more.stages[1].domain.values()][-2:] == ["poly1(1)", "focal(3)"]
    assert set(differences(LR_AUG, more)) == {"stages.loss.domain"}
    assert override(LR_AUG, settings_between(LR_AUG, more)) == more
    crossed = also_try(definition_named("balance"), "loss=focal").stages[1]
    assert crossed.crossed is not None
    assert label(crossed.crossed.domain.values()[-1]) == "focal(2)"
    assert also_try(definition_named("image_size"), "image_size=128").stages[1].domain.values()[-1] == 128


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("loss=fokal", "--try loss=fokal: stages.1.domain.losses.choices.4: no kind 'fokal'; did you mean focal?"),
        ("dropout=0.1", "compares no values of 'dropout'; it does of loss, augment"),
        ("lr=0.1", "compares no values of 'lr'"),
    ],
)
def test_a_value_that_cannot_be_tried_is_one_line(given: str, says: str) -> None:
    with pytest.raises(BadOverride) as caught:
        also_try(LR_AUG, given)
    assert says in str(caught.value)


def test_choices_may_be_given_by_their_kinds_alone() -> None:
    changed = override(LR_AUG, ('stages.augment.domain.choices=["none", {"kind":"flip","p":1}, "cutmix"]',))
    assert [label(value) for value in changed.stages[2].domain.values()] == ["none", "flip(1)", "cutmix(1)"]
