"""Where the studies start, unless they say otherwise; and the two things most of them do."""

from spaces.domain import LogGrid
from spaces.stage import Nuisance, Stage
from trainer.recipe import AdamW, CrossEntropy, NoAugment, Recipe

BASELINE = Recipe(
    backbone="test_resnet",
    optimizer=AdamW(weight_decay=0.05),
    lr=1e-3,
    loss=CrossEntropy(),
    augment=NoAugment(),
    batch_size=64,
    epochs=12,
)
# A comparison of anything else under a bad learning rate says little: this comes first.
LEARNING_RATE = Stage(name="lr", factor="lr", domain=LogGrid(low=2.5e-4, high=1.6e-2))
TUNED_LR = Nuisance(field="lr")
