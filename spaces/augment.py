"""Which augmentation: one at a time, from none to the policies, each with its own learning rate."""

from spaces.baseline import BASELINE, LEARNING_RATE, TUNED_LR
from spaces.domain import Augments
from spaces.stage import Stage
from spaces.study import StudyDefinition
from trainer.recipe import (
    Affine,
    Blur,
    ColourJitter,
    CutMix,
    Cutout,
    Flip,
    Grey,
    Mixup,
    NoAugment,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    Rotation,
    Shift,
    TrivialAugment,
)

AUGMENT = StudyDefinition(
    name="augment",
    question="Which augmentation?",
    baseline=BASELINE,
    stages=(
        LEARNING_RATE,
        Stage(
            name="augment",
            factor="augment",
            domain=Augments(
                choices=(
                    NoAugment(),
                    Flip(),
                    Shift(),
                    RandomResizedCrop(),
                    Rotation(),
                    Affine(),
                    ColourJitter(),
                    Grey(),
                    Blur(),
                    Cutout(),
                    RandomErasing(),
                    Mixup(),
                    CutMix(),
                    TrivialAugment(),
                    RandAugment(),
                )
            ),
            nuisance=TUNED_LR,
        ),
    ),
)
