"""The 64 recipes of the table: a study's three factors around one net, fixed before anything was trained."""

from itertools import product

from trainer.recipe import (
    Asymmetric,
    Augment,
    BinaryCrossEntropy,
    ClassBalanced,
    CrossEntropy,
    CutMix,
    Cutout,
    Focal,
    Hard,
    InverseFrequency,
    LabelSmoothing,
    Loss,
    Mixup,
    NoAugment,
    Poly1,
    Recipe,
    Rotation,
    Shift,
    TrivialAugment,
)

EPOCHS, WARMUP, DECAY = 16, 1, 3
CONSTANT = EPOCHS - DECAY
# Kind of branch -> which scores stall, and after how many epochs of patience.
STALLS = {"ema-2": ("ema", 2), "ema-3": ("ema", 3), "ema-5": ("ema", 5), "raw-3": ("raw", 3)}
LRS = (0.001, 0.004, 0.016, 0.064)  # re-tuned for every loss and augmentation
MORE_LRS = (0.0005, 0.002, 0.008, 0.032)
BASELINE_LR = 0.004
LOSSES: tuple[Loss, ...] = (
    CrossEntropy(),
    LabelSmoothing(),
    Focal(),
    ClassBalanced(),
    InverseFrequency(),
    BinaryCrossEntropy(),
    Poly1(),
    Asymmetric(),
)
AUGMENTS: tuple[Augment, ...] = (
    NoAugment(),
    Shift(),
    Rotation(),
    Cutout(),
    Mixup(),
    CutMix(),
    TrivialAugment(),
    Hard(of=Shift()),
)


def recipes(shape: Recipe) -> tuple[Recipe, ...]:
    """`shape` says how pictures are seen; the first is the baseline."""
    plain = shape.model_copy(
        update={"epochs": EPOCHS, "warmup_epochs": WARMUP, "decay_epochs": DECAY, "lr": BASELINE_LR, "plateau": None}
    )
    changes = [
        *({"lr": lr} for lr in (*LRS, *MORE_LRS)),
        *({"loss": loss, "lr": lr} for loss, lr in product(LOSSES[1:], LRS)),
        *({"augment": augment, "lr": lr} for augment, lr in product(AUGMENTS[1:], LRS)),
    ]
    return (plain, *(recipe for change in changes if (recipe := plain.model_copy(update=change)) != plain))


def pools(listed: tuple[Recipe, ...]) -> dict[str, tuple[int, ...]]:
    """Stage -> the recipes that it would compare, as positions: each factor with its learning rates, all else equal."""
    plain = listed[0]
    lr_only = [n for n, recipe in enumerate(listed) if recipe.model_copy(update={"lr": plain.lr}) == plain]
    crossed = [n for n in lr_only if listed[n].lr in LRS]
    losses = [n for n, recipe in enumerate(listed) if recipe.loss != plain.loss]
    augments = [n for n, recipe in enumerate(listed) if recipe.augment != plain.augment]
    return {"lr": tuple(lr_only), "loss": (*crossed, *losses), "augment": (*crossed, *augments)}
