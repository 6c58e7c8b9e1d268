"""Which loss: all that ceteris knows, each with its own learning rate."""

from spaces.baseline import BASELINE, LEARNING_RATE, TUNED_LR
from spaces.domain import Losses
from spaces.stage import Stage
from spaces.study import StudyDefinition
from trainer.recipe import (
    LDAM,
    Asymmetric,
    BinaryCrossEntropy,
    ClassBalanced,
    CrossEntropy,
    Focal,
    InverseFrequency,
    LabelSmoothing,
    Poly1,
    SoftMacroF1,
)

LOSS = StudyDefinition(
    name="loss",
    question="Which loss?",
    baseline=BASELINE,
    stages=(
        LEARNING_RATE,
        Stage(
            name="loss",
            factor="loss",
            domain=Losses(
                choices=(
                    CrossEntropy(),
                    LabelSmoothing(),
                    ClassBalanced(),
                    InverseFrequency(),
                    Focal(),
                    BinaryCrossEntropy(),
                    SoftMacroF1(),
                    Poly1(),
                    Asymmetric(),
                    LDAM(),
                )
            ),
            nuisance=TUNED_LR,
        ),
    ),
)
