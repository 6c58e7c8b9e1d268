import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.lr_aug import LR_AUG
from spaces.overrides import BadOverride, differences, override, settings_between

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
        ("baseline.loss=hinge", "no kind 'hinge'; there is: 'cross_entropy'"),
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
