"""For labels that are a product (mask x gender x age): one head for all classes, or one head per part?"""

from spaces.baseline import BASELINE, LEARNING_RATE, TUNED_LR
from spaces.domain import Options
from spaces.stage import Stage
from spaces.study import StudyDefinition

HEADS = StudyDefinition(
    name="heads",
    question="One head for all classes, or one per part of the label?",
    baseline=BASELINE,
    stages=(
        LEARNING_RATE,
        Stage(name="heads", factor="heads", domain=Options(choices=("joint", "factored")), nuisance=TUNED_LR),
    ),
)
