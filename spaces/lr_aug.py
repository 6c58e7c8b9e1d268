"""Which learning rate, which loss, which augmentation: the study most people should run first."""

from spaces.baseline import BASELINE, LEARNING_RATE, TUNED_LR
from spaces.domain import Augments, Losses
from spaces.stage import Stage
from spaces.study import StudyDefinition
from trainer.recipe import (
    ClassBalanced,
    CrossEntropy,
    Cutout,
    Flip,
    Focal,
    LabelSmoothing,
    Mixup,
    NoAugment,
    Shift,
)

LR_AUG = StudyDefinition(
    name="lr_aug",
    question="Which learning rate, which loss and which augmentation, one at a time?",
    baseline=BASELINE,
    stages=(
        LEARNING_RATE,
        Stage(
            name="loss",
            factor="loss",
            domain=Losses(
                choices=(CrossEntropy(), LabelSmoothing(smoothing=0.1), ClassBalanced(beta=0.999), Focal(gamma=2.0))
            ),
            nuisance=TUNED_LR,
        ),
        Stage(
            name="augment",
            factor="augment",
            domain=Augments(
                choices=(NoAugment(), Flip(p=0.5), Shift(fraction=0.125), Cutout(fraction=0.25), Mixup(alpha=0.2))
            ),
            nuisance=TUNED_LR,
        ),
    ),
)
