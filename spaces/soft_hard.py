"""Augmentation drawn anew each epoch (soft), or a fixed enlarged set drawn once (hard)? Equally many steps for all."""

from spaces.baseline import BASELINE, LEARNING_RATE, TUNED_LR
from spaces.domain import Augments
from spaces.stage import Stage
from spaces.study import StudyDefinition
from trainer.recipe import Affine, Cutout, Hard, NoAugment

SOFT_HARD = StudyDefinition(
    name="soft_hard",
    question="Augmentation drawn anew each epoch, or a fixed enlarged set?",
    baseline=BASELINE,
    stages=(
        LEARNING_RATE,
        Stage(
            name="augment",
            factor="augment",
            domain=Augments(
                choices=(
                    NoAugment(),
                    Affine(),
                    Hard(of=Affine(), copies=1),
                    Hard(of=Affine(), copies=4),
                    Cutout(),
                    Hard(of=Cutout(), copies=1),
                    Hard(of=Cutout(), copies=4),
                )
            ),
            nuisance=TUNED_LR,
        ),
    ),
)
