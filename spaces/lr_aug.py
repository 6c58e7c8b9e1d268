"""Which learning rate, which loss, which augmentation: the study most people should run first."""

from spaces.domain import Augments, LogGrid, Losses
from spaces.study import Nuisance, Stage, StudyDefinition
from trainer.recipe import (
    AdamW,
    ClassBalanced,
    CrossEntropy,
    Cutout,
    Flip,
    Focal,
    LabelSmoothing,
    Mixup,
    NoAugment,
    Recipe,
    Shift,
)

LR_AUG = StudyDefinition(
    name="lr_aug",
    question="Which learning rate, which loss and which augmentation, one at a time?",
    baseline=Recipe(
        backbone="test_resnet",
        optimizer=AdamW(weight_decay=0.05),
        lr=1e-3,
        loss=CrossEntropy(),
        augment=NoAugment(),
        batch_size=64,
        epochs=12,
    ),
    stages=(
        Stage(name="lr", factor="lr", domain=LogGrid(low=2.5e-4, high=1.6e-2)),
        Stage(
            name="loss",
            factor="loss",
            domain=Losses(
                choices=(CrossEntropy(), LabelSmoothing(smoothing=0.1), ClassBalanced(beta=0.999), Focal(gamma=2.0))
            ),
            nuisance=Nuisance(field="lr"),
        ),
        Stage(
            name="augment",
            factor="augment",
            domain=Augments(
                choices=(NoAugment(), Flip(p=0.5), Shift(fraction=0.125), Cutout(fraction=0.25), Mixup(alpha=0.2))
            ),
            nuisance=Nuisance(field="lr"),
        ),
    ),
)
