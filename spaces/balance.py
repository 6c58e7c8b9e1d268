"""How to answer imbalance: by showing rare classes more often, by weighing them more, by both, or not at all."""

from spaces.baseline import BASELINE, LEARNING_RATE, TUNED_LR
from spaces.domain import Losses, Options
from spaces.stage import Factor, Stage
from spaces.study import StudyDefinition
from trainer.recipe import ClassBalanced, CrossEntropy, InverseFrequency

BALANCE = StudyDefinition(
    name="balance",
    question="Which sampling and which class weights against imbalance?",
    baseline=BASELINE,
    stages=(
        LEARNING_RATE,
        Stage(
            name="balance",
            factor="sampling",
            domain=Options(choices=("natural", "square_root", "balanced")),
            crossed=Factor(factor="loss", domain=Losses(choices=(CrossEntropy(), ClassBalanced(), InverseFrequency()))),
            nuisance=TUNED_LR,
        ),
    ),
)
