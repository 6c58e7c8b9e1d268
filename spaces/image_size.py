"""How many pixels the backbone should see."""

from spaces.baseline import BASELINE, LEARNING_RATE, TUNED_LR
from spaces.domain import Options
from spaces.stage import Stage
from spaces.study import StudyDefinition

IMAGE_SIZE = StudyDefinition(
    name="image_size",
    question="How many pixels?",
    baseline=BASELINE,
    stages=(
        LEARNING_RATE,
        Stage(name="image_size", factor="image_size", domain=Options(choices=(16, 24, 32, 48, 64)), nuisance=TUNED_LR),
    ),
)
