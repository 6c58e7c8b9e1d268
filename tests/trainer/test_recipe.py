import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trainer import recipe as recipes
from trainer.recipe import (
    LDAM,
    SGD,
    AdamW,
    Affine,
    Asymmetric,
    BinaryCrossEntropy,
    Blur,
    Chain,
    ClassBalanced,
    ColourJitter,
    CrossEntropy,
    CustomAugment,
    CustomLoss,
    CutMix,
    Cutout,
    Flip,
    Focal,
    Grey,
    Hard,
    InverseFrequency,
    LabelSmoothing,
    Mixup,
    NoAugment,
    Plateau,
    Poly1,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Recipe,
    RecipeError,
    Rotation,
    Shift,
    SoftMacroF1,
    TrivialAugment,
    crops,
    read_recipe,
    steps_of,
)

GOLDEN = Path(__file__).with_name("golden_signatures.json")


def real(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


CUSTOM = {
    "file": st.sampled_from(["mine.py", "b-2.py"]),
    "name": st.sampled_from(["Mine", "other"]),
    "digest": st.sampled_from(["0" * 64, "f" * 64]),
    "settings": st.dictionaries(st.sampled_from(["gamma", "mode"]), real(0, 9) | st.booleans() | st.just("fast")),
}
LOSSES = st.one_of(
    st.just(CrossEntropy()),
    real(0.001, 0.99).map(lambda x: LabelSmoothing(smoothing=x)),
    real(0.001, 0.9999).map(lambda x: ClassBalanced(beta=x)),
    real(0.001, 1).map(lambda x: InverseFrequency(power=x)),
    real(0.001, 10).map(lambda x: Focal(gamma=x)),
    real(0, 0.9).map(lambda x: BinaryCrossEntropy(smoothing=x)),
    st.just(SoftMacroF1()),
    real(-0.9, 10).map(lambda x: Poly1(epsilon=x)),
    st.builds(Asymmetric, gamma_positive=real(0, 10), gamma_negative=real(0, 10), smoothing=real(0, 0.9)),
    st.builds(LDAM, max_margin=real(0.001, 10), scale=real(0.001, 100)),
    st.builds(CustomLoss, **CUSTOM),
)
STEPS = st.one_of(
    real(0.001, 1).map(lambda x: Flip(p=x)),
    real(0.001, 0.5).map(lambda x: Shift(fraction=x)),
    real(0.001, 180).map(lambda x: Rotation(degrees=x)),
    st.builds(Affine, degrees=real(0, 180), translate=real(0, 0.5), scale=real(0, 0.99), shear=real(0, 60)),
    st.builds(ColourJitter, brightness=real(0, 1), contrast=real(0, 1), saturation=real(0, 1), hue=real(0, 0.5)),
    real(0.001, 1).map(lambda x: Grey(p=x)),
    st.builds(Blur, p=real(0.001, 1), sigma=real(0.2, 10)),
    real(0.001, 1).map(lambda x: Cutout(fraction=x)),
    st.builds(RandomErasing, p=real(0.001, 1), area=real(0.03, 0.99)),
    st.just(TrivialAugment()),
    st.builds(RandAugment, operations=st.integers(1, 5), magnitude=real(0.001, 10)),
    st.builds(CustomAugment, **CUSTOM),
)
BLENDS = real(0.05, 10).map(lambda x: Mixup(alpha=x)) | real(0.05, 10).map(lambda x: CutMix(alpha=x))
CROPS = real(0.001, 0.99).map(lambda x: RandomResizedCrop(scale=x))
CHAINS = st.builds(
    lambda first, middle, last: Chain(steps=(first, *middle, last)),
    CROPS | STEPS,
    st.lists(STEPS, max_size=3),
    STEPS | BLENDS,
)
HARD = st.builds(Hard, of=STEPS | BLENDS | CROPS | CHAINS, copies=st.integers(1, 50))
AUGMENTS = st.just(NoAugment()) | STEPS | BLENDS | CROPS | CHAINS | HARD
OPTIMIZERS = st.one_of(
    st.builds(AdamW, weight_decay=real(0, 10), beta1=real(0, 0.9999), beta2=real(0, 0.9999)),
    st.builds(SGD, momentum=real(0, 0.9999), weight_decay=real(0, 10), nesterov=st.booleans()),
)
RECIPES = st.builds(
    Recipe,
    backbone=st.sampled_from(["test_resnet", "test_vit", "custom:my_net.py:Net@" + "0" * 64]),
    weights=st.none() | st.just("timm:r160_in1k") | st.just("sha256:" + "0" * 64),
    image_size=st.integers(4, 2048),
    stored_size=st.none() | st.integers(2048, 4096),
    fit=st.sampled_from(["crop", "pad", "squash"]),
    channels=st.sampled_from([1, 3]),
    normalise=st.sampled_from(["data", "pretrained"]),
    stem=st.sampled_from(["native", "small"]),
    heads=st.sampled_from(["joint", "factored"]),
    head_init=st.sampled_from(["xavier", "zero", "native"]),
    sampling=st.sampled_from(["natural", "square_root", "balanced"]),
    batch_size=st.integers(2, 65536),
    epochs=st.integers(10, 1000),
    epoch_images=st.none() | st.integers(2, 10**6),
    optimizer=OPTIMIZERS,
    lr=real(1e-8, 10_000),
    warmup_epochs=st.integers(0, 5),
    decay_epochs=st.integers(1, 5),
    ema_epochs=real(0, 1000),
    dropout=real(0, 0.99),
    drop_path=real(0, 0.99),
    loss=LOSSES,
    augment=AUGMENTS,
    plateau=st.none() | st.builds(Plateau, patience=st.integers(1, 1000), delta=real(0, 1)),
    precision=st.sampled_from(["fp32", "bf16", "fp16"]),
    metric=st.sampled_from(["macro_f1", "accuracy", "cohen_kappa"]),
)


@given(RECIPES)
def test_a_recipe_survives_json(recipe: Recipe) -> None:
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert read_recipe(recipe.canonical()) == recipe
    assert read_recipe(recipe.canonical()).signature == recipe.signature


@given(RECIPES, RECIPES)
def test_two_recipes_share_a_signature_exactly_if_they_are_equal(one: Recipe, other: Recipe) -> None:
    assert (one.signature == other.signature) == (one == other)
    assert bool(one.differences(other)) == (one != other)


@given(RECIPES, st.data())
def test_a_change_of_any_field_changes_the_signature(recipe: Recipe, data: st.DataObject) -> None:
    other = data.draw(RECIPES)
    for name in Recipe.model_fields:
        try:
            changed = recipe.model_copy(update={name: getattr(other, name)})
        except ValidationError:
            continue
        assert (changed.signature == recipe.signature) == (getattr(other, name) == getattr(recipe, name)), name


@given(st.one_of(*(st.tuples(factor, factor) for factor in (LOSSES, AUGMENTS, OPTIMIZERS))))
def test_labels_are_unique_per_value_of_a_factor(values: tuple[Any, Any]) -> None:
    one, other = values
    assert (one.label == other.label) == (one == other)


def test_labels_read_as_a_person_would_write_them() -> None:
    choices = [CrossEntropy(), Focal(), ClassBalanced(), NoAugment(), Mixup(), SGD(), AdamW(weight_decay=0)]
    assert [choice.label for choice in choices] == [
        "cross_entropy", "focal(2)", "class_balanced(0.999)", "none", "mixup(0.2)", "sgd(0.9, 0.0005, true)",
        "adamw(0, 0.9, 0.999)",
    ]  # fmt: skip


def test_a_drawn_number_is_rounded_to_four_significant_digits_wherever_it_comes_in() -> None:
    exact = Recipe(lr=0.001414)
    assert Recipe(lr=0.001414213).signature == exact.signature
    assert Recipe().model_copy(update={"lr": 0.001414213}).signature == exact.signature
    assert read_recipe('{"lr": 0.001414213}').signature == exact.signature
    assert Recipe(optimizer=AdamW(weight_decay=-0.0)).signature == Recipe(optimizer=AdamW(weight_decay=0)).signature


def test_one_and_one_point_zero_are_one_value() -> None:
    assert read_recipe('{"lr": 1, "epochs": 20.0}').signature == read_recipe('{"lr": 1.0, "epochs": 20}').signature


def test_the_settings_of_ones_own_code_are_compared_whatever_their_order() -> None:
    one, other = ({"gamma": 2, "mode": "fast"}, {"mode": "fast", "gamma": 2})
    given = {"file": "mine.py", "name": "Mine", "digest": "0" * 64}
    losses = [CustomLoss.model_validate({**given, "settings": settings}) for settings in (one, other)]
    assert losses[0] == losses[1]
    assert Recipe(loss=losses[0]).signature == Recipe(loss=losses[1]).signature
    assert hash(Recipe(loss=losses[0])) == hash(Recipe(loss=losses[1]))


def test_a_recipe_names_every_local_file_it_needs_by_its_digest() -> None:
    def own(kind: Any, digit: str) -> Any:
        return kind(file="mine.py", name="Mine", digest=digit * 64)

    recipe = Recipe(
        backbone="custom:net.py:Net@" + "1" * 64,
        weights="sha256:" + "2" * 64,
        loss=own(CustomLoss, "3"),
        augment=Hard(of=Chain(steps=(own(CustomAugment, "4"), Flip()))),
    )
    assert recipe.files == {digit * 64 for digit in "1234"}
    assert Recipe().files == frozenset()


def test_only_a_random_resized_crop_looks_at_the_stored_pixels() -> None:
    crop = RandomResizedCrop()
    assert crops(crop) and crops(Chain(steps=(crop, Flip()))) and crops(Hard(of=crop))
    assert not crops(NoAugment()) and not crops(Hard(of=Chain(steps=(Flip(), Mixup()))))
    assert [s.label for s in steps_of(Hard(of=Chain(steps=(crop, Flip()))))] == [
        "random_resized_crop(0.35)",
        "flip(0.5)",
    ]


def test_a_recipe_never_changes() -> None:
    with pytest.raises(ValidationError):
        Recipe().lr = 1.0  # pyright: ignore[reportAttributeAccessIssue]
    assert hash(Recipe()) == hash(Recipe())


def test_known_recipes_keep_their_signatures() -> None:
    """Red after a changed default or field: raise RECIPE_VERSION, then write the new table that the message shows."""
    table = json.loads(GOLDEN.read_text(encoding="utf-8"))
    now = {text: read_recipe(text).signature for text in table["signatures"]}
    assert {"recipe_version": recipes.RECIPE_VERSION, "signatures": now} == table, json.dumps(now, indent=1)


def test_the_golden_table_names_every_arm() -> None:
    text = GOLDEN.read_text(encoding="utf-8")
    assert [kind for kind in recipes.arms_of(recipes.Choice) if f'\\"{kind}\\"' not in text] == []


def test_a_changed_recipe_version_changes_every_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Recipe().signature
    monkeypatch.setattr(recipes, "RECIPE_VERSION", recipes.RECIPE_VERSION + 1)
    assert Recipe().signature != before
    with pytest.raises(RecipeError, match="recipe version"):
        read_recipe('{"recipe_version": 1}')


def test_differences_are_told_field_by_field_for_display() -> None:
    mine = Recipe(lr=0.003, loss=Focal(gamma=3), augment=Flip(), plateau=Plateau(delta=0.01))
    other = Recipe(loss=Focal(), plateau=None)
    assert mine.differences(other) == {
        "lr": ("0.003", "0.001"),
        "loss.gamma": ("3", "2"),
        "augment": ("flip(0.5)", "none"),
        "plateau": ("plateau(3, 0.01)", "none"),
    }
    assert mine.differences(mine) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"lr": "NaN"}', "lr = NaN is refused: a finite number is needed"),
        ('{"lr": NaN}', "finite"),
        ('{"lr": 1e999}', "finite"),
        ('{"lr": -1}', "lr = -1 is refused: Input should be greater than 0"),
        ('{"loss": {"kind": "class_balanced", "beta": 0.99999}}', "loss.beta = 0.99999 is refused"),
        ('{"loss": {"kind": "focal", "gama": 2}}', "did you mean gamma?"),
        ('{"loss": {"kind": "fokal"}}', "did you mean focal?"),
        ('{"loss": {"kind": "zzz"}}', "cross_entropy, label_smoothing, class_balanced, inverse_frequency, focal, bce"),
        ('{"stored_size": 8}', "stored_size 8 is below image_size 16: use 16 or more"),
        ('{"metric": "Macro F1"}', "macro_f1, accuracy or a torchmetrics classification metric"),
        ('{"augment": {"kind": "chain", "steps": [{"kind": "mixup"}, {"kind": "flip"}]}}', "last step of a chain"),
        ('{"augment": {"kind": "chain", "steps": [{"kind": "flip"}, {"kind": "random_resized_crop"}]}}', "first step"),
        ('{"augment": {"kind": "hard", "of": {"kind": "hard", "of": {"kind": "flip"}}}}', "no kind 'hard'"),
        ('{"bath_size": 2}', "did you mean batch_size?"),
        ('{"epochs": 3}', "epochs 3 leaves no room for warmup_epochs 1 and decay_epochs 3: use epochs 4 or more"),
        ('{"epochs": 6, "warmup_epochs": 4}', "use epochs 7 or more"),
        ('{"backbone": "resnet18.a1_in1k"}', "a tag as weights timm:<tag>"),
        ('{"weights": "mine.pth"}', "sha256:<64 hexadecimal digits>"),
        ("{", "is not JSON"),
        ("[]", "write an object"),
        ('{"recipe_version": 99}', "version 99"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line_that_says_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        read_recipe(text)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


@given(st.floats())
def test_no_float_at_all_makes_an_invalid_number_valid(value: float) -> None:
    try:
        lr = Recipe(lr=value).lr
    except ValidationError:
        return
    assert math.isfinite(lr) and lr > 0
    assert Recipe(lr=lr).lr == lr
